package feature

import (
	"cmp"
	"slices"
	"sort"

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
	count    int
	distinct int // counterparties
	sum      pix.Money
	max      pix.Money
}

// stream is one direction of one entity, cut into windows.
type stream struct {
	windows [windowCount]bucket
	events  []Event // the visible ones of 30 days, ascending; valid while the vector is built
}

// last returns the event time of the newest visible event.
func (s *stream) last() (int64, bool) {
	if len(s.events) == 0 {
		return 0, false
	}
	return s.events[len(s.events)-1].At, true
}

// moment is the point that separates what a payment sees from what it does not, and how it names entities.
type moment struct {
	at       int64
	id       pix.EndToEndID
	rotating bool // some token of the payment has a previous form
}

// key names an entity by one number. While a rotation lasts every event of the last 31 days carries the token of the
// old key, afterwards every one carries that of the new key: so one number names an entity throughout a window.
func (m *moment) key(r Ref) uint64 {
	if m.rotating && r.Previous != 0 {
		return r.Previous
	}
	return r.Current
}

func newMoment(tx *pix.Transaction) moment {
	return moment{
		at: tx.EventTime.UnixMilli(),
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

// visible cuts ascending events down to those that m sees and that are younger than the longest window.
func (m *moment) visible(events []Event) []Event {
	end := sort.Search(len(events), func(i int) bool {
		e := &events[i]
		return e.At > m.at || e.At == m.at && e.ID >= m.id
	})
	start := sort.Search(end, func(i int) bool { return m.at-events[i].At < w30d.span() })
	return events[start:end]
}

// without returns events without those of id, in spare memory only when there is one: the same EndToEndId under another
// event time is the payment itself, redelivered with a corrected clock.
func without(events []Event, id pix.EndToEndID, spare []Event) (kept, spareAfter []Event) {
	if !holds(events, id) {
		return events, spare
	}
	from := len(spare)
	for i := range events {
		if events[i].ID != id {
			spare = append(spare, events[i])
		}
	}
	return spare[from:len(spare):len(spare)], spare
}

// holds reports whether some event is of id. It looks at the last character first: ids of one institution and minute are
// equal up to their random end.
func holds(events []Event, id pix.EndToEndID) bool {
	if id == "" {
		return false
	}
	last := id[len(id)-1]
	for i := range events {
		if e := &events[i]; len(e.ID) == len(id) && e.ID[len(id)-1] == last && e.ID == id {
			return true
		}
	}
	return false
}

// cut fills the windows of s from its visible events in one pass, newest first.
func (s *stream) cut(m *moment, set *distinctSet) {
	set.reset(len(s.events))
	var run bucket
	w := window(0)
	for i := len(s.events) - 1; i >= 0; i-- {
		e := &s.events[i]
		age := m.at - e.At
		for age >= w.span() {
			s.windows[w] = run
			w++
		}
		run.count++
		run.sum += e.Amount
		run.max = max(run.max, e.Amount)
		if set.add(m.key(e.Counterparty)) {
			run.distinct++
		}
	}
	for ; w < windowCount; w++ {
		s.windows[w] = run
	}
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

// add reports whether k is new. Zero stands for no entity and is never new.
func (d *distinctSet) add(k uint64) bool {
	if k == 0 {
		return false
	}
	for i := k & d.mask; ; i = (i + 1) & d.mask {
		switch d.slots[i] {
		case 0:
			d.slots[i] = k
			return true
		case k:
			return false
		}
	}
}
