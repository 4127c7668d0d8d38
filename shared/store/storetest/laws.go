package storetest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Status gives the n-th part of what became of a payment: 0 settled, 1 rejected, from 2 on returns of n centavos each.
func Status(tx *pix.Transaction, n int) pix.Status {
	s := pix.Status{ID: tx.ID, EventTime: tx.EventTime, State: pix.Settled, OccurredAt: tx.EventTime.Add(time.Second)}
	switch {
	case n == 1:
		s.State = pix.Rejected
	case n > 1:
		s.State, s.ReturnID, s.Returned = pix.Returned, fmt.Sprintf("D12345678202601151500%011d", n), pix.Money(n)
	}
	return s
}

// Label gives a report on a payment that arrived some hours after Start.
func Label(tx *pix.Transaction, hours int, fraud bool) pix.Label {
	return pix.Label{
		ID: tx.ID, EventTime: tx.EventTime, ArrivedAt: Start().Add(time.Duration(hours) * time.Hour), Fraud: fraud, Source: "MED",
	}
}

func statusesOnce(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx, other := Payment(500, 10, 20), Payment(501, 10, 20)
	late, rejected := Status(&tx, 3), Status(&other, 1)
	must(t, s.MarkStatus(t.Context(), &tx, &late)) // before its event: order does not matter
	must(t, s.MarkStatus(t.Context(), &other, &rejected))
	must(t, s.Record(t.Context(), &tx))
	must(t, s.Record(t.Context(), &other))
	for _, n := range []int{0, 2, 3, 2, 0} { // twice changes nothing; returns of two parts add up
		status := Status(&tx, n)
		must(t, s.MarkStatus(t.Context(), &tx, &status))
	}
	h := read(t, s, other)
	for what, events := range map[string][]feature.Event{
		"payer": h.Payer.Out.Events, "payee": h.Payee.In.Events, "pair": h.Pair.Out.Events,
	} {
		if len(events) != 2 {
			t.Fatalf("%s: %d events, want 2", what, len(events))
		}
		if e := events[0]; e.State != feature.StateSettled || e.Returned != 5 {
			t.Errorf("%s: state %v, %d returned; want settled and 5", what, e.State, int64(e.Returned))
		}
		if e := events[1]; e.State != feature.StateRejected || e.Returned != 0 {
			t.Errorf("%s: state %v, %d returned; want rejected", what, e.State, int64(e.Returned))
		}
	}
	must(t, s.Record(t.Context(), &tx)) // a redelivery does not forget them
	if e := read(t, s, other).Payer.Out.Events[0]; e.State != feature.StateSettled || e.Returned != 5 {
		t.Errorf("after a redelivery: state %v, %d returned", e.State, int64(e.Returned))
	}
}

func statusOfNothing(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx := Payment(1, 10, 20)
	settled := Status(&tx, 0)
	must(t, s.MarkStatus(t.Context(), &tx, &settled))
	h := read(t, s, tx)
	same(t, "payer", raw{}, rawOf(h.Payer))
	same(t, "first", feature.Firsts{}, h.Payer.First)
}

func newestReportCounts(t *testing.T, open Factory) {
	tx := Payment(1, 10, 20)
	reports := []pix.Label{Label(&tx, 1, true), Label(&tx, 2, false), Label(&tx, 3, true), Label(&tx, 1, true)}
	var want feature.Histories
	for i, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {2, 2, 0, 1, 3, 1}} {
		s := open(t, time.Now)
		for _, n := range order {
			must(t, s.MarkFraud(t.Context(), &tx, &reports[n]))
		}
		h := read(t, s, tx)
		if i == 0 {
			want = h
		}
		same(t, "marks in another order", want, h)
		for what, c := range map[string]struct {
			marks []feature.Mark
			role  feature.MarkRole
		}{
			"payer":  {h.Payer.Marks, feature.RoleVictim},
			"payee":  {h.Payee.Marks, feature.RoleBeneficiary},
			"device": {h.Device.Marks, feature.RoleDevice},
		} {
			if len(c.marks) != 3 {
				t.Fatalf("%s: %d marks, want 3", what, len(c.marks))
			}
			if m := c.marks[0]; !m.Fraud || m.Role != c.role || m.At != reports[2].ArrivedAt.UnixMilli() || m.ID != tx.ID ||
				m.Paid != tx.Moment().UnixMilli() {
				t.Errorf("%s: newest mark %+v", what, m)
			}
		}
	}
}

func earliestIsFirst(t *testing.T, open Factory) {
	s := open(t, time.Now)
	for _, n := range []int{7, 3, 9, 3, 5} {
		tx := Payment(n, 10, 20)
		must(t, s.Record(t.Context(), &tx))
	}
	first := feature.First{At: Start().Add(3 * time.Minute).UnixMilli(), ID: ID(3)}
	h := read(t, s, Payment(8, 10, 20))
	same(t, "payer", feature.Firsts{Out: first}, h.Payer.First)
	same(t, "payee", feature.Firsts{In: first}, h.Payee.First)
	same(t, "device", feature.Firsts{Use: first}, h.Device.First)
	same(t, "pair", feature.Firsts{Out: first}, h.Pair.First)
	same(t, "reverse", feature.Firsts{}, h.Reverse.First)
	back := read(t, s, Payment(8, 20, 10))
	same(t, "reverse of the way back", feature.Firsts{Out: first}, back.Reverse.First)
	same(t, "reverse's events", 4, len(back.Reverse.Out.Events))
}

// What outlives the windows is found under both tokens while a rotation lasts, long after the last event.
func oldFactsSurviveRotation(t *testing.T, open Factory) {
	s := open(t, time.Now)
	old := Payment(1, 10, 20)
	must(t, s.Record(t.Context(), &old))
	report := Label(&old, 5, true)
	must(t, s.MarkFraud(t.Context(), &old, &report))
	other := Payment(2, 30, 40)
	other.DeviceToken = Pair(pix.DeviceToken, 2)
	other.EventTime = Start().AddDate(0, 0, 40)
	must(t, s.Record(t.Context(), &other))
	tx := rotate(Payment(3, 20, 10))
	tx.EventTime = other.EventTime
	h := read(t, s, tx)
	for what, got := range map[string]feature.First{
		"payer, as payee": h.Payer.First.In, "payee, as payer": h.Payee.First.Out, "device": h.Device.First.Use, "reverse": h.Reverse.First.Out,
	} {
		if got.At != old.EventTime.UnixMilli() || got.IsZero() {
			t.Errorf("%s: first seen at %d, want %d", what, got.At, old.EventTime.UnixMilli())
		}
	}
	same(t, "pair", feature.First{}, h.Pair.First.Out)
	for what, marks := range map[string][]feature.Mark{"payer": h.Payer.Marks, "payee": h.Payee.Marks, "device": h.Device.Marks} {
		if len(marks) != 1 || marks[0].ID != old.ID || !marks[0].Fraud {
			t.Errorf("%s: marks %+v", what, marks)
		}
	}
}

// What outlives the windows outlives a rotation, too: after it only the new token is known, and of every entity that a
// payment named while both were, nothing is forgotten.
func rotationEnds(t *testing.T, open Factory) {
	s := open(t, time.Now)
	old, back := Payment(1, 10, 20), Payment(2, 20, 10)
	var known feature.Histories
	for i, tx := range []pix.Transaction{old, back} {
		must(t, s.Record(t.Context(), &tx))
		report := Label(&tx, 5+i, true)
		must(t, s.MarkFraud(t.Context(), &tx, &report))
		known = read(t, s, old)
	}
	for n, days := range []int{10, 10, 20} { // the second and the third find that everything was carried over
		during := rotate(Payment(10+n, 10, 20))
		during.EventTime = Start().AddDate(0, 0, days)
		must(t, s.Record(t.Context(), &during))
		read(t, s, during)
		if upkeep, ok := s.(interface {
			Tend(ctx context.Context) error
		}); ok {
			must(t, upkeep.Tend(t.Context()))
		}
	}
	after := rotate(Payment(20, 10, 20))
	after.Payer.Account.Previous, after.Payee.Account.Previous, after.DeviceToken.Previous = "", "", ""
	after.EventTime = Start().AddDate(0, 0, 60)
	must(t, s.Record(t.Context(), &after))
	h := read(t, s, after)
	for what, c := range map[string]struct{ want, got feature.History }{
		"payer": {known.Payer, h.Payer}, "payee": {known.Payee, h.Payee}, "device": {known.Device, h.Device},
		"pair": {known.Pair, h.Pair}, "reverse": {known.Reverse, h.Reverse},
	} {
		for _, family := range []string{feature.FamilyOut, feature.FamilyIn, feature.FamilyUse} {
			if want, got := c.want.First.Of(family).At, c.got.First.Of(family).At; want != got {
				t.Errorf("%s, %s: first seen at %d, want %d", what, family, got, want)
			}
		}
		same(t, "marks of "+what, c.want.Marks, c.got.Marks)
	}
}

// equalVectors compares what a payment is served with what the model says.
func equalVectors(t *testing.T, tx *pix.Transaction, want, got feature.Histories) {
	t.Helper()
	set, err := feature.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	a, b := set.Vector(nil, tx, &want), set.Vector(nil, tx, &got)
	for i, name := range set.Names() {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) {
			t.Fatalf("payment %s: %s = %v, the model says %v", tx.ID[21:], name, b[i], a[i])
		}
	}
}

// Walk plays a random walk of payments, redeliveries, statuses and reports, out of order and late, with a key rotation in
// the middle, through a store and the model, and compares every vector.
type Walk struct {
	Seed     uint64
	Payments int
	Accounts int
	Merchant float64       // share of payments that go to one payee
	Gap      time.Duration // mean time between two payments
	Every    int           // vectors are compared at every so many payments; 0 is all
}

// Run plays the walk.
func (w Walk) Run(t *testing.T, s engine.Store) {
	t.Helper()
	model, random := NewModel(), rand.New(rand.NewPCG(w.Seed, 9))
	var known []pix.Transaction
	at := time.Duration(0)
	for n := range w.Payments {
		at += time.Duration(random.Int64N(2*w.Gap.Milliseconds()+1)) * time.Millisecond
		tx := w.payment(random, n, at)
		must(t, s.Record(t.Context(), &tx))
		model.Record(&tx)
		known = append(known, tx)
		if n%max(w.Every, 1) == 0 {
			equalVectors(t, &tx, model.Read(&tx), read(t, s, tx))
		}
		old := &known[max(0, len(known)-1-random.IntN(60))]
		if random.IntN(4) == 0 { // the model never hears of it
			impostor := w.impostor(random, old)
			must(t, s.Record(t.Context(), &impostor))
			must(t, s.Withdraw(t.Context(), &impostor, old))
		}
		switch random.IntN(6) {
		case 0:
			again := *old
			if n > w.Payments/2 && random.IntN(2) == 0 { // delivered once more after the rotation
				again = rotate(again)
			}
			must(t, s.Record(t.Context(), &again))
			model.Record(&again)
		case 1, 2, 3:
			status := Status(old, random.IntN(4))
			must(t, s.MarkStatus(t.Context(), old, &status))
			model.MarkStatus(old, &status)
		case 4:
			label := Label(old, n%400, random.IntN(3) > 0)
			must(t, s.MarkFraud(t.Context(), old, &label))
			model.MarkFraud(old, &label)
		}
	}
}

// payment draws the n-th payment: most are new, some happened up to an hour or two days earlier.
func (w Walk) payment(random *rand.Rand, n int, at time.Duration) pix.Transaction {
	payee := random.IntN(w.Accounts)
	if random.Float64() < w.Merchant {
		payee = w.Accounts
	}
	switch random.IntN(12) {
	case 0:
		at -= time.Duration(random.Int64N(int64(time.Hour)))
	case 1:
		at -= time.Duration(random.Int64N(int64(48 * time.Hour)))
	case 2:
		at = at.Truncate(time.Minute) // several of one instant, at the edges of windows
	}
	payer, device := random.IntN(w.Accounts), random.IntN(w.Accounts)
	tx := Payment(n, payer, payee)
	tx.EventTime = Start().Add(at.Truncate(time.Millisecond))
	if random.IntN(8) == 0 { // it came at another moment
		tx.ReceivedAt = tx.EventTime.Add(time.Duration(random.Int64N(int64(2*time.Hour)) - int64(time.Hour)/4).Truncate(time.Millisecond))
	}
	tx.Amount = pix.Money(1 + random.IntN(300_00))
	tx.DeviceToken = Pair(pix.DeviceToken, device)
	if n > w.Payments/2 {
		tx = rotate(tx)
	}
	return tx
}

// rotate names a payment's entities by the tokens of key 2 as well.
func rotate(tx pix.Transaction) pix.Transaction {
	for _, p := range []*pix.TokenPair{&tx.Payer.Account, &tx.Payee.Account, &tx.DeviceToken} {
		if p.Previous == "" {
			*p = pix.TokenPair{Current: pix.Token(strings.Replace(string(p.Current), ".1.", ".2.", 1)), Previous: p.Current}
		}
	}
	return tx
}

func walk(t *testing.T, open Factory) {
	for seed := range uint64(3) {
		Walk{Seed: seed, Payments: 250, Accounts: 4, Merchant: 0.2, Gap: 2 * time.Hour}.Run(t, open(t, time.Now))
	}
}

// Every edge of every window, to the millisecond, comes back from the store as it went in.
func windowEdges(t *testing.T, open Factory) {
	s, model := open(t, time.Now), NewModel()
	tx, n := Payment(900, 10, 20), 0
	tx.EventTime = Start().Add(30 * 24 * time.Hour)
	for _, w := range []time.Duration{0, time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour} {
		for ms := range 3 {
			e := Payment(n, 10, 20)
			e.EventTime = tx.EventTime.Add(-w + time.Duration(ms-1)*time.Millisecond)
			must(t, s.Record(t.Context(), &e))
			model.Record(&e)
			n++
		}
	}
	equalVectors(t, &tx, model.Read(&tx), read(t, s, tx))
}

// No vector sees its own event's future: neither later payments, nor what became of this one, nor reports on it.
func ownFutureIsUnseen(t *testing.T, open Factory) {
	s := open(t, time.Now)
	tx := Payment(50, 10, 20)
	for _, n := range []int{40, 45, 50} {
		earlier := Payment(n, 10, 20)
		must(t, s.Record(t.Context(), &earlier))
	}
	before := read(t, s, tx)
	for _, n := range []int{51, 52} {
		later, back := Payment(n, 10, 20), Payment(n+10, 20, 10)
		must(t, s.Record(t.Context(), &later))
		must(t, s.Record(t.Context(), &back))
	}
	for n := range 3 {
		status := Status(&tx, n)
		must(t, s.MarkStatus(t.Context(), &tx, &status))
	}
	label := Label(&tx, 30, true)
	must(t, s.MarkFraud(t.Context(), &tx, &label))
	equalVectors(t, &tx, before, read(t, s, tx))
}
