package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// quick figures make a stream fast as well after few events.
func quick() store.Tuning {
	return store.Tuning{Busy: 60, SealBatch: 8, HotDelay: time.Minute, Fast: 20}
}

// rush makes payments a few milliseconds apart, with late ones, redeliveries and statuses among them, and checks what each
// tenth sees: among them payments to a merchant whose processes do not all know yet that it is hot, or fast.
func (m *merchant) rush(n int, gap time.Duration, r *rand.Rand) (tiles, parts int) {
	m.t.Helper()
	var past []pix.Transaction
	for i := range n {
		m.clock.advance(time.Duration(r.Int64N(2 * int64(gap))))
		s, at := m.stores[r.IntN(len(m.stores))], m.clock.at(0)()
		if r.IntN(8) == 0 {
			at = at.Add(-time.Duration(r.IntN(8000)) * time.Millisecond)
		}
		tx := m.payment(at)
		m.pay(s, &tx)
		past = append(past, tx)
		m.afterwards(s, &past[len(past)-1-r.IntN(min(len(past), 100))], r)
		if i%10 == 0 {
			tiles = max(tiles, m.check(&tx))
			h := m.read(s, &tx)
			parts = len(h.Payee.In.Events)
			must(m.t, m.stores[r.IntN(len(m.stores))].Tend(m.t.Context()))
		}
	}
	return tiles, parts
}

// A stream that is fast from the first: what every payment sees is exact through its promotion, while its events are moved
// and while it is sealed a few seconds behind its payments; and what is read one by one is those few seconds.
func TestFastStreamIsExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, quick())
			m.process(0)
			m.process(0)
			r := rand.New(rand.NewPCG(seed, 11))
			tiles, parts := m.rush(600, 100*time.Millisecond, r)
			if tiles < 20 || parts > 200 {
				t.Errorf("%d tiles and %d of 600 events are served, want tiles for all but some seconds", tiles, parts)
			}
			for _, gap := range []time.Duration{time.Minute, 9 * time.Minute, 50 * time.Minute, 23 * time.Hour, 29 * 24 * time.Hour} {
				m.clock.advance(gap)
				m.rush(60, 300*time.Millisecond, r)
			}
		})
	}
}

// A merchant that was hot for long becomes fast: no payment sees less or more while its rows change, and whoever did not
// know wrote where the others look.
func TestHotStreamBecomesFast(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, quick())
	m.process(0)
	m.process(0)
	m.warm()
	m.flow(60, 5*time.Second)
	m.rest()
	tiles, parts := m.rush(700, 60*time.Millisecond, rand.New(rand.NewPCG(4, 12)))
	if tiles < 20 || parts > 300 {
		t.Errorf("%d tiles and %d events are served, want tiles for all but some seconds", tiles, parts)
	}
	for range 3 {
		m.clock.advance(11 * time.Minute)
		m.rest()
		m.flow(5, time.Second)
	}
}

// Whoever does not know yet that a merchant became fast writes into rows of ten seconds: readers look there, and sealers do.
func TestStrayEventsOfAFastStream(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, quick())
	m.process(0)
	m.warm()
	cfg := m.cfg
	cfg.Clock = m.clock.at(0)
	stale := open(t, cfg, m.opts)
	must(t, stale.Tend(t.Context())) // knows a hot stream, reads nothing from here on
	r := rand.New(rand.NewPCG(6, 13))
	for range 40 {
		m.clock.advance(250 * time.Millisecond) // alone in its bucket
		tx := m.payment(m.clock.at(0)())
		m.pay(stale, &tx)
		m.flow(1, 250*time.Millisecond)
		m.rush(20, 60*time.Millisecond, r)
	}
	for range 3 {
		m.clock.advance(11 * time.Minute)
		m.rest()
		m.flow(5, time.Second)
	}
}

// A process that knew a merchant as hot and has read nothing since it became fast sees by the merchant's own mark that its
// plan left out the fine rows, and plans again.
func TestReaderLearnsThatAStreamIsFast(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, quick())
	m.process(0)
	m.warm()
	cfg := m.cfg
	cfg.Clock = m.clock.at(0)
	stale := open(t, cfg, m.opts)
	must(t, stale.Tend(t.Context()))
	m.rush(400, 60*time.Millisecond, rand.New(rand.NewPCG(9, 14)))
	m.stores = append(m.stores, stale)
	m.flow(1, 60*time.Millisecond)
}

// Fast streams do not wait for the tick: Run tends to them as soon as reads ask for it.
func TestRunTendsFastStreamsBetweenTicks(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, quick())
	s := m.process(0)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx, nil) }()
	tiles := 0
	for deadline := time.Now().Add(time.Minute); tiles == 0 && time.Now().Before(deadline); {
		m.clock.advance(100 * time.Millisecond)
		tx := m.payment(m.clock.at(0)())
		m.pay(s, &tx)
		tiles = len(m.read(s, &tx).Payee.In.Tiles)
		time.Sleep(time.Millisecond)
	}
	cancel()
	must(t, <-done)
	if tiles == 0 {
		t.Error("no tiles are served, want some without a tick")
	}
}

// The same as TestFastStreamIsExact on Google's emulator process, where one runs.
func TestFastStreamConformanceOfEmulator(t *testing.T) {
	t.Parallel()
	addr := os.Getenv("BIGTABLE_EMULATOR_HOST")
	if addr == "" {
		t.Skip("BIGTABLE_EMULATOR_HOST is not set: no second implementation of Bigtable here")
	}
	m := newMerchant(t, quick())
	m.opts = reach(addr)
	m.cfg.InstanceID = "fast"
	dropTable(t, m.cfg, m.opts)
	m.process(0)
	m.process(0)
	if tiles, _ := m.rush(400, 100*time.Millisecond, rand.New(rand.NewPCG(8, 11))); tiles < 20 {
		t.Errorf("%d tiles are served", tiles)
	}
}
