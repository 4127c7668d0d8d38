package engine_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// processors are what answers are computed on: whoever came first is served first, and each piece of work takes one of
// them for its time.
type processors chan struct{}

func (p processors) spend(d time.Duration) {
	p <- struct{}{}
	time.Sleep(d)
	<-p
}

// What the parts of an answer cost, in the proportions of BenchmarkServed and BenchmarkShed.
const (
	scoreCost   = time.Millisecond
	policyCost  = 200 * time.Microsecond
	explainCost = 12 * time.Millisecond
)

type costlyModel struct {
	fakeModel
	on processors
}

func (m *costlyModel) Score(v []float64) (float64, float64, error) {
	m.on.spend(scoreCost)
	return m.fakeModel.Score(v)
}

func (m *costlyModel) Explain(v []float64, top int) ([]pix.Contribution, error) {
	m.on.spend(explainCost)
	return m.fakeModel.Explain(v, top)
}

type costlyPolicies struct {
	fakePolicies
	on processors
}

func (p *costlyPolicies) Pack() *policy.Pack {
	p.on.spend(policyCost)
	return p.fakePolicies.Pack()
}

// TestGoodputUnderOverload: five times of what two processors can serve leaves at least four fifths of that served in
// time, and no more goroutines than there are places.
//
//nolint:paralleltest // it counts goroutines
func TestGoodputUnderOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			inFlight, overload = 128, 5
			budget, during     = 300 * time.Millisecond, time.Second
			capacity           = 2 * float64(time.Second) / float64(scoreCost+policyCost)
		)
		on := make(processors, 2)
		w := newWorld(t, 0, func(w *world, d *engine.Deps) {
			d.Clock, d.Degraded, d.MaxInFlight, d.Timeout, d.StoreDeadline = time.Now, nil, inFlight, budget, budget/2
			d.Policies = &costlyPolicies{fakePolicies: fakePolicies{pack: w.policies.pack}, on: on}
			w.models.set(pix.PayerRole, &costlyModel{fakeModel{version: "p1", probability: 0.01}, on})
		})
		wait := func(context.Context) error { time.Sleep(2 * time.Millisecond); return nil }
		w.store.record, w.store.read, w.store.commit = wait, wait, wait
		var good, shed, refused atomic.Int64
		var callers sync.WaitGroup
		before, most, n := runtime.NumGoroutine(), 0, 0
		for end := time.Now().Add(during); time.Now().Before(end); n++ {
			arrived, tx := time.Now(), payment(n, pix.Outbound)
			callers.Go(func() {
				d, _, err := w.engine.Answer(t.Context(), live(tx))
				switch {
				case err != nil:
					refused.Add(1)
				case d.Provisional:
					shed.Add(1)
				case !d.FeaturesMissing && time.Since(arrived) <= budget && !time.Now().After(end):
					good.Add(1)
				}
			})
			time.Sleep(time.Duration(float64(time.Second) / overload / capacity))
			most = max(most, runtime.NumGoroutine()-before)
		}
		callers.Wait()
		t.Logf("of %d payments %v served in time, %v shed, %v refused; capacity %.0f, at most %d goroutines",
			n, good.Load(), shed.Load(), refused.Load(), capacity, most)
		if served := float64(good.Load()); served < 0.8*capacity*during.Seconds() {
			t.Errorf("%v served in time, capacity %.0f", served, capacity)
		}
		if most > 3*inFlight { // the decisions, and a burst of as many answers without one
			t.Errorf("%d goroutines for %d decisions", most, inFlight)
		}
	})
}

// TestNoModelIsAskedForNothing: the policy lets no score count without histories, so none is computed, whichever way an
// answer came to be without them; its reasons stay.
func TestNoModelIsAskedForNothing(t *testing.T) {
	t.Parallel()
	unavailable := failures()["unavailable"]
	for name, breakIt := range map[string]func(*world) (undo func()){
		"not recorded": func(w *world) func() { w.store.record = unavailable; return func() {} },
		"not read":     func(w *world) func() { w.store.read = unavailable; return func() {} },
		"not stored":   func(w *world) func() { w.store.record, w.store.commit = unavailable, unavailable; return func() {} },
		"no place": func(w *world) func() {
			place, err := w.engine.Enter()
			if err != nil {
				t.Error(err)
			}
			return place.Leave
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 0, degradable, func(_ *world, d *engine.Deps) { d.MaxInFlight = 1 })
			defer breakIt(w)()
			d, _, err := w.engine.Answer(t.Context(), live(payment(1, pix.Internal)))
			if err != nil || !d.FeaturesMissing || d.Outcome == pix.Approve {
				t.Fatalf("%+v: %v", d, err)
			}
			if len(d.Scores) != 0 || w.models.asked[pix.PayerRole]+w.models.asked[pix.ReceiverRole] != 0 {
				t.Errorf("scores %v of models asked for %v", d.Scores, w.models.asked)
			}
			if len(d.Reasons) != 1 || d.Reasons[0].Code != policy.HitFeatures || len(d.Vector) == 0 {
				t.Errorf("reasons %v, %d features", d.Reasons, len(d.Vector))
			}
		})
	}
}

// TestPlaces: there are as many as MaxInFlight, then one without a decision for every fourth decision that ends, in stock
// for a burst; then none, and that costs nothing.
func TestPlaces(t *testing.T) {
	t.Parallel()
	const inFlight = 3
	w := newWorld(t, 0, func(_ *world, d *engine.Deps) { d.MaxInFlight = inFlight })
	answer := func(want bool) {
		t.Helper()
		asked := w.models.asked[pix.PayerRole]
		d, _, err := w.engine.Answer(t.Context(), live(payment(1, pix.Outbound)))
		if (d != nil) != want || !want && pix.KindOf(err) != pix.Overloaded || d != nil && (!d.Provisional || d.Lack != pix.LackRoom) {
			t.Fatalf("an answer: %v, want %v: %v", d != nil, want, err)
		}
		if n := w.models.asked[pix.PayerRole]; n != asked {
			t.Errorf("%d models asked", n-asked)
		}
	}
	var places []engine.Place
	for range inFlight {
		place, err := w.engine.Enter()
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, place)
		if n := w.engine.InFlight(); n != len(places) {
			t.Errorf("%d decisions in flight of %d", n, len(places))
		}
	}
	for range inFlight {
		answer(true)
	}
	answer(false)
	for n := range 8 {
		places[0].Leave()
		var err error
		if places[0], err = w.engine.Enter(); err != nil {
			t.Fatal(err)
		}
		if n%4 == 3 {
			answer(true)
		}
		answer(false)
	}
	for range 20 * inFlight { // as many as a burst asks for are kept in stock, and no more
		places[0].Leave()
		places[0], _ = w.engine.Enter()
	}
	for range inFlight {
		answer(true)
	}
	answer(false)
	if d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound))); d != nil || pix.KindOf(err) != pix.Overloaded {
		t.Errorf("Decide gave %v: %v", d, err)
	}
	for _, p := range places {
		p.Leave()
	}
	if d, _, err := w.engine.Answer(t.Context(), live(payment(1, pix.Outbound))); err != nil || d.Provisional {
		t.Errorf("with room again: %+v: %v", d, err)
	}
}

// TestPlaceIsHeldUntilTheAnswer: a provisional answer is part of what its place bounds.
func TestPlaceIsHeldUntilTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		on := make(processors, 100)
		w := newWorld(t, 0, func(w *world, d *engine.Deps) {
			d.MaxInFlight = 1
			d.Policies = &costlyPolicies{fakePolicies: fakePolicies{pack: w.policies.pack}, on: on}
		})
		w.store.record, w.store.commit = failures()["unavailable"], failures()["unavailable"]
		var first sync.WaitGroup
		first.Go(func() { _, _, _ = w.engine.Answer(t.Context(), live(payment(1, pix.Outbound))) })
		time.Sleep(policyCost + policyCost/2) // its decision could not be stored, and it is judged again
		if _, _, err := w.engine.Decide(t.Context(), live(payment(2, pix.Outbound))); pix.KindOf(err) != pix.Overloaded {
			t.Errorf("another payment found its place: %v", err)
		}
		first.Wait()
		w.store.record, w.store.commit = nil, nil
		if _, _, err := w.engine.Decide(t.Context(), live(payment(2, pix.Outbound))); err != nil {
			t.Error(err)
		}
	})
}
