package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	trip      = 10 // payments that fail in a row open a breaker
	lastProbe = time.Second
)

// breakable gives an engine deadlines and virtual time, and counts what is asked of the store.
func breakable(asked *atomic.Int64) func(*world, *engine.Deps) {
	return func(w *world, d *engine.Deps) {
		degradable(w, d)
		d.Clock = time.Now
		count := func(context.Context) error { asked.Add(1); return nil }
		w.store.record, w.store.commit = count, count
	}
}

// hang takes a store away: it never answers.
func hang(w *world, asked *atomic.Int64) {
	hanging := func(ctx context.Context) error { asked.Add(1); <-ctx.Done(); return ctx.Err() }
	w.store.record, w.store.read, w.store.commit = hanging, hanging, hanging
}

// open asks for payments from first on until the breaker is open.
func open(t *testing.T, w *world, first int) {
	t.Helper()
	for n := range trip {
		if err := w.engine.StoreState(); err != nil {
			t.Fatalf("open after %d payments: %v", n, err)
		}
		if _, _, err := w.engine.Decide(t.Context(), live(payment(first+n, pix.Outbound))); err == nil {
			t.Fatal("decided although the store is away")
		}
	}
}

// TestBreakerOpensAnswersProbesAndCloses is the life of an outage: a few payments find it out, all others are answered at
// once and never approved, the store is asked seldom, and when it is back it is in use within a probe's interval. Then
// each payment gets its one decision.
func TestBreakerOpensAnswersProbesAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const outage, every = 10 * time.Second, 10 * time.Millisecond
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		hang(w, &asked)
		open(t, w, 0)
		state := w.engine.StoreState()
		if state == nil || !strings.Contains(state.Error(), "decisions: open for 0s, 10 failures") || w.engine.StoreOpenings() == 0 {
			t.Fatalf("after %d failures: %v, %d openings", trip, state, w.engine.StoreOpenings())
		}
		asked.Store(0)
		waited, n := 0, trip
		for end := time.Now().Add(outage); time.Now().Before(end); n++ {
			began, before := time.Now(), asked.Load()
			d, _, err := w.engine.Answer(t.Context(), live(payment(n, pix.Outbound)))
			if err != nil || !d.Provisional || d.Outcome == pix.Approve {
				t.Fatalf("provisional %v, %v: %v", d.Provisional, d.Outcome, err)
			}
			if took := time.Since(began); took > decisionDeadline || took > 0 && asked.Load() == before {
				t.Fatalf("waited %v for a store that nobody asked", took)
			} else if took > 0 {
				waited++
			}
			n++
			began, before = time.Now(), asked.Load()
			if d, _, err := w.engine.Decide(t.Context(), live(payment(n, pix.Outbound))); d != nil || pix.KindOf(err) != pix.Unavailable && pix.KindOf(err) != pix.Timeout {
				t.Fatalf("decided %v: %v", d != nil, err)
			}
			if time.Since(began) > 0 && asked.Load() == before {
				t.Fatal("a pushed payment waited for a store that nobody asked")
			}
			time.Sleep(every)
		}
		if probes := asked.Load(); probes < int64(outage/lastProbe) || probes > 2*int64(outage/lastProbe+5) || waited > int(probes) {
			t.Errorf("asked %d times in %v, %d callers waited", probes, outage, waited)
		}
		w.store.record, w.store.read, w.store.commit = nil, nil, nil
		back := time.Now()
		for w.engine.StoreState() != nil && time.Since(back) < time.Minute {
			_, _, _ = w.engine.Decide(t.Context(), live(payment(n, pix.Outbound)))
			time.Sleep(every)
		}
		if took := time.Since(back); took > lastProbe+decisionDeadline {
			t.Errorf("in use %v after it was back", took)
		}
		for i := range n {
			d, _, err := w.engine.Decide(t.Context(), live(payment(i, pix.Outbound)))
			if err != nil || d.Provisional {
				t.Fatalf("payment %d: %v", i, err)
			}
		}
	})
}

// TestBreakerOfHistories: what takes decisions and no events is still asked for decisions. They are made at once, without
// histories, and their events are owed.
func TestBreakerOfHistories(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		w.store.record = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		const payments = 3 * trip
		for n := range payments {
			began := time.Now()
			d, _, err := w.engine.Decide(t.Context(), live(payment(n, pix.Outbound)))
			if err != nil || !d.FeaturesMissing || d.Provisional || d.Outcome == pix.Approve {
				t.Fatalf("payment %d: %v", n, err)
			}
			if took := time.Since(began); (took > 0) != (n < trip) {
				t.Errorf("payment %d waited %v", n, took)
			}
		}
		if err := w.engine.StoreState(); err == nil || strings.Contains(err.Error(), "decisions") || !strings.Contains(err.Error(), "histories") {
			t.Errorf("state %v", err)
		}
		w.store.record = nil
		swept, err := newOutbox(t, w, &bus{}).Sweep(t.Context(), start.Add(time.Hour))
		if err != nil || swept.Published != payments {
			t.Errorf("swept %+v: %v", swept, err)
		}
		for n := range payments {
			if h, _, err := w.store.Read(t.Context(), payment(n, pix.Outbound)); err != nil || outEvents(&h) == 0 {
				t.Fatalf("the event of payment %d is lost: %v", n, err)
			}
		}
		time.Sleep(lastProbe)
		if d, _, err := w.engine.Decide(t.Context(), live(payment(payments, pix.Outbound))); err != nil || d.FeaturesMissing {
			t.Errorf("after it was back: %v", err)
		}
		if err := w.engine.StoreState(); err != nil {
			t.Error(err)
		}
	})
}

// TestWhatOpensNoBreaker: a failure that says nothing of the store, and a store that still answers some.
func TestWhatOpensNoBreaker(t *testing.T) {
	t.Parallel()
	failing := func(kind pix.Kind) func(context.Context) error {
		return func(context.Context) error { return pix.E(kind, "x", errors.New("x")) }
	}
	slow := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	tests := map[string]struct {
		fail     func(context.Context) error
		id       func(n int) int
		every    int // so many payments meet the failure but for one; 0 means that all meet it
		starved  bool
		opensAny bool
	}{
		"away":                {fail: failing(pix.Unavailable), opensAny: true},
		"slow":                {fail: slow, opensAny: true},
		"one payment again":   {fail: failing(pix.Unavailable), id: func(int) int { return 1 }},
		"two slow ones again": {fail: slow, id: func(n int) int { return n % 2 }},
		"callers gone":        {fail: failing(pix.Cancelled)},
		"invalid":             {fail: failing(pix.Invalid)},
		"conflict":            {fail: failing(pix.Conflict)},
		"a defect":            {fail: failing(pix.Unexpected)},
		"nine of ten":         {fail: failing(pix.Unavailable), every: trip},
		"no time to look":     {fail: slow, starved: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				w := newWorld(t, 0, breakable(&asked))
				n := 0
				fail := func(ctx context.Context) error {
					if tc.every > 0 && n%tc.every == 0 {
						return nil
					}
					err := tc.fail(ctx)
					if tc.starved { // the time-out is there, and nobody has a processor to notice it
						time.Sleep(decisionDeadline)
					}
					return err
				}
				w.store.record, w.store.commit = fail, fail
				for n = range 5 * trip {
					id := n
					if tc.id != nil {
						id = tc.id(n)
					}
					_, _, _ = w.engine.Answer(t.Context(), live(payment(id, pix.Outbound)))
				}
				if err := w.engine.StoreState(); (err != nil) != tc.opensAny {
					t.Errorf("open: %v, want %v", err, tc.opensAny)
				}
			})
		})
	}
}

// TestProbesSurviveTheirPayments: a probe whose caller goes, or whose model panics, neither closes the breaker nor keeps
// others from probing.
func TestProbesSurviveTheirPayments(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		hang(w, &asked)
		open(t, w, 0)
		w.store.record, w.store.read = nil, nil
		probe := func(commit func(context.Context) error) {
			time.Sleep(lastProbe)
			w.store.commit = commit
			_, _, _ = w.engine.Decide(t.Context(), live(payment(100, pix.Outbound)))
		}
		probe(func(context.Context) error { return pix.E(pix.Cancelled, "x", context.Canceled) })
		probe(func(context.Context) error { panic("a payload") })
		probe(func(context.Context) error { return pix.E(pix.Unexpected, "x", errors.New("no permission")) })
		if w.engine.StoreState() == nil {
			t.Fatal("closed by a store that did not answer")
		}
		probe(nil)
		if err := w.engine.StoreState(); err != nil {
			t.Error(err)
		}
	})
}

// TestARefusalIsAnAnswer: a store that refuses a payment for good is there, and is in use again.
func TestARefusalIsAnAnswer(t *testing.T) {
	t.Parallel()
	for _, kind := range []pix.Kind{pix.Invalid, pix.Conflict, pix.TooLarge} {
		synctest.Test(t, func(t *testing.T) {
			var asked atomic.Int64
			w := newWorld(t, 0, breakable(&asked))
			hang(w, &asked)
			open(t, w, 0)
			w.store.record, w.store.read = nil, nil
			w.store.commit = func(context.Context) error { return pix.E(kind, "x", errors.New("refused")) }
			time.Sleep(lastProbe)
			if _, _, err := w.engine.Decide(t.Context(), live(payment(100, pix.Outbound))); pix.KindOf(err) != kind {
				t.Errorf("%v: %v", kind, err)
			}
			if err := w.engine.StoreState(); err != nil {
				t.Errorf("%v: %v", kind, err)
			}
		})
	}
}

// TestOneProbeAtATime: of many callers at the moment of a probe one asks; what began before the breaker opened changes
// nothing when it ends.
func TestOneProbeAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		hang(w, &asked)
		const callers = 200
		var group sync.WaitGroup
		crowd := func(first int) {
			for n := range callers {
				group.Go(func() { _, _, _ = w.engine.Answer(t.Context(), live(payment(first+n, pix.Outbound))) })
			}
			group.Wait()
		}
		crowd(0) // all at once: all fail, and the breaker opens once
		if n := w.engine.StoreOpenings(); n != 2 || w.engine.StoreState() == nil {
			t.Errorf("%d openings of two halves: %v", n, w.engine.StoreState())
		}
		asked.Store(0)
		time.Sleep(lastProbe)
		crowd(callers)
		if n := asked.Load(); n != 2 { // its event and its decision
			t.Errorf("asked %d times by one probe", n)
		}
	})
}

// TestWhatBeganBeforeSaysNothing: an answer to a question from before the breaker opened does not close it, and a time-out
// from before it closed does not count against the store that is back.
func TestWhatBeganBeforeSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked), func(_ *world, d *engine.Deps) { d.Timeout, d.StoreDeadline = time.Minute, 0 })
		away := failures()["unavailable"]
		ends := make(chan error)
		pending := func(first int) *sync.WaitGroup {
			var group sync.WaitGroup
			w.store.commit = func(context.Context) error { return <-ends }
			for n := range 2 * trip {
				group.Go(func() { _, _, _ = w.engine.Decide(t.Context(), live(payment(first+n, pix.Outbound))) })
			}
			synctest.Wait()
			return &group
		}
		end := func(group *sync.WaitGroup, err error) {
			for range 2 * trip {
				ends <- err
			}
			group.Wait()
		}
		good := pending(0)
		w.store.commit = away
		open(t, w, 100)
		end(good, nil)
		if w.engine.StoreState() == nil {
			t.Error("closed by what began before it opened")
		}
		time.Sleep(lastProbe)
		w.store.commit = nil
		if _, _, err := w.engine.Decide(t.Context(), live(payment(200, pix.Outbound))); err != nil || w.engine.StoreState() != nil {
			t.Fatalf("%v: %v", w.engine.StoreState(), err)
		}
		bad := pending(300)
		w.store.commit = away
		open(t, w, 400)
		time.Sleep(lastProbe)
		w.store.commit = nil
		if _, _, err := w.engine.Decide(t.Context(), live(payment(500, pix.Outbound))); err != nil {
			t.Fatal(err)
		}
		end(bad, pix.E(pix.Unavailable, "x", errors.New("away")))
		if err := w.engine.StoreState(); err != nil {
			t.Errorf("opened by what began before it closed: %v", err)
		}
	})
}
