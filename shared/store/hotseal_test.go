package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
)

func TestTwoProcessesSealAtOnce(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	a, b := m.process(0), m.process(3*time.Second)
	m.warm()
	for range 40 {
		m.flow(12, time.Second)
		var group sync.WaitGroup
		for _, s := range []*store.Store{a, b} {
			group.Go(func() { _ = s.Tend(t.Context()) }) // one may find the other ahead and come back later
		}
		group.Wait()
		if m.flow(1, time.Millisecond) == 0 {
			t.Fatal("no tiles are served")
		}
	}
}

// All that a merchant sold is sealed, for a payment that was withdrawn moved the watermark past it, and then it sells nothing for
// hours: the watermark passes the end of the hour without a bucket to seal. What was sold in that hour is in its tile all the
// same.
func TestQuietHoursLoseNothing(t *testing.T) {
	t.Parallel()
	for _, quiet := range []time.Duration{2 * time.Minute, 2 * time.Hour, 26 * time.Hour} {
		t.Run(quiet.String(), func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, small())
			s := m.process(0)
			m.warm()
			for range 4 {
				m.clock.advance(11 * time.Minute)
				withdrawn := m.payment(m.clock.at(0)())
				m.read(s, &withdrawn)
				m.tend()
			}
			m.clock.advance(quiet)
			tiles := 0
			for range 12 {
				m.flow(12, time.Second)
				m.tend()
				tiles += m.flow(1, time.Millisecond)
			}
			if tiles == 0 {
				t.Error("no tiles are served")
			}
		})
	}
}

// A sealer that dies anywhere between its first tile and its watermark leaves nothing wrong behind.
func TestCrashOfTheSealer(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	faults := fault.New()
	m.process(0)
	dying := m.process(0, faults.ClientOptions()...)
	m.warm()
	old := m.clock.at(0)()
	for n := range 60 {
		late := m.payment(old.Add(time.Duration(n) * time.Second))
		m.pay(m.stores[n%2], &late)
		m.flow(12, time.Second)
		for range n % 6 { // how many writes it lives
			faults.Restore("MutateRows")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if err := faults.Await(ctx, "MutateRows", faults.Calls("MutateRows")+1+n%5); err == nil {
				faults.Refuse("MutateRows", codes.PermissionDenied, -1)
			}
		})
		_ = dying.Tend(t.Context())
		cancel()
		group.Wait()
		faults.Restore("MutateRows")
		m.flow(1, time.Millisecond)
		if n%4 == 0 {
			must(t, m.stores[0].Tend(t.Context()))
			m.flow(1, time.Millisecond)
		}
	}
}

// A sealer some of whose tiles are refused, while everything after them passes, does not move the watermark past them.
func TestRefusedTilesHoldTheWatermark(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	faults := fault.New()
	m.process(0)
	refused := m.process(0, faults.ClientOptions()...)
	m.warm()
	failures := 0
	for range 12 {
		m.flow(30, 2*time.Second)
		faults.Refuse("MutateRows", codes.PermissionDenied, 1)
		if err := refused.Tend(t.Context()); err != nil {
			failures++
		}
		faults.Restore("MutateRows")
		m.flow(1, time.Millisecond)
	}
	if failures < 6 {
		t.Errorf("upkeep failed %d times: the fault did not bite", failures)
	}
}
