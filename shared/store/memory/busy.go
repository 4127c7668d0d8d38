package memory

import (
	"cmp"
	"maps"
	"slices"
	"sort"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

const (
	hour      = int64(60 * 60 * 1000)
	maxWindow = int64(feature.MaxWindow / 1e6) // milliseconds
	// tileAfter is how many events make a tile worth its 300 bytes and more; fewer are read one by one.
	tileAfter = 32
)

// busy is a stream of many events, by hour, with the tiles of every stretch that holds enough of them. The tiles follow
// every change, so that they are at any moment what feature.NewTile would make of the events.
type busy struct {
	family string
	hours  []*hourly // ascending
	tiles  map[tileKey]*tile
}

type hourly struct {
	start  int64
	events []feature.Event // ascending
}

type tileKey struct {
	level feature.Level
	start int64
}

// tile is written in place until a reader holds its parts.
type tile struct {
	feature.Tile
	shared bool
}

func keyOf(l feature.Level, at int64) tileKey { return tileKey{l, at - at%l.Span()} }

func newBusy(family string, events []feature.Event) *busy {
	b := &busy{family: family, tiles: map[tileKey]*tile{}}
	for i := range events {
		b.add(events[i])
	}
	return b
}

// hourOf returns the hour of an event, nil when it has none and make is false.
func (b *busy) hourOf(at int64, make bool) *hourly {
	start := at - at%hour
	n := len(b.hours)
	if n > 0 && b.hours[n-1].start == start {
		return b.hours[n-1]
	}
	i, found := slices.BinarySearchFunc(b.hours, start, func(h *hourly, start int64) int { return cmp.Compare(h.start, start) })
	if !found {
		if !make {
			return nil
		}
		b.hours = slices.Insert(b.hours, i, &hourly{start: start})
	}
	return b.hours[i]
}

func (b *busy) get(e *feature.Event) (feature.Event, bool) {
	h := b.hourOf(e.At, false)
	if h == nil {
		return feature.Event{}, false
	}
	i, found := find(h.events, e)
	if !found {
		return feature.Event{}, false
	}
	return h.events[i], true
}

func (b *busy) has(e *feature.Event) bool {
	_, found := b.get(e)
	return found
}

func (b *busy) add(e feature.Event) {
	h := b.hourOf(e.At, true)
	i, found := find(h.events, &e)
	if found {
		if old := h.events[i]; old != e {
			h.events[i] = e
			b.rebuild(e.At)
		}
		return
	}
	h.events = slices.Insert(h.events, i, e)
	for _, l := range feature.Levels(feature.LevelTenth) {
		key := keyOf(l, e.At)
		if t := b.tiles[key]; t != nil {
			t.own()
			t.Add(b.family, &e)
		} else if b.count(key) >= tileAfter {
			b.tiles[key] = &tile{Tile: feature.NewTile(b.family, l, key.start, b.within(key))}
		}
	}
}

// remove takes an event out, and out of every tile over it.
func (b *busy) remove(e *feature.Event) {
	h := b.hourOf(e.At, false)
	if h == nil {
		return
	}
	i, found := find(h.events, e)
	if !found {
		return
	}
	h.events = slices.Delete(h.events, i, i+1)
	b.rebuild(e.At)
}

// restate changes the statuses of an event.
func (b *busy) restate(old, changed *feature.Event) {
	h := b.hourOf(old.At, false)
	i, _ := find(h.events, old)
	h.events[i] = *changed
	for _, l := range feature.Levels(feature.LevelTenth) {
		if t := b.tiles[keyOf(l, old.At)]; t != nil {
			t.Totals.Restate(old, changed)
		}
	}
}

// rebuild makes the tiles over a moment anew: an event was replaced by another of the same time and id, or taken out. A
// tile of nothing goes.
func (b *busy) rebuild(at int64) {
	for _, l := range feature.Levels(feature.LevelTenth) {
		key := keyOf(l, at)
		if b.tiles[key] == nil {
			continue
		}
		if events := b.within(key); len(events) > 0 {
			b.tiles[key] = &tile{Tile: feature.NewTile(b.family, l, key.start, events)}
		} else {
			delete(b.tiles, key)
		}
	}
}

// count is how many events a tile stands for.
func (b *busy) count(key tileKey) int {
	n := 0
	b.parts(key.start, key.start+key.level.Span(), func(part []feature.Event) { n += len(part) })
	return n
}

// within lists the events of a tile.
func (b *busy) within(key tileKey) []feature.Event {
	return b.between(key.start, key.start+key.level.Span())
}

// parts calls f with the events in [start, end), hour by hour.
func (b *busy) parts(start, end int64, f func([]feature.Event)) {
	first := sort.Search(len(b.hours), func(i int) bool { return b.hours[i].start+hour > start })
	for _, h := range b.hours[first:] {
		if h.start >= end {
			return
		}
		events := h.events
		if h.start < start {
			events = events[sort.Search(len(events), func(i int) bool { return events[i].At >= start }):]
		}
		if h.start+hour > end {
			events = events[:sort.Search(len(events), func(i int) bool { return events[i].At >= end })]
		}
		f(events)
	}
}

// between copies the events in [start, end).
func (b *busy) between(start, end int64) []feature.Event {
	n := 0
	b.parts(start, end, func(part []feature.Event) { n += len(part) })
	list := make([]feature.Event, 0, n)
	b.parts(start, end, func(part []feature.Event) { list = append(list, part...) })
	return list
}

// visible is how many events a payment sees in 30 days.
func (b *busy) visible(own *feature.Event) int {
	count := 0
	for _, h := range b.hours {
		from, to := 0, len(h.events)
		if oldest := own.At - maxWindow; h.start <= oldest {
			from = sort.Search(to, func(i int) bool { return h.events[i].At > oldest })
		}
		if h.start+hour > own.At {
			to, _ = find(h.events, own)
		}
		count += max(to-from, 0)
	}
	return count
}

// stream reads the events and tiles that feature.Plan names, once to count them and once to copy them.
func (b *busy) stream(at int64) feature.Stream {
	plan := feature.Plan(at, at, feature.LevelTenth)
	events, tiles := 0, 0
	b.serve(plan, func(part []feature.Event) { events += len(part) }, func(*tile) { tiles++ })
	s := feature.Stream{Events: make([]feature.Event, 0, events), Tiles: make([]feature.Tile, 0, tiles)}
	b.serve(plan, func(part []feature.Event) { s.Events = append(s.Events, part...) }, func(t *tile) {
		t.shared = true
		s.Tiles = append(s.Tiles, t.Tile)
	})
	return s
}

// serve walks a plan. Where there is no tile there are few events, so that there is no finer tile either.
func (b *busy) serve(plan []feature.Span, part func([]feature.Event), whole func(*tile)) {
	for _, span := range plan {
		if span.Level == feature.LevelRaw {
			b.parts(span.Start, span.End, part)
			continue
		}
		for start := span.Start; start < span.End; start += span.Level.Span() {
			if t := b.tiles[tileKey{span.Level, start}]; t != nil {
				whole(t)
				continue
			}
			b.parts(start, start+span.Level.Span(), part)
		}
	}
}

// own makes sure that no reader holds a part of the tile.
func (t *tile) own() {
	if !t.shared {
		return
	}
	t.Amounts, t.shared = slices.Clone(t.Amounts), false
	if t.PartiesPrev != nil {
		prev := *t.PartiesPrev
		t.PartiesPrev = &prev
	}
}

// drop forgets whole days that are older than a moment, so that no tile stands for less than its time.
func (b *busy) drop(oldest int64) {
	oldest = keyOf(feature.LevelDay, oldest).start
	n := 0
	for n < len(b.hours) && b.hours[n].start < oldest {
		n++
	}
	if n == 0 {
		return
	}
	b.hours = slices.Delete(b.hours, 0, n)
	maps.DeleteFunc(b.tiles, func(k tileKey, _ *tile) bool { return k.start < oldest })
}
