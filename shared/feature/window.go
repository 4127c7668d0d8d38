package feature

import (
	"cmp"
	"slices"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// window indexes the windows that every stream of events is cut into.
type window int

// The windows, shortest first: each holds the one before it.
const (
	w1m window = iota
	w10m
	w1h
	w24h
	w7d
	w30d
	windowCount
)

// Milliseconds.
const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// span is the window's length in milliseconds.
func (w window) span() int64 {
	return [windowCount]int64{minute, 10 * minute, hour, day, 7 * day, 30 * day}[w]
}

// String names the window as feature names do.
func (w window) String() string {
	return [windowCount]string{"1m", "10m", "1h", "24h", "7d", "30d"}[w]
}

// bucket aggregates the events of one window.
type bucket struct {
	Totals
	distinct int // counterparties; only in the windows that some feature asks for
}

// stream is one direction of one entity, cut into windows.
type stream struct {
	windows [windowCount]bucket
	busy    bool    // more than BusyEvents: distincts are estimates, and single events are not to be looked at
	last    int64   // event time of the newest visible event; 0 when there is none
	events  []Event // of 30 days, ascending, the payment's own included; valid while the vector is built
	tiles   []*Tile
}

// wants says what of a stream the features ask for.
type wants struct {
	distinct window // longest window in which counterparties are counted; -1 is none
	outcomes bool   // what became of the payments
	amounts  bool   // the histogram of 30 days, when the stream is busy; frame.fillUsual makes it of an ordinary one
}

// moment is the point that separates what a payment sees from what it does not, and how it names entities.
type moment struct {
	at       int64
	id       pix.EndToEndID
	rotating bool // some token of the payment has a previous form
}

// key names an entity as this payment's windows do.
func (m *moment) key(r Ref) uint64 { return r.key(m.rotating) }

// sees reports whether an event comes before the payment.
func (m *moment) sees(e *Event) bool { return e.At < m.at || e.At == m.at && e.ID < m.id }

func newMoment(tx *pix.Transaction) moment {
	return moment{
		at: tx.Moment().UnixMilli(),
		id: tx.ID,
		rotating: tx.Payer.Account.Previous != "" || tx.Payee.Account.Previous != "" ||
			tx.DeviceToken.Previous != "",
	}
}

// compareEvents orders events by time, then EndToEndId: the order in which payments see one another.
func compareEvents(a, b Event) int {
	if c := cmp.Compare(a.At, b.At); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

// before reports whether a comes before b in that order.
func before(a, b *Event) bool { return a.At < b.At || a.At == b.At && a.ID < b.ID }

// ordered reports whether events ascend strictly, so that there are no duplicates either.
func ordered(events []Event) bool {
	for i := 1; i < len(events); i++ {
		if a, b := &events[i-1], &events[i]; a.At >= b.At && (a.At > b.At || a.ID >= b.ID) {
			return false
		}
	}
	return true
}

// Sort brings events into ascending (At, ID) order in place and drops duplicates, as a Stream is read fastest. What
// statuses said of a duplicate is kept: the same payment may stand in the rows of two tokens.
func Sort(events []Event) []Event {
	if ordered(events) {
		return events
	}
	slices.SortFunc(events, compareEvents)
	kept := events[:1]
	for i := 1; i < len(events); i++ {
		e, last := &events[i], &kept[len(kept)-1]
		if e.At != last.At || e.ID != last.ID {
			kept = append(kept, *e)
			continue
		}
		last.State |= e.State
		last.Returned = max(last.Returned, e.Returned)
	}
	return kept
}

// distinctSet counts different numbers exactly. The numbers are already hashes, so their low bits pick the slot.
type distinctSet struct {
	slots []uint64
	mask  uint64
}

// reset empties the set and makes room for n numbers at a load of at most one half.
func (d *distinctSet) reset(n int) {
	size := 16
	for size < 2*n {
		size *= 2
	}
	if cap(d.slots) < size {
		d.slots = make([]uint64, size)
	}
	d.slots = d.slots[:size]
	clear(d.slots)
	d.mask = uint64(size - 1)
}

// add returns 1 when k is new, else 0: a number rather than a truth, because which it is cannot be foretold and a
// mistaken branch costs more than the search. Zero stands for no entity and is never new.
func (d *distinctSet) add(k uint64) int {
	if k == 0 {
		return 0
	}
	i := k & d.mask
	for d.slots[i] != 0 && d.slots[i] != k {
		i = (i + 1) & d.mask
	}
	isNew := 0
	if d.slots[i] == 0 {
		isNew = 1
	}
	d.slots[i] = k
	return isNew
}
