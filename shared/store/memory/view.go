package memory

import (
	"cmp"
	"slices"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// windows is how many windows a stream is cut into.
const windows = 6

// spans are their lengths in milliseconds, shortest first.
func spans() [windows]int64 {
	const minute = int64(60_000)
	return [windows]int64{minute, 10 * minute, 60 * minute, 24 * 60 * minute, 7 * 24 * 60 * minute, maxWindow}
}

// notice takes an event into what is kept beside the chunks.
func (b *busy) notice(e *feature.Event) {
	if b.amounts.holds(e.At) {
		b.amounts.put(e, 1)
	}
	if b.current == nil {
		return
	}
	if b.previous == nil && e.Counterparty.Previous != 0 {
		b.forget()
		return
	}
	b.climb(e)
	if e.At <= b.to {
		b.stale()
	}
}

func (b *busy) climb(e *feature.Event) {
	b.horizon = max(b.horizon, min(b.newest-settleAfter, b.to))
	oldest := b.newest - retention
	b.current.add(e, oldest, b.horizon)
	if b.previous != nil {
		b.previous.add(e, oldest, b.horizon)
	}
}

func (b *busy) stale() {
	b.current.stale()
	if b.previous != nil {
		b.previous.stale()
	}
}

// forget drops what is kept beside the chunks; the next reader has it made again. It is so when an event is taken out or
// replaced, which is rare.
func (b *busy) forget() {
	b.current, b.previous, b.amounts = nil, nil, amounts{}
	b.to, b.head, b.horizon = 0, 0, 0
}

// ready makes what was forgotten.
func (b *busy) ready() {
	if b.current != nil {
		return
	}
	b.forget()
	b.current = &extremes{}
	if n := len(b.chunks); n > 0 {
		b.newest = b.chunks[n-1].last().At
	}
	b.to = b.newest - settleAfter
	all := func(f func(*feature.Event)) {
		for i := range b.chunks {
			for j := range b.chunks[i].events {
				f(&b.chunks[i].events[j])
			}
		}
	}
	all(func(e *feature.Event) {
		if b.previous == nil && e.Counterparty.Previous != 0 {
			b.previous = &extremes{previous: true}
		}
	})
	all(b.climb)
}

// stream returns what a payment sees. It is the reader's until the next one, or for good when it keeps it.
func (b *busy) stream(r *reader) feature.Stream {
	b.ready()
	if r.own.At <= b.horizon {
		return feature.Stream{Events: b.all(&r.own)} // events that it does not see may have hidden some that it does
	}
	to := b.turn(r.own.At)
	tiles, head := b.tiles[:], b.events[:0]
	if r.keeps {
		tiles, head = make([]feature.Tile, windows), nil
	}
	b.cut(tiles, r.own.At, to)
	end, _ := b.find(&r.own)
	head = b.between(head, b.after(to, &b.hints[windows]), end)
	if !r.keeps {
		b.events = head
	} else if tiles[windows-1].Amounts != nil {
		tiles[windows-1].Amounts = slices.Clone(tiles[windows-1].Amounts)
	}
	return feature.Stream{Events: head, Tiles: tiles}
}

// turn says up to where tiles are cut for a reader. That moves on when many events have come behind it, and stays behind
// as far as readers come late, so that most of them meet what is known.
func (b *busy) turn(at int64) (to int64) {
	if at <= b.to { // it sees less than the others
		b.to = at - 1
		b.stale()
		return b.to
	}
	b.late = max(b.late, b.newest-at)
	behind := func(to int64) int {
		return b.count(b.after(at-1, &b.hints[windows+1])) - b.count(b.after(to, &b.hints[windows]))
	}
	if behind(b.to) <= 2*max(b.head, headEvents/2) {
		return b.to
	}
	next := min(b.newest-settleAfter, at-1)
	if behind(next) > headEvents {
		next = min(b.newest-b.late, at) - 1
	}
	if next > b.to {
		b.to = next
		b.stale()
	}
	b.head = max(behind(b.to), 0)
	b.late -= b.late / 4
	return b.to
}

// cut makes a tile of each window: of what lies in it and in no shorter one, up to a moment. Sketches and the largest amount
// are of all of the window, which says the same.
func (b *busy) cut(tiles []feature.Tile, at, to int64) {
	later := b.upTo(b.after(to, &b.hints[windows]))
	last := b.lastUpTo(to)
	for w, span := range spans() {
		edge := at - span
		t := &tiles[w]
		t.Start, t.Totals, t.Last = edge+1, later, 0
		until := min(edge, to)
		later = b.upTo(b.after(until, &b.hints[w]))
		t.Totals.Subtract(&later)
		known := b.current.window(w, until, to)
		t.Parties, t.Totals.Max = known.parties, pix.Money(known.largest.value)
		if last > edge {
			t.Last = last
		}
		if t.PartiesPrev = nil; b.previous != nil {
			parties := b.previous.window(w, until, to).parties
			t.PartiesPrev = &parties
		}
	}
	if b.family == feature.FamilyOut {
		b.move(at-maxWindow, to)
		tiles[windows-1].Amounts = b.amounts.bins
	}
}

// lastUpTo is the time of the newest event up to a moment, 0 when there is none.
func (b *busy) lastUpTo(to int64) int64 {
	p := b.after(to, &b.hints[windows])
	switch {
	case p.event > 0:
		return b.chunks[p.chunk].events[p.event-1].At
	case p.chunk > 0:
		return b.chunks[p.chunk-1].last().At
	default:
		return 0
	}
}

// amounts is the histogram of (from, to].
type amounts struct {
	from, to int64
	bins     []feature.Bin // ascending
}

func (a *amounts) holds(at int64) bool { return a.from < at && at <= a.to }

// put counts an event, or takes it out.
func (a *amounts) put(e *feature.Event, by int) {
	index := feature.BinOf(e.Amount)
	i, found := slices.BinarySearchFunc(a.bins, index, func(b feature.Bin, i uint16) int { return cmp.Compare(b.Index, i) })
	if !found {
		a.bins = slices.Insert(a.bins, i, feature.Bin{Index: index})
	}
	a.bins[i].Count += uint32(by)
	if a.bins[i].Count == 0 {
		a.bins = slices.Delete(a.bins, i, i+1)
	}
}

// move brings the histogram to (from, to].
func (b *busy) move(from, to int64) {
	a := &b.amounts
	if a.to <= from || a.from >= to { // nothing in common
		*a = amounts{from: from, to: from, bins: a.bins[:0]}
	}
	b.shift(a.from, from, -1)
	b.shift(a.to, to, 1)
	a.from, a.to = from, to
}

// shift counts the events of (old, next], and with the other sign when an edge moves back.
func (b *busy) shift(old, next int64, by int) {
	if next < old {
		old, next, by = next, old, -by
	}
	hint := len(b.chunks)
	begin := b.after(old, &hint)
	b.each(begin, b.after(next, &hint), func(part []feature.Event) {
		for i := range part {
			b.amounts.put(&part[i], by)
		}
	})
}
