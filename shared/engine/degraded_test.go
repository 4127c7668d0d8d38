package engine_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
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

// degradable gives an engine deadlines, to be met in virtual time only.
func degradable(_ *world, d *engine.Deps) {
	d.Timeout, d.StoreDeadline = decisionDeadline, storeDeadline
}

// TestDecidesWithoutHistories: a store that does not take the event or does not give the histories leaves a decision
// within the store's deadline that says so, is no approval, stands, and whose event is written before its mark is resolved.
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
						w := newWorld(t, 0, degradable)
						breakStep(w, step, fail)
						tx, began := payment(1, direction), time.Now()
						d, repeated, err := w.engine.Decide(t.Context(), live(tx, "trace"))
						if err != nil || repeated {
							t.Fatalf("repeated %v: %v", repeated, err)
						}
						if took := time.Since(began); took > storeDeadline {
							t.Errorf("waited %v for the store, above its deadline", took)
						}
						if !d.FeaturesMissing || d.Provisional || d.Outcome != outcome || d.RuleHits[0].ID != policy.HitFeatures {
							t.Errorf("%s, missing %v, provisional %v, hits %v", d.Outcome, d.FeaturesMissing, d.Provisional, d.RuleHits)
						}
						if heard := w.heard(); !slices.Equal(heard, []engine.Part{engine.PartStore}) {
							t.Errorf("operators hear of %v", heard)
						}
						if standing, _ := w.store.Store.Decision(t.Context(), tx.ID); standing == nil || !standing.FeaturesMissing {
							t.Errorf("standing %v", standing)
						}
						if d.Unrecorded != (step == "record") {
							t.Errorf("unrecorded %v after a failure of %s", d.Unrecorded, step)
						}
						wantsWriting(t, w, d)
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

// wantsWriting expects that a decision keeps its mark until it is published and its event is in the store, however often
// the store refuses the event before.
func wantsWriting(t *testing.T, w *world, d *pix.Decision) {
	t.Helper()
	o, b := newOutbox(t, w, &bus{}), &bus{}
	if pending(t, w) != 1 {
		t.Fatalf("%d marks, want one: an unpublished decision would be lost in a crash", pending(t, w))
	}
	w.store.read = nil
	if d.Unrecorded {
		if err := errors.Join(o.Send(t.Context(), d), o.Flush(t.Context())); err != nil || pending(t, w) != 1 {
			t.Errorf("%d marks while the event is owed: %v", pending(t, w), err)
		}
		if n, err := newOutbox(t, w, b).Sweep(t.Context(), start.Add(time.Hour)); n.Published != 0 || err == nil || pending(t, w) != 1 {
			t.Errorf("swept %+v while the event cannot be written, %d marks: %v", n, pending(t, w), err)
		}
	}
	w.store.record = nil
	if n, err := newOutbox(t, w, b).Sweep(t.Context(), start.Add(time.Hour)); n.Published != 1 || err != nil || pending(t, w) != 0 || len(b.ids()) != 1 {
		t.Errorf("swept %+v, published %v, %d marks: %v", n, b.ids(), pending(t, w), err)
	}
	if h := w.histories(t, &d.Transaction); outEvents(&h) != 1 {
		t.Errorf("%d events in the payer's row", outEvents(&h))
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
			w := newWorld(t, 0)
			breakStep(w, step, tc.fail)
			for call, ask := range both(w.engine) {
				d, _, err := ask(t.Context(), live(payment(1, pix.Outbound)))
				if d != nil || pix.KindOf(err) != tc.want {
					t.Errorf("%s/%s/%s: decision %v, kind %v: %v", step, name, call, d, pix.KindOf(err), err)
				}
			}
		}
	}
}

type decider func(context.Context, engine.Request) (*pix.Decision, bool, error)

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
				w := newWorld(t, 0, degradable)
				fail := failures()[name]
				w.store.record, w.store.read, w.store.commit, w.store.decision = fail, fail, fail, fail
				tx := payment(1, pix.Outbound)
				var first *pix.Decision
				for i := range 3 {
					began := time.Now()
					d, repeated, err := w.engine.Answer(t.Context(), live(tx, "trace"))
					if err != nil || repeated || !d.Provisional || !d.FeaturesMissing || d.Outcome == pix.Approve {
						t.Fatalf("%+v, repeated %v: %v", d, repeated, err)
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
				if d, _, err := w.engine.Decide(t.Context(), live(tx)); d != nil || err == nil {
					t.Errorf("Decide gave %v, %v", d, err)
				}
				w.store.record, w.store.read, w.store.commit, w.store.decision = nil, nil, nil, nil
				if standing, _ := w.store.Decision(t.Context(), tx.ID); standing != nil {
					t.Fatalf("a provisional decision stands: %+v", standing)
				}
				d, repeated, err := w.engine.Answer(t.Context(), live(tx, "trace"))
				if err != nil || repeated || d.Provisional || d.FeaturesMissing {
					t.Errorf("%+v, repeated %v: %v", d, repeated, err)
				}
			})
		})
	}
}

// sameJudgement compares decisions but for clocks.
func sameJudgement() []cmp.Option {
	return []cmp.Option{
		cmpopts.IgnoreFields(pix.Decision{}, "Transaction", "DecidedAt", "HoldUntil", "StoreLatency", "ScoreLatency", "TotalLatency"),
		cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }),
	}
}

// TestNeverASilentZero: without histories a feature is missing, or it does not depend on them.
func TestNeverASilentZero(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for n := range 40 {
		if _, _, err := w.engine.Decide(t.Context(), live(payment(n, pix.Internal))); err != nil {
			t.Fatal(err)
		}
	}
	served, _, err := w.engine.Decide(t.Context(), live(payment(60, pix.Internal)))
	if err != nil {
		t.Fatal(err)
	}
	w.store.read = failures()["unavailable"]
	blind, _, err := w.engine.Decide(t.Context(), live(payment(61, pix.Internal)))
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

// TestSlowStoreIsBounded: 2,000 callers meet a store that takes 50 times its usual time. Nobody waits beyond the
// deadline, at most MaxInFlight wait at all, and no goroutine is left or added. Who finds no place at all is refused.
//
//nolint:paralleltest // it counts goroutines
func TestSlowStoreIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, limit = 2_000, 50
		w := newWorld(t, 0, degradable, func(_ *world, d *engine.Deps) { d.MaxInFlight = limit })
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
				d, _, err := w.engine.Answer(t.Context(), live(payment(n, pix.Outbound)))
				if pix.KindOf(err) == pix.Overloaded && d == nil {
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

// failingPolicies serves its pack once and then panics, as a defect would.
type failingPolicies struct {
	pack *policy.Pack
	once sync.Once
}

func (p *failingPolicies) Pack() (pack *policy.Pack) {
	p.once.Do(func() { pack = p.pack })
	if pack == nil {
		panic("a payload")
	}
	return pack
}

// TestNoAnswerOutOfADefect: where even the provisional answer fails, whoever waits gets an error and no decision.
func TestNoAnswerOutOfADefect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, func(w *world, d *engine.Deps) { d.Policies = &failingPolicies{pack: w.policies.pack} })
	w.store.commit = failures()["unavailable"]
	d, _, err := w.engine.Answer(t.Context(), live(payment(1, pix.Outbound)))
	if d != nil || err == nil || strings.Contains(err.Error(), "a payload") {
		t.Errorf("decision %v: %v", d, err)
	}
	w = newWorld(t, 0, func(_ *world, d *engine.Deps) { d.MaxInFlight = 2 })
	for range 2 {
		if _, err := w.engine.Enter(); err != nil {
			t.Fatal(err)
		}
	}
	for name, tx := range map[string]*pix.Transaction{"none": nil, "without an id": {}} {
		if d, _, err := w.engine.Answer(t.Context(), live(tx)); d != nil || pix.KindOf(err) != pix.Invalid {
			t.Errorf("a payment, %s, under load: %v, %v", name, d, err)
		}
	}
}
