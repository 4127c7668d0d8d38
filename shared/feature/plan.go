package feature

import "slices"

// Level is how long a tile is.
type Level uint8

// The levels, finest first. LevelRaw stands for events themselves, which a store keeps in rows of RawSpan.
const (
	LevelRaw Level = iota
	LevelTenSeconds
	LevelMinute
	LevelHour
	LevelDay
	levelCount
)

// RawSpan is the length of a raw row in milliseconds, and of the finest tile.
const RawSpan = 10 * second

// Span is the level's length in milliseconds. Tiles start at whole multiples of it, in UTC.
func (l Level) Span() int64 {
	return [levelCount]int64{RawSpan, RawSpan, minute, hour, day}[l]
}

// Levels lists the levels of tiles, finest first.
func Levels() []Level { return []Level{LevelTenSeconds, LevelMinute, LevelHour, LevelDay} }

// Span is a stretch of time [Start, End), in milliseconds, and the level at which to read it. A span of raw events covers
// whole rows of RawSpan, a span of tiles covers one tile or several of one level.
type Span struct {
	Level      Level
	Start, End int64
}

// Plan cuts the time that a payment at `at` sees into spans: disjoint, ascending, without a gap from the start of the
// longest window, or from since if that is later, to the end of the row that holds at. Every edge of a window and the
// whole last minute lie in raw spans, so that windows stay exact; everything else is the coarsest tile that fits. Only
// tiles that end at or before sealed are used.
func Plan(at, sealed, since int64) []Span {
	cuts := [windowCount]int64{}
	for w := range windowCount {
		cuts[w] = at - w.span() + 1 // the first millisecond inside
	}
	slices.Sort(cuts[:])
	p := planner{cuts: cuts, limit: min(sealed, floorTo(cuts[windowCount-1], RawSpan))}
	start := floorTo(max(cuts[0], since), RawSpan)
	end := floorTo(at, RawSpan) + RawSpan
	for t := start; t < end; {
		t = p.take(t)
	}
	return p.spans
}

type planner struct {
	cuts  [windowCount]int64
	limit int64 // tiles end here
	spans []Span
}

// take adds the longest possible span that starts at t and returns its end.
func (p *planner) take(t int64) int64 {
	for l := LevelDay; l > LevelRaw; l-- {
		if end := t + l.Span(); t%l.Span() == 0 && end <= p.limit && !p.cutInside(t, end) {
			p.add(l, t, end)
			return end
		}
	}
	p.add(LevelRaw, t, t+RawSpan)
	return t + RawSpan
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
