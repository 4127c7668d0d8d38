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

// bus collects what was published; fail, when set, is asked first.
type bus struct {
	mu   sync.Mutex
	sent []pix.EndToEndID
	fail func(id pix.EndToEndID) error
}

func (b *bus) PublishDecision(_ context.Context, d *pix.Decision) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		if err := b.fail(d.ID()); err != nil {
			return err
		}
	}
	b.sent = append(b.sent, d.ID())
	return nil
}

func (b *bus) ids() []pix.EndToEndID {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(b.sent)
	slices.Sort(out)
	return out
}

func newOutbox(tb testing.TB, w *world, b *bus) *engine.Outbox {
	tb.Helper()
	o, err := engine.NewOutbox(engine.OutboxDeps{
		Store: w.store, Publisher: b, OrphanAge: time.Hour, Degraded: func(err error) { w.degraded = append(w.degraded, err) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func decide(tb testing.TB, w *world, n int) *pix.Decision {
	tb.Helper()
	d, _, err := w.engine.Decide(tb.Context(), payment(n, pix.Outbound), "")
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// pending counts the marks that are left.
func pending(tb testing.TB, w *world) int {
	tb.Helper()
	left, err := w.store.Store.Unpublished(tb.Context(), start.AddDate(1, 0, 0), 1_000_000)
	if err != nil {
		tb.Fatal(err)
	}
	return len(left)
}

func TestSendPublishesThenRemovesTheMark(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	o := newOutbox(t, w, b)
	d := decide(t, w, 1)
	if pending(t, w) != 1 {
		t.Fatal("a recorded payment has no mark")
	}
	if err := o.Send(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.ids(), []pix.EndToEndID{d.ID()}) || pending(t, w) != 0 {
		t.Errorf("published %v, %d marks left", b.ids(), pending(t, w))
	}
}

func TestFailedPublishKeepsTheMark(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{fail: func(pix.EndToEndID) error { return pix.E(pix.Unavailable, "publish", errors.New("away")) }}
	o := newOutbox(t, w, b)
	if err := o.Send(t.Context(), decide(t, w, 1)); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("kind %v: %v", pix.KindOf(err), err)
	}
	if err := o.Flush(t.Context()); err != nil || pending(t, w) != 1 {
		t.Errorf("%d marks left, %v; want 1", pending(t, w), err)
	}
}

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
	if n, err := o.Sweep(t.Context(), start); n != 0 || err != nil {
		t.Errorf("swept %d that are younger than the moment: %v", n, err)
	}
	later := start.Add(time.Hour)
	if n, err := o.Sweep(t.Context(), later); n != payments || err != nil {
		t.Fatalf("swept %d of %d: %v", n, payments, err)
	}
	if !slices.Equal(b.ids(), want) || pending(t, w) != 0 {
		t.Errorf("published %d, %d marks left", len(b.ids()), pending(t, w))
	}
	if n, err := o.Sweep(t.Context(), later); n != 0 || err != nil {
		t.Errorf("swept %d again: %v", n, err)
	}
}

func TestSweepKeepsWhatItCouldNotPublish(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	poison := payment(7, pix.Outbound).ID
	b := &bus{fail: func(id pix.EndToEndID) error {
		if id == poison {
			return pix.E(pix.Unavailable, "publish", errors.New("away"))
		}
		return nil
	}}
	o := newOutbox(t, w, b)
	for n := range 20 {
		decide(t, w, n)
	}
	n, err := o.Sweep(t.Context(), start.Add(time.Hour))
	if pix.KindOf(err) != pix.Unavailable || n != len(b.ids()) || pending(t, w) != 20-n {
		t.Errorf("swept %d, published %d, %d marks left: %v", n, len(b.ids()), pending(t, w), err)
	}
	b.fail = nil
	if _, err := o.Sweep(t.Context(), start.Add(time.Hour)); err != nil || pending(t, w) != 0 {
		t.Errorf("%d marks left: %v", pending(t, w), err)
	}
	if !slices.Contains(b.ids(), poison) {
		t.Error("the payment that failed once was never published")
	}
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
	if n, err := o.Sweep(t.Context(), recorded.Add(59*time.Minute)); n != 0 || err != nil || pending(t, w) != 1 {
		t.Errorf("young: swept %d, %d marks left: %v", n, pending(t, w), err)
	}
	if n, err := o.Sweep(t.Context(), recorded.Add(61*time.Minute)); n != 0 || err != nil || pending(t, w) != 0 {
		t.Errorf("old: swept %d, %d marks left: %v", n, pending(t, w), err)
	}
	if len(b.ids()) != 0 {
		t.Errorf("published %v without a decision", b.ids())
	}
}

func TestSweepStoreFailures(t *testing.T) {
	t.Parallel()
	away := func(context.Context) error { return pix.E(pix.Timeout, "x", errors.New("slow")) }
	for name, breakIt := range map[string]func(*faultyStore){
		"list":     func(s *faultyStore) { s.list = away },
		"decision": func(s *faultyStore) { s.decision = away },
		"mark":     func(s *faultyStore) { s.mark = away },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, b := newWorld(t, 0), &bus{}
			decide(t, w, 1)
			breakIt(w.store)
			if _, err := newOutbox(t, w, b).Sweep(t.Context(), start.Add(time.Hour)); pix.KindOf(err) != pix.Timeout {
				t.Errorf("kind %v: %v", pix.KindOf(err), err)
			}
			if pending(t, w) != 1 {
				t.Error("the mark is gone")
			}
		})
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

// TestRun: marks go at a tick, at once when a batch is full, and at the end; while the store refuses them nothing is
// lost and the store is asked once per tick.
func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, b := newWorld(t, 0), &bus{}
		o := newOutbox(t, w, b)
		send := func(from, to int) {
			for n := from; n < to; n++ {
				if err := o.Send(t.Context(), decide(t, w, n)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		ctx, cancel := context.WithCancel(t.Context())
		ticks, done := make(chan time.Time), make(chan error, 1)
		go func() { done <- o.Run(ctx, ticks) }()

		send(0, 10)
		if pending(t, w) != 10 {
			t.Errorf("%d marks before the tick, want 10", pending(t, w))
		}
		ticks <- time.Time{}
		synctest.Wait()
		if pending(t, w) != 0 {
			t.Errorf("%d marks after the tick", pending(t, w))
		}
		send(10, 210)
		if pending(t, w) != 0 {
			t.Errorf("%d marks after a full batch", pending(t, w))
		}

		asked := 0
		w.store.mark = func(context.Context) error { asked++; return pix.E(pix.Unavailable, "mark", errors.New("away")) }
		send(210, 700)
		if pending(t, w) != 490 || asked != 1 {
			t.Errorf("%d marks, asked %d times while the store refuses", pending(t, w), asked)
		}
		w.store.mark = nil
		cancel()
		if err := <-done; err != nil || pending(t, w) != 0 {
			t.Errorf("%d marks at the end: %v", pending(t, w), err)
		}
		if len(w.degraded) == 0 {
			t.Error("nobody heard of the refused marks")
		}
	})
}

// TestQueueIsBounded: without Run the queue stops growing; what is left out keeps its mark and a sweep publishes it.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	d, removed := decide(t, w, 1), 0
	store := &countingMarks{Store: w.store, count: &removed}
	bounded, err := engine.NewOutbox(engine.OutboxDeps{Store: store, Publisher: b})
	if err != nil {
		t.Fatal(err)
	}
	for range 10_500 {
		if err := bounded.Send(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if err := bounded.Flush(t.Context()); err != nil || removed != 10_000 {
		t.Errorf("%d marks queued, want the bound of 10,000: %v", removed, err)
	}
}

// countingMarks counts the marks that a flush removes.
type countingMarks struct {
	engine.Store
	count *int
}

func (c *countingMarks) MarkPublished(ctx context.Context, ids []pix.EndToEndID) error {
	*c.count += len(ids)
	return c.Store.MarkPublished(ctx, ids)
}
