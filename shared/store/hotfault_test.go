package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// warm makes the merchant hot: it pays often enough, lets the promotion take effect and moves what was left behind.
func (m *merchant) warm() {
	m.t.Helper()
	s := m.stores[0]
	for range 80 {
		m.clock.advance(time.Second)
		tx := m.payment(m.clock.at(0)())
		m.pay(s, &tx)
		m.read(s, &tx)
	}
	m.tend()
	m.clock.advance(2 * time.Minute)
	m.rest()
	if s.Known() == 0 {
		m.t.Fatal("the merchant was not promoted")
	}
}

// rest lets upkeep come to rest: the margins for late writes pass, and reads ask for what is left to do.
func (m *merchant) rest() {
	m.t.Helper()
	for range 8 {
		m.flow(1, 0)
		m.clock.advance(15 * time.Second)
		m.tend()
	}
}

// flow makes payments one second apart and checks what the last one sees.
func (m *merchant) flow(n int, every time.Duration) (tiles int) {
	m.t.Helper()
	var tx pix.Transaction
	for range n {
		m.clock.advance(every)
		tx = m.payment(m.clock.at(0)())
		m.pay(m.stores[m.number%len(m.stores)], &tx)
	}
	return m.check(&tx)
}

func TestPromotionInTheMiddleOfTraffic(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	knowing, stale := m.process(0), m.process(0)
	seen := 0
	for range 200 {
		seen = max(seen, m.flow(2, 900*time.Millisecond))
		must(t, knowing.Tend(t.Context())) // stale learns from what it reads only
	}
	if knowing.Known() == 0 || stale.Known() == 0 || seen == 0 {
		t.Errorf("%d and %d streams are known, %d tiles were served; want some", knowing.Known(), stale.Known(), seen)
	}
}

// A process that starts while the merchant has long been hot is right with its first read.
func TestFreshProcess(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	m.process(0)
	m.warm()
	m.flow(60, 10*time.Second)
	m.rest()
	tx := m.payment(m.clock.at(0)())
	m.pay(m.stores[0], &tx)
	m.stores = []*store.Store{m.process(0)}
	if m.check(&tx) == 0 {
		t.Error("no tiles are served")
	}
	listed := m.process(0)
	must(t, listed.Tend(t.Context()))
	if listed.Known() == 0 {
		t.Error("the index does not list the merchant")
	}
}

// A process that never reads histories, as the one that takes labels, must not write statuses where nobody looks.
func TestStatusFromAProcessThatNeverReads(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	m.process(0)
	m.warm()
	cfg := m.cfg
	cfg.Clock = m.clock.at(0)
	marker := open(t, cfg, m.opts)
	tx := m.payment(m.clock.at(0)())
	m.pay(m.stores[0], &tx)
	m.flow(20, 20*time.Second)
	m.tend()
	m.mark(marker, &tx, &pix.Status{ID: tx.ID, State: pix.Settled})
	m.flow(1, time.Second)
	m.rest()
	m.flow(1, time.Second)
}

// The three calls of a payment, also to a hot merchant, and one more read for one that comes late.
func TestCallsPerPaymentToAHotMerchant(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	calls := fault.New()
	s := m.process(0, calls.ClientOptions()...)
	m.warm()
	m.flow(100, time.Second)
	m.tend()
	m.flow(1, time.Second)
	pay := func(at time.Time, want map[string]int) {
		t.Helper()
		before := map[string]int{}
		for method := range want {
			before[method] = calls.Calls(method)
		}
		tx := m.payment(at)
		m.pay(s, &tx)
		h := m.read(s, &tx)
		if len(h.Payee.In.Tiles) == 0 {
			t.Fatal("the merchant is not served from tiles")
		}
		_, err := s.Commit(t.Context(), storetest.Decision(&tx, "x"))
		must(t, err)
		for method, n := range want {
			if got := calls.Calls(method) - before[method]; got != n {
				t.Errorf("%s was called %d times, want %d", method, got, n)
			}
		}
	}
	for range 20 {
		m.clock.advance(time.Second)
		pay(m.clock.at(0)(), map[string]int{"MutateRows": 1, "ReadRows": 1, "CheckAndMutateRow": 1, "*": 3})
	}
	pay(m.clock.at(-time.Minute)(), map[string]int{"MutateRows": 1, "ReadRows": 2, "CheckAndMutateRow": 1, "*": 4})
}

// Clocks of writers and sealers differ by up to five minutes. What a writer took for punctual may be seen late, but
// once the second look has passed everything is exact.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	const most = 5 * time.Minute
	for _, skews := range [][]time.Duration{{0, -most}, {0, most}, {-most, most}} {
		t.Run(fmt.Sprint(skews), func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, small())
			for _, skew := range skews {
				m.process(skew)
			}
			r := rand.New(rand.NewPCG(5, 5))
			for n := range 250 {
				m.clock.advance(time.Duration(r.IntN(4000)) * time.Millisecond)
				at := m.clock.at(0)()
				if n%5 == 0 {
					at = at.Add(-time.Duration(r.IntN(300)) * time.Second)
				}
				s := m.stores[r.IntN(len(m.stores))]
				tx := m.payment(at)
				m.pay(s, &tx)
				m.read(s, &tx)
				if n%4 == 0 {
					_ = m.stores[r.IntN(len(m.stores))].Tend(t.Context())
				}
			}
			for range 40 {
				m.clock.advance(time.Minute)
				tx := m.payment(m.clock.at(0)())
				m.pay(m.stores[0], &tx)
				for _, s := range m.stores {
					m.read(s, &tx)
					_ = s.Tend(t.Context())
				}
			}
			if m.flow(1, time.Second) == 0 {
				t.Error("no tiles are served")
			}
		})
	}
}

func TestRotationOfAHotMerchant(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	m.process(0)
	m.warm()
	m.flow(100, time.Second)
	m.rest()
	before := m.payment(m.clock.at(0)())
	m.pay(m.stores[0], &before)
	m.rotate = storetest.Rotated
	for range 60 {
		m.flow(4, time.Second)
		m.tend()
	}
	m.clock.advance(3 * time.Hour)
	if m.flow(80, time.Second) == 0 {
		t.Error("no tiles are served")
	}
	m.rest()
	// Redelivered under the new token, hours later: it is in a tile of the old one.
	before.Payee.Account, before.Payer.Account = m.rotate(pix.AccountToken, payee), m.rotate(pix.AccountToken, 1)
	must(t, m.stores[0].Record(t.Context(), &before))
	tx := m.payment(m.clock.at(0)())
	m.pay(m.stores[0], &tx)
	want := m.stream(feature.Rows(&tx).Payee, feature.FamilyIn)
	got := m.read(m.stores[0], &tx).Payee.In
	if n := windows(t, &tx, feature.FamilyIn, got)[5].Totals.Count; n != len(want.Events)-1 {
		t.Errorf("%d events are seen, want %d", n, len(want.Events)-1)
	}
}

func TestQuietAgainIsExact(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	calls := fault.New()
	s := m.process(0, calls.ClientOptions()...)
	m.warm()
	m.flow(100, time.Second)
	m.rest()
	m.clock.advance(feature.MaxWindow - time.Hour)
	m.flow(20, time.Minute)
	m.rest()
	m.clock.advance(2 * time.Hour) // the busy days have left the window: every event is wanted again
	fresh := m.process(0)
	tx := m.payment(m.clock.at(0)())
	m.pay(s, &tx)
	if got := m.read(fresh, &tx).Payee.In; len(got.Tiles) > 0 || len(got.Events) < 20 {
		t.Errorf("a new process is served %d tiles and %d events, want events only", len(got.Tiles), len(got.Events))
	}
	if got := m.read(s, &tx).Payee.In; len(got.Tiles) > 0 || len(got.Events) < 20 {
		t.Errorf("%d tiles and %d events are served, want events only", len(got.Tiles), len(got.Events))
	}
	m.check(&tx)
	before := calls.Calls("ReadRows")
	m.read(s, &tx)
	if got := calls.Calls("ReadRows") - before; got != 1 {
		t.Errorf("%d reads, want 1: the process has learned", got)
	}
	m.flow(100, time.Second) // and busy once more
	m.rest()
	if m.flow(2, time.Second) == 0 {
		t.Error("no tiles are served")
	}
}

func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, store.Tuning{Busy: 1000, MaxCells: 120})
	s := m.process(0)
	var tx pix.Transaction
	for range 200 {
		tx = m.payment(m.clock.at(0)())
		must(t, s.Record(t.Context(), &tx))
	}
	if _, _, err := s.Read(t.Context(), &tx); err == nil || pix.KindOf(err) != pix.Unavailable {
		t.Errorf("Read of a row with 200 cells = %v, want kind unavailable", err)
	}
}
