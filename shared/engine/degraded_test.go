package engine_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

const (
	decisionDeadline = 20 * time.Millisecond
	storeDeadline    = 10 * time.Millisecond
)

// degradable gives an engine deadlines, to be met in virtual time only, and a backlog.
func degradable(limit int) func(*world, *engine.Deps) {
	return func(w *world, d *engine.Deps) {
		queueing(limit)(w, d)
		d.Timeout, d.StoreDeadline = decisionDeadline, storeDeadline
	}
}

// queueing gives an engine a backlog.
func queueing(limit int) func(*world, *engine.Deps) {
	return func(w *world, d *engine.Deps) {
		w.backlog, _ = engine.NewBacklog(w.store, limit, w.hear)
		d.Backlog = w.backlog
	}
}

// TestDecidesWithoutHistories: a store that does not take the event or does not give the histories leaves a decision
// within the store's deadline that says so, is no approval, stands, and whose event is written later.
func TestDecidesWithoutHistories(t *testing.T) {
	t.Parallel()
	outcomes := map[pix.Direction]pix.Outcome{pix.Outbound: pix.Review, pix.Inbound: pix.Block, pix.Internal: pix.Review}
	for _, step := range []string{"record", "read"} {
		for name, fail := range failures() {
			if name == "cancelled" || name == "panic" {
				continue // TestWhatEndsADecision
			}
			for direction, outcome := range outcomes {
				t.Run(step+"/"+name+"/"+string(direction), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w := newWorld(t, 0, degradable(10))
						breakStep(w, step, fail)
						tx, began := payment(1, direction), time.Now()
						d, replayed, err := w.engine.Decide(t.Context(), tx, "trace")
						if err != nil || replayed {
							t.Fatalf("replayed %v: %v", replayed, err)
						}
						if took := time.Since(began); took > storeDeadline {
							t.Errorf("waited %v for the store, above its deadline", took)
						}
						if !d.FeaturesMissing || d.Provisional || d.Outcome != outcome || d.RuleHits[0].ID != policy.HitFeatures {
							t.Errorf("%s, missing %v, provisional %v, hits %v", d.Outcome, d.FeaturesMissing, d.Provisional, d.RuleHits)
						}
						if standing, _ := w.store.Store.Decision(t.Context(), tx.ID); standing == nil || !standing.FeaturesMissing {
							t.Errorf("standing %v", standing)
						}
						wantsWriting(t, w, tx, step == "record")
					})
				})
			}
		}
	}
}

func breakStep(w *world, step string, fail func(context.Context) error) {
	if step == "record" {
		w.store.record = fail
	} else {
		w.store.read = fail
	}
}

// wantsWriting expects the payment's event in the backlog, and after the store is well again in the store.
func wantsWriting(t *testing.T, w *world, tx *pix.Transaction, queued bool) {
	t.Helper()
	if (w.backlog.Len() == 1) != queued {
		t.Errorf("%d events wait, want one: %v", w.backlog.Len(), queued)
	}
	w.store.record, w.store.read = nil, nil
	if err := w.backlog.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, _, err := w.store.Read(t.Context(), tx)
	if n := outEvents(&h); err != nil || n != 1 || w.backlog.Len() != 0 {
		t.Errorf("%d events in the payer's row, %d wait: %v", n, w.backlog.Len(), err)
	}
	if left := pending(t, w); left != 1 {
		t.Errorf("%d marks; an unpublished decision would be lost in a crash", left)
	}
}

// TestWhatEndsADecision: a caller that has gone, a panic and a payment that the store refuses for good are no reason to
// decide without histories.
func TestWhatEndsADecision(t *testing.T) {
	t.Parallel()
	ends := map[string]struct {
		fail func(context.Context) error
		want pix.Kind
	}{
		"cancelled": {failures()["cancelled"], pix.Cancelled},
		"panic":     {failures()["panic"], pix.Unexpected},
		"invalid":   {func(context.Context) error { return pix.E(pix.Invalid, "x", errors.New("time out of bounds")) }, pix.Invalid},
	}
	for _, step := range []string{"record", "read"} {
		for name, tc := range ends {
			w := newWorld(t, 0, queueing(10))
			breakStep(w, step, tc.fail)
			for call, ask := range both(w.engine) {
				d, _, err := ask(t.Context(), payment(1, pix.Outbound), "")
				if d != nil || pix.KindOf(err) != tc.want || w.backlog.Len() != 0 {
					t.Errorf("%s/%s/%s: decision %v, %d wait, kind %v: %v", step, name, call, d, w.backlog.Len(), pix.KindOf(err), err)
				}
			}
		}
	}
}

type decider func(context.Context, *pix.Transaction, string) (*pix.Decision, bool, error)

func both(e *engine.Engine) map[string]decider {
	return map[string]decider{"Decide": e.Decide, "Answer": e.Answer}
}

// TestProvisionalAnswer: while the store is away whoever waits for an answer gets one that is never an approval, always
// the same, and leaves no trace; once it is back exactly one decision stands.
func TestProvisionalAnswer(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"unavailable", "slow"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 0, degradable(10))
				fail := failures()[name]
				w.store.record, w.store.read, w.store.commit, w.store.decision = fail, fail, fail, fail
				tx := payment(1, pix.Outbound)
				var first *pix.Decision
				for i := range 3 {
					began := time.Now()
					d, replayed, err := w.engine.Answer(t.Context(), tx, "trace")
					if err != nil || replayed || !d.Provisional || !d.FeaturesMissing || d.Outcome == pix.Approve {
						t.Fatalf("%+v, replayed %v: %v", d, replayed, err)
					}
					if took := time.Since(began); took > decisionDeadline {
						t.Errorf("answered after %v, above the deadline", took)
					}
					if i == 0 {
						first = d
					}
					if diff := cmp.Diff(first, d, sameJudgement()...); diff != "" {
						t.Errorf("another answer (-first +again):\n%s", diff)
					}
				}
				if d, _, err := w.engine.Decide(t.Context(), tx, ""); d != nil || err == nil {
					t.Errorf("Decide gave %v, %v", d, err)
				}
				if n := w.backlog.Len(); n != 0 {
					t.Errorf("%d events of undecided payments wait", n)
				}
				w.store.record, w.store.read, w.store.commit, w.store.decision = nil, nil, nil, nil
				if standing, _ := w.store.Decision(t.Context(), tx.ID); standing != nil {
					t.Fatalf("a provisional decision stands: %+v", standing)
				}
				d, replayed, err := w.engine.Answer(t.Context(), tx, "trace")
				if err != nil || replayed || d.Provisional || d.FeaturesMissing {
					t.Errorf("%+v, replayed %v: %v", d, replayed, err)
				}
			})
		})
	}
}

// sameJudgement compares decisions but for clocks.
func sameJudgement() []cmp.Option {
	return []cmp.Option{
		cmpopts.IgnoreFields(pix.Decision{}, "Transaction", "DecidedAt", "StoreLatency", "ScoreLatency", "TotalLatency"),
		cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
	}
}

// TestNeverASilentZero: without histories a feature is missing, or it does not depend on them.
func TestNeverASilentZero(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, queueing(10))
	for n := range 40 {
		if _, _, err := w.engine.Decide(t.Context(), payment(n, pix.Internal), ""); err != nil {
			t.Fatal(err)
		}
	}
	served, _, err := w.engine.Decide(t.Context(), payment(60, pix.Internal), "")
	if err != nil {
		t.Fatal(err)
	}
	w.store.read = failures()["unavailable"]
	blind, _, err := w.engine.Decide(t.Context(), payment(61, pix.Internal), "")
	if err != nil {
		t.Fatal(err)
	}
	features, err := feature.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	empty := features.Vector(nil, payment(61, pix.Internal), &feature.Histories{})
	differ := 0
	for i, name := range feature.Names() {
		v := blind.Vector[i]
		if math.IsNaN(v) {
			differ++
			continue
		}
		if v != empty[i] {
			t.Errorf("%s is %v without histories and %v with empty ones", name, v, empty[i])
		}
		if velocity(name) {
			t.Errorf("%s is %v although nothing was read; with histories it was %v", name, v, served.Vector[i])
		}
	}
	if differ < 30 {
		t.Errorf("only %d features are missing", differ)
	}
}

// velocity reports whether a feature counts or sums events.
func velocity(name string) bool {
	for _, d := range feature.Definitions() {
		if d.Name == name {
			return d.Window != ""
		}
	}
	return false
}

// TestBacklogIsBounded: what finds no place comes back, and is counted.
func TestBacklogIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, queueing(2))
	w.store.record = failures()["unavailable"]
	for n := range 5 {
		for range 3 { // a redelivery takes no second place
			_, _, _ = w.engine.Decide(t.Context(), payment(n, pix.Outbound), "")
		}
		d, _, err := w.engine.Decide(t.Context(), payment(n, pix.Outbound), "")
		if fits := n < 2; (err == nil) != fits || (d != nil) != fits {
			t.Errorf("payment %d: decision %v: %v", n, d, err)
		}
		if err != nil && pix.KindOf(err) != pix.Unavailable {
			t.Errorf("payment %d: %v", n, err)
		}
		// Who waits gets what stands all the same.
		if d, replayed, err := w.engine.Answer(t.Context(), payment(n, pix.Outbound), ""); err != nil || !replayed || d.Provisional {
			t.Errorf("payment %d: decision %+v, replayed %v: %v", n, d, replayed, err)
		}
	}
	if w.backlog.Len() != 2 || w.backlog.Refused() == 0 || !slices.Contains(w.heard(), engine.PartBacklog) {
		t.Errorf("%d wait, %d refused, heard %v", w.backlog.Len(), w.backlog.Refused(), w.heard())
	}
	// A redelivery writes the event itself.
	w.store.record = nil
	tx := payment(4, pix.Outbound)
	if _, replayed, err := w.engine.Decide(t.Context(), tx, ""); err != nil || !replayed {
		t.Errorf("replayed %v: %v", replayed, err)
	}
	if h, _, _ := w.store.Read(t.Context(), tx); outEvents(&h) != 1 {
		t.Errorf("%d events of the payer, want the redelivered one", outEvents(&h))
	}
}

// TestBacklogKeepsWhatTheStoreRefuses through several ticks, in order, and gives up nothing when it is stopped.
func TestBacklogKeepsWhatTheStoreRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, queueing(100))
	var mu sync.Mutex
	broken := true
	w.store.record = func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if broken {
			return pix.E(pix.Unavailable, "x", errors.New("away"))
		}
		return nil
	}
	for n := range 40 {
		if !w.backlog.Add(payment(n, pix.Outbound)) {
			t.Fatalf("no place for %d", n)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ticks, done := make(chan time.Time), make(chan error, 1)
	go func() { done <- w.backlog.Run(ctx, ticks) }()
	ticks <- start
	ticks <- start
	ticks <- start // the second tick's work is done when the third is taken
	if n := len(w.heard()) + w.backlog.Len(); n < 40-16 {
		t.Errorf("%d wait while the store is away", n)
	}
	mu.Lock()
	broken = false
	mu.Unlock()
	cancel() // the last flush writes what waits
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		h, _, err := w.store.Read(t.Context(), payment(n, pix.Outbound))
		if err != nil || outEvents(&h) == 0 {
			t.Fatalf("payment %d is lost: %v", n, err)
		}
	}
	if w.backlog.Len() != 0 {
		t.Errorf("%d wait", w.backlog.Len())
	}
}

// TestSlowStoreIsBounded: 2,000 callers meet a store that takes 50 times its usual time. Nobody waits beyond the
// deadline, at most MaxInFlight wait at all, and no goroutine is left or added. Who finds no place at all is refused.
//
//nolint:paralleltest // it counts goroutines
func TestSlowStoreIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, limit = 2_000, 50
		w := newWorld(t, 0, degradable(callers), func(_ *world, d *engine.Deps) { d.MaxInFlight = limit })
		inside, most := 0, 0
		var mu sync.Mutex
		slow := func(ctx context.Context) error {
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			defer func() { mu.Lock(); inside--; mu.Unlock() }()
			select {
			case <-time.After(50 * storeDeadline):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		w.store.record, w.store.read, w.store.commit = slow, slow, slow
		before, began := runtime.NumGoroutine(), time.Now()
		var wg sync.WaitGroup
		for n := range callers {
			wg.Go(func() {
				d, _, err := w.engine.Answer(t.Context(), payment(n, pix.Outbound), "")
				if pix.KindOf(err) == pix.Unavailable && d == nil {
					return
				}
				if err != nil || d.Outcome == pix.Approve || !d.Provisional {
					t.Errorf("payment %d: %+v: %v", n, d, err)
				}
			})
		}
		synctest.Wait() // every caller has its answer or is in the store
		if added := runtime.NumGoroutine() - before; added > limit {
			t.Errorf("%d goroutines more for %d calls in flight", added, limit)
		}
		wg.Wait()
		if took := time.Since(began); took > decisionDeadline || most > limit {
			t.Errorf("took %v, %d in the store at once", took, most)
		}
		if !slices.Contains(w.heard(), engine.PartOverload) || !slices.Contains(w.heard(), engine.PartCommit) {
			t.Error("nobody heard of the overload")
		}
		if after := runtime.NumGoroutine(); after > before {
			t.Errorf("%d goroutines, %d before", after, before)
		}
	})
}

// TestOutboxRefusesProvisional: consumers would take it for the one decision.
func TestOutboxRefusesProvisional(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	o, err := engine.NewOutbox(engine.OutboxDeps{Store: w.store, Publisher: b})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Send(t.Context(), &pix.Decision{Transaction: *payment(1, pix.Outbound), Outcome: pix.Review, Provisional: true}); err == nil {
		t.Error("a provisional decision was published")
	}
}
