package feature

import (
	"math"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// cut fills s from the events of an ordinary stream in one pass, newest first, which also checks their order. It reports
// false, having done nothing of use, when they are out of order or repeated.
func (f *frame) cut(s *stream, events []Event, w wants) bool {
	*s = stream{}
	end, ok := f.skipLater(events)
	if !ok {
		return false
	}
	c := cutter{frame: f, wants: w, events: events, i: end - 1, at: math.MaxInt64}
	if w.distinct >= 0 {
		f.set.reset(end)
	}
	for win := range windowCount {
		if !c.window(win) {
			return false
		}
		s.windows[win] = c.run
	}
	s.events, s.last = events[c.i+1:end], c.last
	return ordered(events[:max(c.i+1, 0)]) && (c.i < 0 || end == c.i+1 || before(&events[c.i], &events[c.i+1]))
}

// skipLater returns the end of the events that the payment sees, and whether those after it are in order.
func (f *frame) skipLater(events []Event) (end int, ok bool) {
	for end = len(events); end > 0 && !f.moment.sees(&events[end-1]); end-- {
		if end < len(events) && !before(&events[end-1], &events[end]) {
			return 0, false
		}
	}
	return end, true
}

// cutter walks a stream from its newest visible event to its oldest.
type cutter struct {
	*frame
	wants  wants
	events []Event
	i      int   // the next event
	at     int64 // event time of the one before it in the walk
	run    bucket
	last   int64
}

// window adds the events that are in the window and were in no shorter one. It reports false when they are out of order.
func (c *cutter) window(w window) bool {
	edge, rotating := c.moment.at-w.span(), c.moment.rotating
	parties, outcomes := w <= c.wants.distinct, c.wants.outcomes
	run, events, i, at := &c.run, c.events, c.i, c.at
	var sum, largest pix.Money
	count, distinct, party := 0, 0, uint64(0)
	for ; i >= 0; i-- {
		e := &events[i]
		if e.At <= edge {
			break
		}
		if e.At >= at && (e.At > at || !before(e, &events[i+1])) {
			return false
		}
		at = e.At
		if w <= w24h && c.own(e) {
			continue
		}
		if count == 0 {
			c.last = max(c.last, at)
		}
		count++
		sum += e.Amount
		largest = max(largest, e.Amount)
		if parties {
			if k := e.Counterparty.key(rotating); k != party { // a device's account is nearly always the one before
				distinct += c.set.add(k)
				party = k
			}
		}
		if outcomes && (e.State != 0 || e.Returned != 0) {
			run.addOutcome(e)
		}
	}
	run.Count += count
	run.Sum += sum
	run.Max = max(run.Max, largest)
	run.distinct += distinct
	c.i, c.at = i, at
	return true
}

// cutBusy fills s from the events and tiles of a busy stream: counterparties come from sketches, and the payment itself
// under another event time is not looked for, since a tile hides it: the table has it until it is withdrawn.
func (f *frame) cutBusy(s *stream, w wants) {
	var run bucket
	var parties Sketch
	i, tiles := len(s.events)-1, s.tiles
	for win := range windowCount {
		edge := f.moment.at - win.span()
		for ; i >= 0 && s.events[i].At > edge; i-- {
			e := &s.events[i]
			s.last = max(s.last, e.At)
			run.Add(e)
			parties.Add(f.moment.key(e.Counterparty))
			if w.amounts {
				f.typical.add(binOf(e.Amount), 1)
			}
		}
		for ; len(tiles) > 0 && tiles[len(tiles)-1].Start > edge; tiles = tiles[:len(tiles)-1] {
			t := tiles[len(tiles)-1]
			s.last = max(s.last, t.Last)
			run.Merge(&t.Totals)
			parties.Merge(t.parties(f.moment.rotating))
			for _, b := range t.Amounts {
				if w.amounts {
					f.typical.add(int(b.Index), int(b.Count))
				}
			}
		}
		s.windows[win] = run
		if win <= w.distinct {
			s.windows[win].distinct = parties.Count()
		}
	}
}
