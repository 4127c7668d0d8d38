package feature

import (
	"math"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// frame is everything that the entries of the registry compute from: the payment, its local time, and the windows of
// its entities, each computed once.
type frame struct {
	tx       *pix.Transaction
	moment   moment
	local    time.Time
	known    bool // the store answered
	device   bool // and the payment names a device
	payerOut stream
	payerIn  stream
	payeeOut stream
	payeeIn  stream
	use      stream
	pair     pairFacts
	typical  typicalAmount
	devices  deviceFacts
	nearly   int // payments of the payer in 24 h just under a limit

	set     distinctSet
	amounts []pix.Money
	spare   []Event
}

// pairFacts is what passed between payer and payee in 30 days.
type pairFacts struct {
	count, reverse int
	sum            pix.Money
	lastAt         int64
}

// typicalAmount describes the payer's payments of 30 days.
type typicalAmount struct {
	count             int
	median, deviation float64 // centavos; deviation is the median absolute deviation
}

// deviceFacts is what the payer's own payments of 30 days say of devices.
type deviceFacts struct {
	distinct int
	thisUsed int // payments with the device of this one
}

// fill computes f for one payment. A nil h leaves every history unknown.
func (f *frame) fill(tx *pix.Transaction, h *Histories, zone *time.Location) {
	f.tx, f.moment, f.local = tx, newMoment(tx), tx.EventTime.In(zone)
	f.known, f.device = h != nil, h != nil && tx.DeviceToken.Current != ""
	if h == nil {
		return
	}
	f.spare = f.spare[:0]
	f.load(&f.payerOut, h.Payer.Out.Events)
	f.load(&f.payerIn, h.Payer.In.Events)
	f.load(&f.payeeOut, h.Payee.Out.Events)
	f.load(&f.payeeIn, h.Payee.In.Events)
	f.load(&f.use, h.Device.Use.Events)
	f.fillPair()
	f.fillTypical()
	f.fillDevices()
	f.fillNearly()
}

// release drops what f holds of the caller's, so that a pooled frame keeps no payment alive.
func (f *frame) release() {
	f.tx = nil
	f.payerOut.events, f.payerIn.events = nil, nil
	f.payeeOut.events, f.payeeIn.events, f.use.events = nil, nil, nil
	clear(f.spare)
}

// load cuts one stream. Events that are out of order or repeated are put right in memory of the frame's own: the
// caller's history is never changed, because others may be reading it.
func (f *frame) load(s *stream, events []Event) {
	if !ordered(events) {
		from := len(f.spare)
		f.spare = append(f.spare, events...)
		events = Sort(f.spare[from:len(f.spare):len(f.spare)])
	}
	s.events = f.moment.visible(events)
	s.events, f.spare = without(s.events, f.tx.ID, f.spare)
	s.cut(&f.moment, &f.set)
}

func (f *frame) fillPair() {
	f.pair = pairFacts{}
	payee := f.moment.key(NewRef(f.tx.Payee.Account))
	if payee == 0 {
		return
	}
	for i := range f.payerOut.events {
		if e := &f.payerOut.events[i]; f.moment.key(e.Counterparty) == payee {
			f.pair.count++
			f.pair.sum += e.Amount
			f.pair.lastAt = e.At
		}
	}
	for i := range f.payerIn.events {
		if f.moment.key(f.payerIn.events[i].Counterparty) == payee {
			f.pair.reverse++
		}
	}
}

func (f *frame) fillTypical() {
	f.typical = typicalAmount{count: len(f.payerOut.events), median: math.NaN(), deviation: math.NaN()}
	if f.typical.count == 0 {
		return
	}
	f.amounts = f.amounts[:0]
	for i := range f.payerOut.events {
		f.amounts = append(f.amounts, f.payerOut.events[i].Amount)
	}
	f.typical.median = median(f.amounts)
	centre := pix.Money(f.typical.median)
	for i, a := range f.amounts {
		f.amounts[i] = max(a-centre, centre-a)
	}
	f.typical.deviation = median(f.amounts)
}

func (f *frame) fillDevices() {
	f.devices = deviceFacts{}
	this := f.moment.key(NewRef(f.tx.DeviceToken))
	f.set.reset(len(f.payerOut.events))
	for i := range f.payerOut.events {
		k := f.moment.key(f.payerOut.events[i].Device)
		if f.set.add(k) {
			f.devices.distinct++
		}
		if k != 0 && k == this {
			f.devices.thisUsed++
		}
	}
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

func (f *frame) fillNearly() {
	f.nearly = 0
	for i := len(f.payerOut.events) - 1; i >= 0; i-- {
		e := &f.payerOut.events[i]
		if f.moment.at-e.At >= w24h.span() {
			return
		}
		if justUnder(e.Amount) {
			f.nearly++
		}
	}
}

// median returns the middle of v, the mean of the two middle ones when their number is even, and reorders v.
func median(v []pix.Money) float64 {
	k := len(v) / 2
	upper := selectKth(v, k)
	if len(v)%2 == 1 {
		return float64(upper)
	}
	return (float64(slices.Max(v[:k])) + float64(upper)) / 2
}

// selectKth returns the k-th smallest of v and leaves the smaller ones before it: quickselect on the median of three,
// which payments that come in order do not slow down.
func selectKth(v []pix.Money, k int) pix.Money {
	lo, hi := 0, len(v)-1
	for lo < hi {
		mid := lo + (hi-lo)/2
		pivot := max(min(v[lo], v[mid]), min(max(v[lo], v[mid]), v[hi]))
		i, j := lo, hi
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return v[k]
		}
	}
	return v[k]
}
