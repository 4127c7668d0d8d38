package engine_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func away() error { return pix.E(pix.Unavailable, "publish", errors.New("away")) }

// TestCrashBetweenCommitAndPublish: what was stored and never sent is published by a sweep, once, and not again.
func TestCrashBetweenCommitAndPublish(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	o := newOutbox(t, w, b)
	const payments = 2_500 // more than two pages
	var want []pix.EndToEndID
	for n := range payments {
		want = append(want, decide(t, w, n).ID())
	}
	slices.Sort(want)
	if s, err := o.Sweep(t.Context(), start); s.Published != 0 || err != nil {
		t.Errorf("swept %d that are younger than the moment: %v", s.Published, err)
	}
	later := start.Add(time.Hour)
	if s, err := o.Sweep(t.Context(), later); s.Published != payments || !s.Finished || err != nil {
		t.Fatalf("swept %+v, want %d: %v", s, payments, err)
	}
	if !slices.Equal(b.ids(), want) || pending(t, w) != 0 {
		t.Errorf("published %d, %d marks left", len(b.ids()), pending(t, w))
	}
	if s, err := o.Sweep(t.Context(), later.Add(time.Hour)); s.Published != 0 || err != nil {
		t.Errorf("swept %d again: %v", s.Published, err)
	}
}

// TestSweepPassesByWhatItCannotPublish: one mark that fails keeps its mark, and nothing else waits for it.
func TestSweepPassesByWhatItCannotPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	poison := payment(0, pix.Outbound).ID
	b := &bus{fail: func(id pix.EndToEndID) error {
		if id == poison {
			return away()
		}
		return nil
	}}
	o := newOutbox(t, w, b)
	var stuck time.Time
	for n := range 1_500 {
		if d := decide(t, w, n); n == 0 {
			stuck = d.DecidedAt
		}
	}
	later := start.Add(time.Hour)
	for range 2 { // it is tried by every sweep, and told by every sweep
		s, err := o.Sweep(t.Context(), later)
		if pix.KindOf(err) != pix.Unavailable || s.Failed != 1 || !s.Finished || !s.Stuck.Equal(stuck) {
			t.Errorf("swept %+v, stuck want %v: %v", s, stuck, err)
		}
		if len(b.ids()) != 1_499 || pending(t, w) != 1 {
			t.Errorf("published %d, %d marks left", len(b.ids()), pending(t, w))
		}
	}
	b.fail = nil
	if s, err := o.Sweep(t.Context(), later); err != nil || pending(t, w) != 0 || !s.Stuck.IsZero() {
		t.Errorf("swept %+v, %d marks left: %v", s, pending(t, w), err)
	}
	if !slices.Contains(b.ids(), poison) {
		t.Error("the payment that failed once was never published")
	}
}

// TestSweepOfADeadBus: while every publication fails a sweep tries a few and stops; each next one tries others, so that a
// row of marks that can never be published starves nothing either.
func TestSweepOfADeadBus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	tried := map[pix.EndToEndID]int{}
	const bad = 200 // the first, in order
	healthy := false
	b := &bus{fail: func(id pix.EndToEndID) error {
		tried[id]++
		if healthy && id > payment(bad-1, pix.Outbound).ID {
			return nil
		}
		return away()
	}}
	o := newOutbox(t, w, b)
	for n := range bad + 100 {
		decide(t, w, n)
	}
	later := start.Add(time.Hour)
	for range 3 {
		before := len(tried)
		s, err := o.Sweep(t.Context(), later)
		if s.Failed < 20 || s.Failed > 36 || s.Finished || pix.KindOf(err) != pix.Unavailable {
			t.Errorf("swept %+v: %v; want some 20 failures", s, err)
		}
		if len(tried)-before != s.Failed {
			t.Errorf("%d failed and %d of them for the first time: the sweep does not go on behind them", s.Failed, len(tried)-before)
		}
	}
	healthy = true
	for range bad / 20 {
		_, _ = o.Sweep(t.Context(), later)
	}
	if len(b.ids()) != 100 || pending(t, w) != bad {
		t.Errorf("published %d, %d marks left; want 100 and %d", len(b.ids()), pending(t, w), bad)
	}
}

// TestPoisonIsNoOutage: decisions that the bus refuses for what they are say nothing of the next ones: one sweep publishes
// those, however many lie before them.
func TestPoisonIsNoOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	const bad, good = 300, 50
	b := &bus{fail: func(id pix.EndToEndID) error {
		if id < payment(bad, pix.Outbound).ID {
			return pix.E(pix.TooLarge, "publish", errors.New("too large"))
		}
		return nil
	}}
	for n := range bad + good {
		decide(t, w, n)
	}
	s, err := newOutbox(t, w, b).Sweep(t.Context(), start.Add(time.Hour))
	if s.Published != good || s.Failed != bad || !s.Finished || pix.KindOf(err) != pix.TooLarge || pending(t, w) != bad {
		t.Errorf("swept %+v, %d marks left: %v", s, pending(t, w), err)
	}
}

// TestSweepIsBoundedInTime: a sweep that is slower than its marks are many stops, and the next goes on behind it.
func TestSweepIsBoundedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		slow := &slowBus{each: time.Second}
		o, err := engine.NewOutbox(engine.OutboxDeps{Store: w.store, Publisher: slow})
		if err != nil {
			t.Fatal(err)
		}
		const payments = 1_000 // 16 a second
		for n := range payments {
			decide(t, w, n)
		}
		sweeps := 0
		for pending(t, w) > 0 && sweeps < 10 {
			began := time.Now()
			if _, err := o.Sweep(t.Context(), start.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took > 26*time.Second {
				t.Errorf("a sweep took %v", took)
			}
			sweeps++
		}
		if sweeps < 3 || sweeps > 5 || slow.count() != payments {
			t.Errorf("%d sweeps published %d times, want 4 and %d, each once", sweeps, slow.count(), payments)
		}
	})
}

// TestHangingMark: a publication that never answers costs its mark's time, not the sweep's.
func TestHangingMark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 0)
		slow := &slowBus{hangs: payment(3, pix.Outbound).ID}
		o, err := engine.NewOutbox(engine.OutboxDeps{Store: w.store, Publisher: slow})
		if err != nil {
			t.Fatal(err)
		}
		for n := range 100 {
			decide(t, w, n)
		}
		began := time.Now()
		s, err := o.Sweep(t.Context(), start.Add(time.Hour))
		if s.Published != 99 || s.Failed != 1 || pix.KindOf(err) != pix.Timeout || time.Since(began) > 6*time.Second {
			t.Errorf("swept %+v in %v: %v", s, time.Since(began), err)
		}
	})
}

// slowBus takes its time.
type slowBus struct {
	each  time.Duration
	hangs pix.EndToEndID
	mu    sync.Mutex
	sent  int
}

func (b *slowBus) PublishDecision(ctx context.Context, d *pix.Decision) error {
	if d.ID() == b.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(b.each)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent++
	return nil
}

func (b *slowBus) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sent
}

// TestOrphanedMarks: a payment that was recorded and never decided keeps its mark for OrphanAge before the sweep's
// moment, then loses it.
func TestOrphanedMarks(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	o := newOutbox(t, w, b)
	if err := w.store.Record(t.Context(), payment(1, pix.Outbound)); err != nil {
		t.Fatal(err)
	}
	recorded := start.Add(time.Second)
	if s, err := o.Sweep(t.Context(), recorded.Add(59*time.Minute)); s.Dropped != 0 || err != nil || pending(t, w) != 1 {
		t.Errorf("young: swept %+v, %d marks left: %v", s, pending(t, w), err)
	}
	if s, err := o.Sweep(t.Context(), recorded.Add(70*time.Minute)); s.Dropped != 1 || err != nil || pending(t, w) != 0 {
		t.Errorf("old: swept %+v, %d marks left: %v", s, pending(t, w), err)
	}
	if len(b.ids()) != 0 {
		t.Errorf("published %v without a decision", b.ids())
	}
}

func TestSweepStoreFailures(t *testing.T) {
	t.Parallel()
	slow := func(context.Context) error { return pix.E(pix.Timeout, "x", errors.New("slow")) }
	for name, breakIt := range map[string]func(*faultyStore){
		"minutes":  func(s *faultyStore) { s.minutes = slow },
		"list":     func(s *faultyStore) { s.list = slow },
		"decision": func(s *faultyStore) { s.decision = slow },
		"mark":     func(s *faultyStore) { s.mark = slow },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b := newWorld(t, 0), &bus{}
			decide(t, w, 1)
			breakIt(w.store)
			o := newOutbox(t, w, b)
			for range 5 {
				if _, err := o.Sweep(t.Context(), start.Add(time.Hour)); pix.KindOf(err) != pix.Timeout {
					t.Errorf("kind %v: %v", pix.KindOf(err), err)
				}
			}
			if pending(t, w) != 1 {
				t.Error("the mark is gone")
			}
			if len(b.ids()) > 1 {
				t.Errorf("published %d times while the store takes no removals, want once", len(b.ids()))
			}
			w.store.minutes, w.store.list, w.store.decision, w.store.mark = nil, nil, nil, nil
			if _, err := o.Sweep(t.Context(), start.Add(time.Hour)); err != nil || pending(t, w) != 0 || len(b.ids()) != 1 {
				t.Errorf("published %d times, %d marks left: %v", len(b.ids()), pending(t, w), err)
			}
		})
	}
}

// TestUnlistableMinutes: minutes whose marks cannot be listed do not keep those of others from being published.
func TestUnlistableMinutes(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	for n := range 50 {
		tx := payment(n, pix.Outbound)
		tx.EventTime = start.Add(-time.Duration(n) * time.Minute)
		if _, _, err := w.engine.Decide(t.Context(), live(tx)); err != nil {
			t.Fatal(err)
		}
	}
	w.store.listOf = func(q engine.MarkQuery) error {
		if slices.ContainsFunc(q.Minutes, func(m time.Time) bool { return m.Equal(start) || m.Equal(start.Add(-49*time.Minute)) }) {
			return pix.E(pix.Timeout, "list", errors.New("slow"))
		}
		return nil
	}
	o := newOutbox(t, w, b)
	for range 4 {
		if _, err := o.Sweep(t.Context(), start.Add(time.Hour)); err == nil {
			break
		}
	}
	if got := len(b.ids()); got < 50-2*8 || got > 48 {
		t.Errorf("published %d of 50; two groups of 8 minutes cannot be listed", got)
	}
}

func TestSweepStopsWithItsContext(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	for n := range 100 {
		decide(t, w, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.store.decision = func(context.Context) error { cancel(); return nil }
	if _, err := newOutbox(t, w, b).Sweep(ctx, start.Add(time.Hour)); pix.KindOf(err) != pix.Cancelled {
		t.Errorf("kind %v: %v", pix.KindOf(err), err)
	}
}

// TestLooksBecomeRare: of a minute that holds nothing but a mark that must wait a sweep asks less and less often, and of
// one that is recorded to it asks at once.
func TestLooksBecomeRare(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	if err := w.store.Record(t.Context(), payment(1, pix.Outbound)); err != nil {
		t.Fatal(err)
	}
	looks := 0
	w.store.list = func(context.Context) error { looks++; return nil }
	o := newOutbox(t, w, b)
	now := start.Add(time.Second)
	sweep := func(d time.Duration) int {
		looks = 0
		for end := now.Add(d); now.Before(end); {
			now = now.Add(10 * time.Second)
			if _, err := o.Sweep(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		return looks
	}
	if got := sweep(50 * time.Minute); got < 7 || got > 11 {
		t.Errorf("300 sweeps of a quiet minute looked %d times, want some 9", got)
	}
	w.clock.set(now)
	decide(t, w, 1)
	if sweep(time.Minute); !slices.Equal(b.ids(), []pix.EndToEndID{payment(1, pix.Outbound).ID}) {
		t.Errorf("published %v within a minute of the decision", b.ids())
	}
}
