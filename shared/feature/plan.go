package feature

// Level is how long a tile is.
type Level uint8

// The levels, finest first. LevelRaw stands for events themselves.
const (
	LevelRaw Level = iota
	LevelTenth
	LevelSecond
	LevelTenSeconds
	LevelMinute
	LevelHour
	LevelDay
	levelCount
)

// Span is the level's length in milliseconds. Tiles start at whole multiples of it, in UTC.
func (l Level) Span() int64 {
	return [levelCount]int64{1, second / 10, second, 10 * second, minute, hour, day}[l]
}

// Levels lists the levels of tiles from the finest that a stream has.
func Levels(finest Level) []Level {
	return []Level{LevelTenth, LevelSecond, LevelTenSeconds, LevelMinute, LevelHour, LevelDay}[finest-LevelTenth:]
}

// Span is a stretch of time [Start, End), in milliseconds, and the level at which to read it. A span of raw events covers
// whole multiples of the plan's finest tile, a span of tiles covers one tile or several of one level.
type Span struct {
	Level      Level
	Start, End int64
}

// Plan cuts the time that a payment at `at` sees into spans: disjoint, ascending, without a gap from the start of the
// longest window to the end of the finest tile that holds at. Every edge of a window, and the payment's own moment, lies
// in a raw span or between two spans, so that windows stay exact; everything else is the coarsest tile that fits. Only
// tiles that end at or before sealed are used. The finer the finest level, the fewer events are read one by one: about
// one such tile of them at each edge, and what is not sealed.
func Plan(at, sealed int64, finest Level) []Span {
	p := planner{finest: finest, limit: min(sealed, at)}
	for w := range windowCount {
		p.cuts[w] = at - w.span() + 1 // the first millisecond inside
	}
	end := floorTo(at, finest.Span()) + finest.Span()
	for t := floorTo(p.cuts[windowCount-1], finest.Span()); t < end; {
		t = p.take(t)
	}
	return p.spans
}

type planner struct {
	finest Level
	cuts   [windowCount]int64
	limit  int64 // tiles end here
	spans  []Span
}

// take adds the longest possible span that starts at t and returns its end.
func (p *planner) take(t int64) int64 {
	for l := LevelDay; l >= p.finest; l-- {
		if end := t + l.Span(); t%l.Span() == 0 && end <= p.limit && !p.cutInside(t, end) {
			p.add(l, t, end)
			return end
		}
	}
	p.add(LevelRaw, t, t+p.finest.Span())
	return t + p.finest.Span()
}

// cutInside reports whether an edge of a window divides the tile.
func (p *planner) cutInside(start, end int64) bool {
	for _, c := range p.cuts {
		if start < c && c < end {
			return true
		}
	}
	return false
}

func (p *planner) add(l Level, start, end int64) {
	if last := len(p.spans) - 1; last >= 0 && p.spans[last].Level == l && p.spans[last].End == start {
		p.spans[last].End = end
		return
	}
	p.spans = append(p.spans, Span{l, start, end})
}

// floorTo rounds down to a multiple of span, below zero too.
func floorTo(t, span int64) int64 {
	r := t % span
	if r < 0 {
		r += span
	}
	return t - r
}
