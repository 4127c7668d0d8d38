package memory

import (
	"math"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

// ladder finds the greatest value of any stretch of time without looking at every event: it forgets an event when a later
// one is as great, except the youngest, which some readers see and others do not.
type ladder struct {
	rungs []rung // ascending by time
	kept  int    // at the last look
}

type rung struct{ at, value int64 }

const spareRungs = 16

// add takes an event. Events up to the horizon are seen by every reader that may still come, those before oldest by none.
func (l *ladder) add(r rung, oldest, horizon int64) {
	i := len(l.rungs)
	l.rungs = append(l.rungs, r)
	for ; i > 0 && l.rungs[i-1].at > r.at; i-- {
		l.rungs[i] = l.rungs[i-1]
	}
	l.rungs[i] = r
	if len(l.rungs) > 2*l.kept+spareRungs {
		l.forget(oldest, horizon)
	}
}

func (l *ladder) forget(oldest, horizon int64) {
	settled := len(l.rungs)
	for settled > 0 && l.rungs[settled-1].at > horizon {
		settled--
	}
	from, best := settled, int64(-1)
	for i := settled - 1; i >= 0 && l.rungs[i].at >= oldest; i-- {
		if r := l.rungs[i]; r.value > best {
			from--
			best, l.rungs[from] = r.value, r
		}
	}
	l.rungs = l.rungs[:copy(l.rungs, l.rungs[from:])]
	l.kept = len(l.rungs)
}

// greatest returns the latest of the greatest events in (from, to], zero when there is none.
func (l *ladder) greatest(from, to int64) rung {
	var best rung
	for i := len(l.rungs) - 1; i >= 0 && l.rungs[i].at > from; i-- {
		if r := l.rungs[i]; r.value > best.value && r.at <= to {
			best = r
		}
	}
	return best
}

// extremes are the sketches and the largest amounts of a stream's windows.
type extremes struct {
	previous bool // counterparties go by their previous tokens, as they do while a rotation lasts
	ranks    [len(feature.Sketch{})]ladder
	amounts  ladder
	windows  [windows]extreme
}

// extreme is of (from, to]. Moving from on changes only what was found in what falls out.
type extreme struct {
	from, until int64 // until then nothing falls out
	parties     feature.Sketch
	at          [len(feature.Sketch{})]int64 // of the event that a register is made of
	largest     rung
}

func (x *extremes) add(e *feature.Event, oldest, horizon int64) {
	if register, rank := feature.SketchRank(x.key(e)); rank > 0 {
		x.ranks[register].add(rung{e.At, int64(rank)}, oldest, horizon)
	}
	x.amounts.add(rung{e.At, int64(e.Amount)}, oldest, horizon)
}

func (x *extremes) key(e *feature.Event) uint64 {
	if x.previous && e.Counterparty.Previous != 0 {
		return e.Counterparty.Previous
	}
	return e.Counterparty.Current
}

// stale has everything looked for anew: the stretch ends elsewhere, or something came into it late.
func (x *extremes) stale() {
	for w := range x.windows {
		x.windows[w].until = 0
	}
}

// window returns what is known of (from, to], where every call since the last stale names the same end.
func (x *extremes) window(w int, from, to int64) *extreme {
	known := &x.windows[w]
	switch {
	case known.until == 0 || from < known.from:
		x.find(known, from, to, math.MaxInt64)
	case from >= known.until:
		x.find(known, from, to, from)
	}
	known.from = from
	return known
}

// find looks anew for what is made of an event up to a moment.
func (x *extremes) find(e *extreme, from, to, fallen int64) {
	if e.largest.at <= fallen {
		e.largest = x.amounts.greatest(from, to)
	}
	e.until = math.MaxInt64
	if e.largest.value > 0 {
		e.until = e.largest.at
	}
	for i := range x.ranks {
		if e.at[i] <= fallen && (e.at[i] > 0 || fallen == math.MaxInt64) {
			r := x.ranks[i].greatest(from, to)
			e.parties[i], e.at[i] = uint8(r.value), r.at
		}
		if e.at[i] > 0 {
			e.until = min(e.until, e.at[i])
		}
	}
}
