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
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
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
	d, _, err := w.engine.Decide(tb.Context(), live(payment(n, pix.Outbound)))
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// pending counts the marks that are left.
func pending(tb testing.TB, w *world) int {
	tb.Helper()
	return len(storetest.Marks(tb, w.store.Store, start.AddDate(1, 0, 0)))
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
// TestOwedEventsAreWritten: however many follow one another, each is written with its publication and its mark goes; one that
// the store refuses for good is owed no longer; of one that cannot be written operators hear, and its mark stays.
func TestOwedEventsAreWritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refusal       error
		marks, events int
	}{
		"taken":            {nil, 0, 1},
		"refused for good": {pix.E(pix.Invalid, "record", errors.New("time out of bounds")), 0, 0},
		"away":             {away(), 1, 0},
	} {
		const owed = 12
		w := newWorld(t, 0)
		w.store.record = failures()["unavailable"]
		var owing []*pix.Decision
		for n := range owed {
			owing = append(owing, decide(t, w, n))
		}
		w.degraded = nil
		w.store.record = func(context.Context) error { return c.refusal }
		b := &bus{}
		o := newOutbox(t, w, b)
		for _, d := range owing {
			if err := o.Send(t.Context(), d); err != nil || !d.Unrecorded {
				t.Fatalf("%s: unrecorded %v: %v", name, d.Unrecorded, err)
			}
		}
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := pending(t, w); n != owed*c.marks || len(b.ids()) != owed || len(w.degraded) != owed*c.marks {
			t.Errorf("%s: %d marks, %d published, operators heard %d times", name, n, len(b.ids()), len(w.degraded))
		}
		for _, d := range owing {
			if h := w.histories(t, &d.Transaction); (outEvents(&h) > 0) != (c.events > 0) {
				t.Errorf("%s: %d events", name, outEvents(&h))
			}
		}
	}
}

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

func (c *countingMarks) MarkPublished(ctx context.Context, marks []engine.Mark) error {
	*c.count += len(marks)
	return c.Store.MarkPublished(ctx, marks)
}

// A sender asks as often as it likes: what is known to be published, by this process or by the store, is not published
// again, and no mark is left. What never got to the bus is published whoever asks.
func TestSendPublishesOnce(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{fail: func(pix.EndToEndID) error { return pix.E(pix.Unavailable, "publish", errors.New("away")) }}
	o, elsewhere := newOutbox(t, w, b), newOutbox(t, w, b)
	if err := o.Send(t.Context(), decide(t, w, 1)); err == nil {
		t.Fatal("published on a bus that is away")
	}
	b.fail = nil
	for range 3 { // within one flush
		if err := o.Send(t.Context(), decide(t, w, 1)); err != nil {
			t.Fatal(err)
		}
	}
	again := decide(t, w, 1) // read before the store knows, and sent when it does
	if err := o.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := o.Send(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	for _, process := range []*engine.Outbox{o, elsewhere, o, elsewhere} {
		if err := o.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := process.Send(t.Context(), decide(t, w, 1)); err != nil {
			t.Fatal(err)
		}
		if err := process.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := pending(t, w); left != 0 {
			t.Errorf("%d marks are left", left)
		}
	}
	decide(t, w, 1) // answered, and its process dies: the sweep finds the mark, and nothing to publish
	if _, err := elsewhere.Sweep(t.Context(), start.AddDate(1, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if len(b.ids()) != 1 || pending(t, w) != 0 {
		t.Errorf("published %d times, %d marks left; want once and none", len(b.ids()), pending(t, w))
	}
}
