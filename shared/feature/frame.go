package feature

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// frame is everything that the entries of the registry compute from: the payment, its local time, and the windows of
// its entities, each computed once.
type frame struct {
	tx       *pix.Transaction
	moment   moment
	local    time.Time
	payday   float64 // local days since wages were due
	known    bool    // the store answered
	device   bool    // and the payment names a device
	payerOut stream
	payerIn  stream
	payeeOut stream
	payeeIn  stream
	use      stream
	pair     stream
	reverse  stream
	first    firsts
	marks    marks
	usual    usualAmount
	devices  deviceFacts

	set     distinctSet
	typical histogram // amounts of payerOut
	spare   []Event
}

// usualAmount describes the payer's payments of 30 days, from the histogram of their amounts.
type usualAmount struct {
	count                   int
	median, deviation, rank float64 // centavos; deviation is the median absolute deviation; rank is a share
}

// deviceFacts is what the payer's own payments of 30 days say of devices; unknown when the payer is busy.
type deviceFacts struct {
	known    bool
	distinct int
	thisUsed int // payments with the device of this one
}

// fill computes f for one payment. A nil h leaves every history unknown.
func (f *frame) fill(tx *pix.Transaction, h *Histories, zone *time.Location) {
	f.tx, f.moment, f.local = tx, newMoment(tx), tx.Moment().In(zone)
	f.payday = sincePayday(f.local)
	f.known, f.device = h != nil, h != nil && tx.DeviceToken.Current != ""
	if h == nil {
		return
	}
	f.spare = f.spare[:0]
	f.typical.reset()
	f.load(&f.payerOut, &h.Payer.Out, wants{distinct: w30d, outcomes: true, amounts: true})
	f.load(&f.payerIn, &h.Payer.In, wants{distinct: w24h})
	f.load(&f.payeeOut, &h.Payee.Out, wants{distinct: w30d})
	f.load(&f.payeeIn, &h.Payee.In, wants{distinct: w30d, outcomes: true})
	f.load(&f.use, &h.Device.Use, wants{distinct: w30d})
	f.load(&f.pair, &h.Pair.Out, wants{distinct: -1})
	f.load(&f.reverse, &h.Reverse.Out, wants{distinct: -1})
	f.fillFirsts(h)
	f.fillMarks(h)
	f.fillDevices()
	f.fillUsual()
}

// release drops what f holds of the caller's, so that a pooled frame keeps no payment alive.
func (f *frame) release() {
	f.tx = nil
	for _, s := range [...]*stream{&f.payerOut, &f.payerIn, &f.payeeOut, &f.payeeIn, &f.use, &f.pair, &f.reverse} {
		s.events, s.tiles = nil, nil
	}
	clear(f.spare)
}

// load cuts one stream. Events that are out of order or repeated are put right in memory of the frame's own: the
// caller's history is never changed, because others may be reading it.
func (f *frame) load(s *stream, from *Stream, w wants) {
	events := from.Events
	if len(from.Tiles) == 0 && len(events) <= BusyEvents {
		if f.cut(s, events, w) {
			return
		}
		f.cut(s, f.sorted(events), w)
		return
	}
	if !ordered(events) {
		events = f.sorted(events)
	}
	*s = stream{events: f.moment.visible(events)}
	count := len(s.events)
	for i := range from.Tiles {
		count += from.Tiles[i].Totals.Count
	}
	if s.busy = count > BusyEvents || len(from.Tiles) > 0; !s.busy {
		f.cut(s, s.events, w)
		return
	}
	s.tiles = make([]*Tile, len(from.Tiles))
	for i := range from.Tiles {
		s.tiles[i] = &from.Tiles[i]
	}
	slices.SortFunc(s.tiles, func(a, b *Tile) int { return cmp.Compare(a.Start, b.Start) })
	f.cutBusy(s, w)
}

// sorted returns an ordered copy of events, in the frame's memory.
func (f *frame) sorted(events []Event) []Event {
	from := len(f.spare)
	f.spare = append(f.spare, events...)
	return Sort(f.spare[from:len(f.spare):len(f.spare)])
}

// visible cuts ascending events down to those that m sees and that are younger than the longest window.
func (m *moment) visible(events []Event) []Event {
	end := sort.Search(len(events), func(i int) bool { return !m.sees(&events[i]) })
	start := sort.Search(end, func(i int) bool { return m.at-events[i].At < w30d.span() })
	return events[start:end]
}

// own reports whether an earlier event is the payment itself, redelivered with a corrected clock: an EndToEndId is valid
// within 12 hours of the minute in it, so two event times of one lie less than a day apart.
func (f *frame) own(e *Event) bool { return f.moment.at-e.At < day && sameID(e.ID, f.moment.id) }

// sameID compares from the end: ids of one institution and minute are equal up to their random part.
func sameID(a, b pix.EndToEndID) bool {
	n := len(b)
	return n > 0 && len(a) == n && a[n-1] == b[n-1] && a == b
}

// Busy reports whether the payment sees more than BusyEvents events of the stream in 30 days, those in tiles included.
// Only then may the stream have tiles.
func (s *Stream) Busy(tx *pix.Transaction) bool {
	m, count := newMoment(tx), 0
	for i := range s.Events {
		if e := &s.Events[i]; m.at-e.At < w30d.span() && m.sees(e) {
			count++
		}
	}
	for i := range s.Tiles {
		count += s.Tiles[i].Totals.Count
	}
	return count > BusyEvents
}

func (f *frame) fillUsual() {
	if !f.payerOut.busy {
		older, recent := f.split(f.payerOut.events)
		f.typical.fill(older)
		for i := range recent {
			if !f.own(&recent[i]) {
				f.typical.add(binOf(recent[i].Amount), 1)
			}
		}
	}
	f.usual = usualAmount{count: f.typical.total, median: math.NaN(), deviation: math.NaN(), rank: math.NaN()}
	if f.usual.count == 0 {
		return
	}
	f.usual.median = f.typical.median()
	f.usual.deviation = f.typical.deviation(f.usual.median)
	f.usual.rank = f.typical.rank(f.tx.Amount)
}

// fillDevices looks at the single payments of a payer that is not busy.
func (f *frame) fillDevices() {
	f.devices = deviceFacts{known: !f.payerOut.busy}
	if f.payerOut.busy {
		return
	}
	older, recent := f.split(f.payerOut.events)
	this, last := f.moment.key(NewRef(f.tx.DeviceToken)), uint64(0)
	f.set.reset(len(f.payerOut.events))
	use := func(e *Event) {
		k := f.moment.key(e.Device)
		if k == this && k != 0 {
			f.devices.thisUsed++
		}
		if k != last { // most payments come from the device of the one before
			f.devices.distinct += f.set.add(k)
			last = k
		}
	}
	for i := range older {
		use(&older[i])
	}
	for i := range recent {
		if e := &recent[i]; !f.own(e) {
			use(e)
			f.payerOut.windows[w24h].NearLimit += int(truth(justUnder(e.Amount)))
		}
	}
}

// split parts ascending events into those a day old and older, and the rest, among which the payment itself may be.
func (f *frame) split(events []Event) (older, recent []Event) {
	i := sort.Search(len(events), func(i int) bool { return f.moment.at-events[i].At < day })
	return events[:i], events[i:]
}

// Limits that structuring stays under, in centavos: an unregistered device's payment (Res. BCB 403) and the night limit
// of people. They shape a signal only; the rules themselves are dated configuration of the policy.
const (
	limitDevice = pix.Money(200_00)
	limitNight  = pix.Money(1000_00)
)

// justUnder reports whether a is at most 5 % below one of the limits, or on it.
func justUnder(a pix.Money) bool {
	return a > limitDevice*95/100 && a <= limitDevice || a > limitNight*95/100 && a <= limitNight
}
