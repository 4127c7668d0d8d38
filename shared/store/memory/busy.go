package memory

import (
	"slices"
	"sort"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

const (
	maxWindow = int64(feature.MaxWindow / 1e6) // milliseconds
	// chunkEvents is how many events share their sums: at each edge of a window as many are read one by one at most.
	chunkEvents = 32
	// headEvents is how many of the newest events are handed out one by one, and how many more than that there may be before
	// the stretch that is known as a whole is moved on.
	headEvents = 64
	// settleAfter is how long an event may yet be followed by a payment that does not see it: twice pix.SameMoment, and room.
	settleAfter = int64(6000)
)

// busy is a stream of many events in chunks, with all that a payment reads of it kept beside them: sums, from which those of
// any window follow by one subtraction; the greatest ranks and amounts (ladder); a histogram that moves with the windows.
// What is handed out is a tile for each window, up to some seconds ago, and the events since then, so that a reader's work
// does not grow with the stream. A tile is exact for the window whose edge it was cut at, whichever events it stands for.
type busy struct {
	family   string
	chunks   []chunk // ascending, none empty
	newest   int64
	horizon  int64 // ladders may have forgotten events up to here; never later than to
	current  *extremes
	previous *extremes // nil until an event has a previous token
	amounts  amounts   // of FamilyOut

	to     int64 // up to here tiles are cut
	head   int   // events behind it, when it was chosen
	late   int64 // how far behind the newest event readers were lately
	hints  [windows + 2]int
	tiles  [windows]feature.Tile // handed out by View
	events []feature.Event       // the same
}

type chunk struct {
	events []feature.Event // ascending
	before feature.Totals  // of the chunks before it, but Max; there may be fewer than there were
	totals feature.Totals
}

func (c *chunk) last() *feature.Event { return &c.events[len(c.events)-1] }

func (c *chunk) count() {
	c.totals = feature.Totals{}
	for i := range c.events {
		c.totals.Add(&c.events[i])
	}
}

// spot is of an event: before it are whole chunks and some events of the next.
type spot struct{ chunk, event int }

func newBusy(family string, events []feature.Event) *busy {
	b := &busy{family: family}
	for i := range events {
		b.add(events[i])
	}
	return b
}

// find returns where an event is or would be.
func (b *busy) find(e *feature.Event) (spot, bool) {
	n := len(b.chunks)
	if n == 0 || before(b.chunks[n-1].last(), e) {
		return spot{n, 0}, false
	}
	c := n - 1
	if c > 0 && !before(b.chunks[c-1].last(), e) {
		c = sort.Search(n, func(i int) bool { return !before(b.chunks[i].last(), e) })
	}
	i, found := find(b.chunks[c].events, e)
	return spot{c, i}, found
}

// after returns the spot of the first event later than a moment. Edges of windows move little from one reader to the next.
func (b *busy) after(at int64, hint *int) spot {
	n := len(b.chunks)
	c := min(*hint, n)
	switch {
	case c > 0 && b.chunks[c-1].last().At > at, c+2 < n && b.chunks[c+2].last().At <= at:
		c = sort.Search(n, func(i int) bool { return b.chunks[i].last().At > at })
	default:
		for c < n && b.chunks[c].last().At <= at {
			c++
		}
	}
	if *hint = c; c == n {
		return spot{n, 0}
	}
	events := b.chunks[c].events
	return spot{c, sort.Search(len(events), func(i int) bool { return events[i].At > at })}
}

// upTo sums what is before a spot, but Max.
func (b *busy) upTo(p spot) feature.Totals {
	if p.chunk == len(b.chunks) {
		if p.chunk == 0 {
			return feature.Totals{}
		}
		last := &b.chunks[p.chunk-1]
		t := last.before
		t.Merge(&last.totals)
		return t
	}
	c := &b.chunks[p.chunk]
	t := c.before
	for i := range c.events[:p.event] {
		t.Add(&c.events[i])
	}
	return t
}

// count is how many events are before a spot.
func (b *busy) count(p spot) int {
	if p.chunk < len(b.chunks) {
		return b.chunks[p.chunk].before.Count + p.event
	}
	if p.chunk == 0 {
		return 0
	}
	last := &b.chunks[p.chunk-1]
	return last.before.Count + last.totals.Count
}

func (b *busy) get(e *feature.Event) (feature.Event, bool) {
	p, found := b.find(e)
	if !found {
		return feature.Event{}, false
	}
	return b.chunks[p.chunk].events[p.event], true
}

func (b *busy) has(e *feature.Event) bool {
	_, found := b.find(e)
	return found
}

func (b *busy) add(e feature.Event) {
	p, found := b.find(&e)
	switch {
	case found && b.chunks[p.chunk].events[p.event] == e:
		return
	case found:
		b.chunks[p.chunk].events[p.event] = e
		b.recount(p.chunk)
		b.forget()
		return
	case p.chunk == len(b.chunks):
		b.append(e)
	default:
		c := &b.chunks[p.chunk]
		c.events = slices.Insert(c.events, p.event, e)
		b.recount(p.chunk)
	}
	b.newest = max(b.newest, e.At)
	b.notice(&e)
}

// append puts an event behind all others.
func (b *busy) append(e feature.Event) {
	n := len(b.chunks)
	if n == 0 || len(b.chunks[n-1].events) >= chunkEvents {
		b.chunks = append(b.chunks, chunk{events: make([]feature.Event, 0, chunkEvents), before: b.upTo(spot{n, 0})})
		n++
	}
	c := &b.chunks[n-1]
	c.events = append(c.events, e)
	c.totals.Add(&e)
}

// recount sums a chunk again, in two when it has grown, and puts right what is known before those behind it.
func (b *busy) recount(i int) {
	if c := &b.chunks[i]; len(c.events) > 2*chunkEvents {
		b.chunks = slices.Insert(b.chunks, i+1, chunk{events: slices.Clone(c.events[chunkEvents:])})
		b.chunks[i].events = b.chunks[i].events[:chunkEvents:chunkEvents]
		b.chunks[i+1].count()
	}
	b.chunks[i].count()
	for i++; i < len(b.chunks); i++ {
		b.chunks[i].before = b.upTo(spot{i - 1, 0})
		b.chunks[i].before.Merge(&b.chunks[i-1].totals)
	}
}

// remove takes an event out.
func (b *busy) remove(e *feature.Event) {
	p, found := b.find(e)
	if !found {
		return
	}
	c := &b.chunks[p.chunk]
	if c.events = slices.Delete(c.events, p.event, p.event+1); len(c.events) == 0 {
		before := c.before
		if b.chunks = slices.Delete(b.chunks, p.chunk, p.chunk+1); p.chunk < len(b.chunks) {
			b.chunks[p.chunk].before = before
		}
	}
	if p.chunk < len(b.chunks) {
		b.recount(p.chunk)
	}
	b.forget()
}

// restate changes the statuses of an event.
func (b *busy) restate(old, changed *feature.Event) {
	p, _ := b.find(old)
	c := &b.chunks[p.chunk]
	c.events[p.event] = *changed
	c.totals.Restate(old, changed)
	for i := p.chunk + 1; i < len(b.chunks); i++ {
		b.chunks[i].before.Restate(old, changed)
	}
}

// each calls f with the events between two spots, chunk by chunk.
func (b *busy) each(from, to spot, f func([]feature.Event)) {
	for c := from.chunk; c <= to.chunk && c < len(b.chunks); c++ {
		events := b.chunks[c].events
		if c == to.chunk {
			events = events[:to.event]
		}
		if c == from.chunk {
			events = events[min(from.event, len(events)):]
		}
		f(events)
	}
}

// between copies the events between two spots behind list.
func (b *busy) between(list []feature.Event, from, to spot) []feature.Event {
	b.each(from, to, func(part []feature.Event) { list = append(list, part...) })
	return list
}

// seen returns the spots between which lies what a payment sees in 30 days.
func (b *busy) seen(own *feature.Event) (from, to spot) {
	to, _ = b.find(own)
	return b.after(own.At-maxWindow, &b.hints[windows-1]), to
}

// visible is how many events a payment sees in 30 days.
func (b *busy) visible(own *feature.Event) int {
	from, to := b.seen(own)
	return max(b.count(to)-b.count(from), 0)
}

// all copies what a payment sees in 30 days.
func (b *busy) all(own *feature.Event) []feature.Event {
	from, to := b.seen(own)
	return b.between(make([]feature.Event, 0, max(b.count(to)-b.count(from), 0)), from, to)
}

// earliest is the first event that is left.
func (b *busy) earliest() []feature.Event {
	if len(b.chunks) == 0 {
		return nil
	}
	return b.chunks[0].events
}

// drop forgets chunks of which everything is older than a moment.
func (b *busy) drop(oldest int64) {
	n := 0
	for n < len(b.chunks) && b.chunks[n].last().At < oldest {
		n++
	}
	if n == 0 {
		return
	}
	if b.amounts.from < b.chunks[n-1].last().At {
		b.amounts = amounts{}
	}
	clear(b.chunks[:n])
	b.chunks = b.chunks[n:]
	for i := range b.hints {
		b.hints[i] = max(b.hints[i]-n, 0)
	}
}
