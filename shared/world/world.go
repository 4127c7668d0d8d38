package world

// World is a running simulation. It is not safe for concurrent use.
type World struct {
	params Params
}

// New starts a world. Values out of range are clamped; Params.Validate reports them.
func New(p Params) *World {
	return &World{params: p.withDefaults()}
}

// Next returns the next payment that touches our institution, false when the last day is over.
func (w *World) Next() (Event, bool) {
	return Event{}, false
}
