package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// small figures make a stream hot after few events.
func small() store.Tuning { return store.Tuning{Busy: 60, SealBatch: 8, HotDelay: time.Minute} }

// A merchant over 33 days, with disorder, duplicates, late events and statuses, and returns weeks later: what every
// payment sees is what one pass over the raw list gives, to the millisecond, whatever is in tiles.
func TestHotStreamIsExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			overAMonth(newMerchant(t, small()), seed)
		})
	}
}

// The same on Google's emulator process, where one runs: see TestConformanceOfEmulator.
func TestHotStreamConformanceOfEmulator(t *testing.T) {
	t.Parallel()
	addr := os.Getenv("BIGTABLE_EMULATOR_HOST")
	if addr == "" {
		t.Skip("BIGTABLE_EMULATOR_HOST is not set: no second implementation of Bigtable here")
	}
	m := newMerchant(t, small())
	m.opts = reach(addr)
	dropTable(t, m.cfg, m.opts)
	overAMonth(m, 3)
}

// overAMonth lets a merchant live, and checks every payment.
func overAMonth(m *merchant, seed uint64) {
	m.t.Helper()
	processes := []*store.Store{m.process(0), m.process(0)}
	r := rand.New(rand.NewPCG(seed, 46))
	var past []pix.Transaction
	tiles := 0
	for _, gap := range []time.Duration{
		0, time.Minute, 50 * time.Minute, 3 * time.Hour, 20 * time.Hour, 24 * time.Hour, 6 * 24 * time.Hour,
		10 * time.Minute, 22 * 24 * time.Hour, time.Hour,
	} {
		m.clock.advance(gap)
		for range 45 {
			m.clock.advance(time.Duration(r.IntN(6000)) * time.Millisecond)
			now := m.clock.at(0)()
			s, at := processes[r.IntN(2)], now
			if r.IntN(8) == 0 { // late
				at = now.Add(-time.Duration(r.IntN(40*60)) * time.Second)
			}
			tx := m.payment(at)
			m.pay(s, &tx)
			past = append(past, tx)
			m.afterwards(s, &past[len(past)-1-r.IntN(min(len(past), 200))], r)
			tiles = max(tiles, m.check(&tx))
			if r.IntN(3) == 0 {
				m.tend()
			}
		}
	}
	if tiles == 0 {
		m.t.Error("no payment was served from tiles")
	}
}

// afterwards lets something happen to an earlier payment, or nothing.
func (m *merchant) afterwards(s *store.Store, old *pix.Transaction, r *rand.Rand) {
	m.t.Helper()
	switch r.IntN(6) {
	case 0:
		m.pay(s, old) // redelivered
	case 1:
		m.mark(s, old, &pix.Status{ID: old.ID, State: pix.Settled})
	case 2:
		m.mark(s, old, &pix.Status{
			ID: old.ID, State: pix.Returned, Returned: old.Amount/2 + 1, ReturnID: fmt.Sprint("D", r.IntN(3)),
		})
	}
}

// Run works at every tick, ends with its context and leaves nothing behind.
func TestRunStops(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	s := m.process(0)
	for range 80 {
		m.clock.advance(time.Second)
		tx := m.payment(m.clock.at(0)())
		m.pay(s, &tx)
		m.read(s, &tx)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ticks, done := make(chan time.Time), make(chan error)
	go func() { done <- s.Run(ctx, ticks) }()
	ticks <- m.clock.at(0)()
	ticks <- m.clock.at(0)() // the round of the first tick is over
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
	if s.Known() != 1 {
		t.Errorf("%d hot streams are known, want the merchant's", s.Known())
	}
}

func TestUpkeepThatFailsIsTold(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	faults := fault.New()
	told := make(chan error, 10)
	m.cfg.Degraded = func(err error) { told <- err }
	m.cfg.CallTimeout = 100 * time.Millisecond
	s := m.process(0, faults.ClientOptions()...)
	faults.Down("*")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx, nil) }()
	if err := <-told; pix.KindOf(err) == pix.Unexpected {
		t.Errorf("told %v, want a kind", err)
	}
	cancel()
	must(t, <-done)
}

func TestMetricsOfHotStreams(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	registry := prometheus.NewRegistry()
	m.cfg.Metrics = registry
	m.process(0)
	m.warm()
	m.flow(100, time.Second)
	m.rest()
	late := m.payment(m.clock.at(-10 * time.Minute)())
	m.pay(m.stores[0], &late)
	m.flow(1, time.Second)
	families, err := registry.Gather()
	must(t, err)
	seen := map[string]bool{}
	for _, f := range families {
		seen[f.GetName()] = true
		if !strings.HasPrefix(f.GetName(), "pix_store_") && f.GetName() != "pix_connections_replaced_total" {
			t.Errorf("metric %s is not of the store", f.GetName())
		}
	}
	for _, name := range []string{
		"call_seconds", "read_cells", "read_bytes", "late_cells_total", "sealed_tiles_total", "seal_lag_seconds",
		"hot_streams", "second_reads_total", "dropped_tasks_total",
	} {
		if !seen["pix_store_"+name] {
			t.Errorf("no metric pix_store_%s", name)
		}
	}
	if _, err := store.Open(t.Context(), m.cfg, m.opts...); pix.KindOf(err) != pix.Invalid || err == nil {
		t.Errorf("a second store on one registry: %v, want kind invalid", err)
	}
}
