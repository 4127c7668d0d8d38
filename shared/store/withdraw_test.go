package store_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// impose records an impostor under the id of a payment, and returns what withdraws it through a process; the oracle never
// hears of it.
func (m *merchant) impose(
	s *store.Store, standing *pix.Transaction, change func(*pix.Transaction),
) (withdraw func(*store.Store)) {
	m.t.Helper()
	impostor := *standing
	change(&impostor)
	must(m.t, s.Record(m.t.Context(), &impostor))
	m.read(s, &impostor)
	return func(s *store.Store) {
		m.t.Helper()
		must(m.t, s.Withdraw(m.t.Context(), &impostor, standing))
	}
}

// At a hot merchant an impostor is gone at once while no tile can hold it: punctual or late, beside the standing payment's
// event or in its column.
func TestConflictAtAHotMerchant(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	processes := []*store.Store{m.process(0), m.process(20 * time.Second)}
	m.warm()
	m.flow(100, 20*time.Second)
	m.rest()
	for n := range 40 {
		s := processes[n%2]
		tx := m.payment(m.clock.at(0)())
		if n%3 == 0 { // the standing payment is late
			tx.EventTime = tx.EventTime.Add(-10 * time.Minute)
		}
		change := func(o *pix.Transaction) { o.Amount += 77_00 }
		switch n % 4 {
		case 1: // late, when the standing one may be punctual
			change = func(o *pix.Transaction) { o.EventTime = o.EventTime.Add(-time.Duration(n) * time.Minute) }
		case 2:
			change = func(o *pix.Transaction) { o.Payer.Account = storetest.Pair(pix.AccountToken, 500) }
		case 3:
			change = func(o *pix.Transaction) { o.EventTime = o.EventTime.Add(-time.Millisecond) }
		}
		var withdraw func(*store.Store)
		if n%8 < 4 { // the impostor was first
			withdraw = m.impose(s, &tx, change)
		}
		m.pay(s, &tx)
		m.mark(s, &tx, &pix.Status{ID: tx.ID, State: pix.Settled})
		m.mark(s, &tx, &pix.Status{ID: tx.ID, State: pix.Returned, Returned: 60, ReturnID: "D1"})
		if withdraw == nil {
			withdraw = m.impose(s, &tx, change)
		}
		withdraw(processes[n/5%2])
		m.flow(1, time.Second)
		if n%5 == 0 {
			m.tend()
		}
	}
	m.rest()
	for range 3 {
		m.clock.advance(40 * time.Minute)
		m.flow(1, time.Second)
		m.rest()
	}
}

// A withdrawal that was long in coming finds the impostor in a tile: the tile is made again, by whoever reads what lies
// beside it, also when nothing is left of it, and when the process that withdrew is gone.
func TestWithdrawnFromSealedTiles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		back  time.Duration // how old the impostor's event is
		alone bool          // no other event is in its tile of ten seconds
	}{"punctual": {0, false}, "late": {15 * time.Minute, false}, "alone": {45 * time.Minute, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, small())
			m.process(0)
			m.warm()
			m.clock.advance(time.Hour)
			if !c.alone {
				m.flow(90, 20*time.Second)
				m.rest()
			}
			m.flow(60, 2*time.Second)
			gone := open(t, func() store.Config { cfg := m.cfg; cfg.Clock = m.clock.at(0); return cfg }(), m.opts)
			must(t, gone.Tend(t.Context()))
			tx := m.payment(m.clock.at(0)())
			m.pay(gone, &tx)
			withdraw := m.impose(gone, &tx, func(o *pix.Transaction) {
				o.Amount, o.EventTime = 1_000_000_00, o.EventTime.Add(-c.back-time.Millisecond)
			})
			sealed := func() {
				for range 14 {
					m.clock.advance(10 * time.Second)
					next := m.payment(m.clock.at(0)())
					m.pay(m.stores[0], &next)
					m.read(m.stores[0], &next)
					m.tend()
				}
			}
			sealed()
			next := m.payment(m.clock.at(0)())
			m.pay(m.stores[0], &next)
			if held := m.held(&next); held == 0 {
				t.Fatal("no tile holds the impostor: the test shows too little")
			}
			withdraw(gone)
			sealed()
			m.flow(1, time.Second)
			m.clock.advance(26 * time.Hour) // from the tiles of an hour and a day
			m.flow(1, time.Second)
			sealed()
			m.flow(1, time.Second)
		})
	}
}

// The standing payment takes its column back from a tile that holds an impostor's event: of what became of it nothing
// counts twice meanwhile.
func TestStandingEventBesideItsTile(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	s := m.process(0)
	m.warm()
	start := m.clock.at(0)()
	m.flow(90, 20*time.Second)
	m.rest()
	tx := m.payment(start.Add(10 * time.Minute))
	withdraw := m.impose(s, &tx, func(o *pix.Transaction) { o.Amount = 1_000_000_00 })
	m.pay(s, &tx) // its column is taken
	m.mark(s, &tx, &pix.Status{ID: tx.ID, State: pix.Returned, Returned: 60, ReturnID: "D1"})
	for range 3 {
		m.clock.advance(time.Minute)
		next := m.payment(m.clock.at(0)())
		m.pay(s, &next)
		m.read(s, &next)
		m.tend()
	}
	next := m.payment(m.clock.at(0)())
	m.pay(s, &next)
	m.mark(s, &tx, &pix.Status{ID: tx.ID, State: pix.Returned, Returned: 70, ReturnID: "D2"})
	returned := func() (n int) {
		in := m.read(s, &next).Payee.In
		for _, tile := range in.Tiles {
			n += tile.Totals.Returned
		}
		for i := range in.Events {
			n += int(min(in.Events[i].Returned, 1))
		}
		return n
	}
	if m.held(&next) == 0 || returned() != 1 {
		t.Fatalf("%d tiles hold the impostor, %d returned payments; want some and 1", m.held(&next), returned())
	}
	withdraw(s)
	if n := returned(); n != 1 {
		t.Errorf("%d returned payments while the tile is not made again, want 1", n)
	}
	m.clock.advance(time.Minute)
	m.tend()
	m.flow(1, time.Second)
}

// held counts the tiles with an amount that only an impostor has.
func (m *merchant) held(tx *pix.Transaction) (n int) {
	for _, tile := range m.read(m.stores[0], tx).Payee.In.Tiles {
		if tile.Totals.Max >= 1_000_000_00 {
			n++
		}
	}
	return n
}

// A process that read an impostor's first-ever fact leaves out later ones. Once the impostor is withdrawn, what was left
// out is written after all.
func TestFirstFactsThatAnImpostorHid(t *testing.T) {
	t.Parallel()
	opts := server(t)
	a, b := open(t, config(t), opts), open(t, config(t), opts)
	standing, victim := storetest.Payment(50, 30, 40), storetest.Payment(60, 10, 20)
	standing.DeviceToken = storetest.Pair(pix.DeviceToken, 2)
	must(t, a.Record(t.Context(), &standing))
	impostor := victim
	impostor.ID, impostor.EventTime = standing.ID, standing.EventTime
	must(t, a.Record(t.Context(), &impostor))
	read := func(s *store.Store, tx pix.Transaction) string {
		h, _, err := s.Read(t.Context(), &tx)
		must(t, err)
		return fmt.Sprint(h.Payer.First.Out, h.Payee.First.In, h.Device.First.Use, h.Pair.First.Out)
	}
	read(b, victim) // in between
	must(t, a.Withdraw(t.Context(), &impostor, &standing))
	must(t, b.Record(t.Context(), &victim))
	read(b, victim)
	next := storetest.Payment(61, 10, 20)
	must(t, b.Record(t.Context(), &next)) // it has heard by now
	if none := fmt.Sprint(feature.First{}, feature.First{}, feature.First{}, feature.First{}); read(a, next) == none {
		t.Error("no first-ever fact is written although none is there")
	}
	must(t, b.Tend(t.Context()))
	first := feature.First{At: victim.EventTime.UnixMilli(), ID: victim.ID}
	if want, got := fmt.Sprint(first, first, first, first), read(a, victim); want != got {
		t.Errorf("first-ever facts %s, want %s", got, want)
	}
}

// A withdrawal is one read and one write, and it says when either was refused, so that it is tried again.
func TestWithdrawalThatFails(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	s := open(t, config(t), server(t), faults.ClientOptions()...)
	must(t, s.Tend(t.Context())) // the index is fresh
	standing, impostor := storetest.Payment(1, 10, 20), storetest.Payment(1, 11, 20)
	must(t, s.Record(t.Context(), &standing))
	must(t, s.Record(t.Context(), &impostor))
	for _, method := range []string{"ReadRows", "MutateRows"} {
		faults.Refuse(method, codes.PermissionDenied, 1)
		if err := s.Withdraw(t.Context(), &impostor, &standing); pix.KindOf(err) != pix.Unavailable || err == nil {
			t.Errorf("%s was refused: Withdraw = %v, want kind unavailable", method, err)
		}
	}
	faults.LoseReply("MutateRows", 1)
	reads, writes := faults.Calls("ReadRows"), faults.Calls("MutateRows")
	must(t, s.Withdraw(t.Context(), &impostor, &standing))
	if r, w := faults.Calls("ReadRows")-reads, faults.Calls("MutateRows")-writes; r > 2 || w != 2 {
		t.Errorf("%d reads and %d writes, want at most two and one with its retry", r, w)
	}
	h, _, err := s.Read(t.Context(), &impostor)
	must(t, err)
	if len(h.Payer.Out.Events) != 0 || len(h.Payee.In.Events) != 1 {
		t.Errorf("%d and %d events, want 0 and 1", len(h.Payer.Out.Events), len(h.Payee.In.Events))
	}
}
