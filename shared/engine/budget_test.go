package engine_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// within gives a request a budget.
func within(r engine.Request, budget time.Duration) engine.Request {
	r.Budget = budget
	return r
}

// wholly compares decisions in all that they hold.
func wholly() []cmp.Option {
	return []cmp.Option{cmpopts.EquateNaNs(), cmp.AllowUnexported(pix.Optional[bool]{}, pix.Optional[time.Time]{}, pix.Optional[int64]{},
		pix.Optional[pix.Money]{}, pix.Optional[time.Duration]{})}
}

// TestBudget: a store that hangs costs a caller no more than its budget, whatever step hangs: it gets an answer that is
// provisional and no approval, nothing stands, and asked again without haste it gets a decision with everything.
func TestBudget(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"record", "read", "commit"} {
		for budget, most := range map[time.Duration]time.Duration{
			1: 1, time.Millisecond: time.Millisecond, 8 * time.Millisecond: 6 * time.Millisecond, storeDeadline: storeDeadline,
		} {
			t.Run(step+"/"+budget.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, 0, degradable)
					hanging := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
					if breakStep(w, step, hanging); step == "commit" {
						w.store.read, w.store.commit = nil, hanging
					}
					r := live(payment(1, pix.Outbound), "trace")
					began := time.Now()
					d, repeated, err := w.engine.Answer(t.Context(), within(r, budget))
					if took := time.Since(began); took > most {
						t.Errorf("answered after %v of %v", took, budget)
					}
					if err != nil || repeated || !d.Provisional || d.Outcome == pix.Approve {
						t.Fatalf("%+v, %v, %v", d, repeated, err)
					}
					if standing, _ := w.store.Store.Decision(t.Context(), r.Tx.ID); standing != nil {
						t.Errorf("a caller in a hurry made a decision stand: %+v", standing)
					}
					w.store.record, w.store.read, w.store.commit = nil, nil, nil
					if d, _, err = w.engine.Answer(t.Context(), r); err != nil || d.Provisional || d.FeaturesMissing {
						t.Errorf("without haste: %+v, %v", d, err)
					}
				})
			})
		}
	}
}

// TestBudgetThatIsEnough: a budget changes nothing of a decision for which it suffices, and one above ours is ours.
func TestBudgetThatIsEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said []*pix.Decision
		for _, budget := range []time.Duration{0, time.Millisecond, time.Hour} {
			w := newWorld(t, 0, degradable)
			d, _, err := w.engine.Answer(t.Context(), within(live(payment(1, pix.Outbound), "trace"), budget))
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, d)
		}
		for _, d := range said[1:] {
			if diff := cmp.Diff(said[0], d, wholly()...); diff != "" {
				t.Error(diff)
			}
		}
		w := newWorld(t, 0, degradable)
		w.store.commit = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		d, _, err := w.engine.Answer(t.Context(), within(live(payment(1, pix.Outbound)), time.Hour))
		if took := time.Since(began); err != nil || !d.Provisional || took != decisionDeadline {
			t.Errorf("%v after %v: %v", d, took, err)
		}
	})
}

// TestHasteTakesTheStoreFromNobody: callers who give the store next to no time do not open the breaker; those who give it a
// fair part of its own do when it hangs.
func TestHasteTakesTheStoreFromNobody(t *testing.T) {
	t.Parallel()
	for budget, opens := range map[time.Duration]bool{time.Millisecond: false, 3 * time.Millisecond: false, 8 * time.Millisecond: true} {
		synctest.Test(t, func(t *testing.T) {
			var asked atomic.Int64
			w := newWorld(t, 0, breakable(&asked))
			hang(w, &asked)
			for n := range 3 * trip {
				if _, _, err := w.engine.Answer(t.Context(), within(live(payment(n, pix.Outbound)), budget)); err != nil {
					t.Fatal(err)
				}
			}
			if state := w.engine.StoreState(); (state != nil) != opens {
				t.Errorf("budgets of %v: %v", budget, state)
			}
		})
	}
}

// TestStanding: what stands is told, none where none stands, and nothing is decided or written; while the store is away
// nobody is told that there is none.
func TestStanding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		tx := payment(1, pix.Outbound)
		if d, err := w.engine.Standing(t.Context(), tx.ID); d != nil || err != nil {
			t.Errorf("before: %v, %v", d, err)
		}
		made, _, err := w.engine.Decide(t.Context(), live(tx, "trace"))
		if err != nil {
			t.Fatal(err)
		}
		asked.Store(0)
		d, err := w.engine.Standing(t.Context(), tx.ID)
		if diff := cmp.Diff(made, d, wholly()...); err != nil || diff != "" || asked.Load() != 0 {
			t.Errorf("%v, %d writes: %s", err, asked.Load(), diff)
		}
		for name, fail := range failures() {
			w.store.decision = fail
			want := map[string]pix.Kind{"unavailable": pix.Unavailable, "slow": pix.Timeout, "cancelled": pix.Cancelled}[name]
			if d, err := w.engine.Standing(t.Context(), tx.ID); d != nil || pix.KindOf(err) != want {
				t.Errorf("%s: %v, %v", name, d, err)
			}
		}
		w.store.decision = nil
		hang(w, &asked)
		open(t, w, 100)
		asked.Store(0)
		if d, err := w.engine.Standing(t.Context(), tx.ID); d == nil || err != nil || asked.Load() != 0 {
			t.Errorf("breaker open: %v, %v, %d writes", d, err, asked.Load())
		}
	})
}

// TestLooksSayNothingOfWrites: a store that gives what stands and takes nothing is given up, however many look between the
// payments, and stays so; one that gives nothing and takes what is decided is not, and a look takes no probe.
func TestLooksSayNothingOfWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		look := func() { _, _ = w.engine.Standing(t.Context(), payment(1, pix.Outbound).ID) }
		away := func(context.Context) error { return pix.E(pix.Unavailable, "read", errors.New("away")) }
		w.store.decision = away
		for n := range 3 * trip {
			id := payment(n, pix.Outbound).ID
			if _, err := w.engine.Standing(t.Context(), id); pix.KindOf(err) != pix.Unavailable {
				t.Fatal(err)
			}
		}
		if err := w.engine.StoreState(); err != nil {
			t.Fatalf("looks that failed: %v", err)
		}
		w.store.decision = nil
		hang(w, &asked)
		for n := range trip {
			_, _, _ = w.engine.Decide(t.Context(), live(payment(100+n, pix.Outbound)))
			look()
		}
		time.Sleep(lastProbe)
		look()
		if w.engine.StoreState() == nil {
			t.Fatal("looks that succeeded keep the breaker closed, or close it")
		}
		w.store.decision = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		if look(); time.Since(began) > decisionDeadline {
			t.Errorf("a look waited %v", time.Since(began))
		}
		asked.Store(0)
		if _, _, _ = w.engine.Decide(t.Context(), live(payment(200, pix.Outbound))); asked.Load() == 0 {
			t.Error("a look took the probe")
		}
	})
}

// TestLooksHaveABoundOfTheirOwn: whoever looks is bounded, takes no place from a payment and needs none of theirs, and is
// no overload of decisions.
func TestLooksHaveABoundOfTheirOwn(t *testing.T) {
	t.Parallel()
	for inFlight, looks := range map[int]int{1: 1, 16: 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, 0, func(_ *world, d *engine.Deps) { d.MaxInFlight = inFlight })
			release := make(chan struct{})
			w.store.decision = func(context.Context) error { <-release; return nil }
			var looking sync.WaitGroup
			for range looks {
				looking.Go(func() {
					if _, err := w.engine.Standing(t.Context(), "x"); err != nil {
						t.Error(err)
					}
				})
			}
			synctest.Wait()
			if _, err := w.engine.Standing(t.Context(), "x"); pix.KindOf(err) != pix.Overloaded || len(w.heard()) != 0 {
				t.Errorf("one more look: %v, operators hear of %v", err, w.heard())
			}
			for range inFlight {
				place, err := w.engine.Enter()
				if err != nil {
					t.Fatalf("looks took places: %v", err)
				}
				defer place.Leave()
			}
			close(release)
			looking.Wait()
			if _, err := w.engine.Standing(t.Context(), "x"); err != nil {
				t.Errorf("while all places are taken: %v", err)
			}
		})
	}
}

// TestSlowHistoriesAndAHurriedCommit: what histories took of a caller's budget is not the time that the store had to store: a
// commit that got next to none says nothing to the breaker, and its caller's haste calls nobody.
func TestSlowHistoriesAndAHurriedCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		w.store.read = func(context.Context) error { time.Sleep(8 * time.Millisecond); return nil }
		w.store.commit = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		for n := range 3 * trip {
			d, _, err := w.engine.Answer(t.Context(), within(live(payment(n, pix.Outbound)), 12*time.Millisecond))
			if err != nil || !d.Provisional || d.Lack != pix.LackBudget {
				t.Fatalf("%+v, %v", d, err)
			}
		}
		if state := w.engine.StoreState(); state != nil || len(w.heard()) != 0 {
			t.Errorf("%v, operators hear of %v", state, w.heard())
		}
	})
}

// TestLack: a provisional answer says what there was too little of, and a store that hangs is not a caller's haste.
func TestLack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		budget time.Duration
		step   string
		want   pix.Lack
		heard  []engine.Part
	}{
		"haste, histories":        {time.Millisecond, "read", pix.LackBudget, nil},
		"haste, commit":           {time.Millisecond, "commit", pix.LackBudget, nil},
		"no haste":                {0, "commit", pix.LackStore, []engine.Part{engine.PartCommit}},
		"all there is":            {decisionDeadline, "commit", pix.LackStore, []engine.Part{engine.PartCommit}},
		"less, and fair":          {8 * time.Millisecond, "commit", pix.LackStore, []engine.Part{engine.PartCommit}},
		"less, fair to histories": {8 * time.Millisecond, "read", pix.LackStore, []engine.Part{engine.PartStore, engine.PartCommit}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var asked atomic.Int64
				w := newWorld(t, 0, breakable(&asked))
				hanging := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
				if c.step == "read" {
					w.store.read = hanging
				} else {
					w.store.commit = hanging
				}
				d, _, err := w.engine.Answer(t.Context(), within(live(payment(1, pix.Outbound)), c.budget))
				if err != nil || !d.Provisional || d.Lack != c.want {
					t.Errorf("lacks %s: %v", d.Lack, err)
				}
				if diff := cmp.Diff(c.heard, w.heard(), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("operators hear of %s", diff)
				}
			})
		})
	}
}

// TestNotHurried: who gives all the time that we do is in no hurry, though a reserve is taken off it: a commit for which slow reads
// leave little is late for the store's sake.
func TestNotHurried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		slow := func(context.Context) error { time.Sleep(storeDeadline * 2 / 3); return nil }
		w.store.decision, w.store.read = slow, slow
		w.store.commit = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		d, _, err := w.engine.Answer(t.Context(), within(old(1, pix.Outbound, time.Minute), decisionDeadline))
		if err != nil || !d.Provisional || d.Lack != pix.LackStore {
			t.Errorf("lacks %s: %v", d.Lack, err)
		}
	})
}

// TestATimeoutOfTheStoresOwn: a store that says at once that its time is over leaves its payment without histories, and operators
// hear of it, however little time the caller gave.
func TestATimeoutOfTheStoresOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		w.store.read = func(context.Context) error { return pix.E(pix.Timeout, "read", errors.New("over")) }
		d, _, err := w.engine.Answer(t.Context(), within(live(payment(1, pix.Outbound)), 8*time.Millisecond))
		if err != nil || d.Provisional || !d.FeaturesMissing {
			t.Fatalf("provisional %t: %v", d.Provisional, err)
		}
		if diff := cmp.Diff([]engine.Part{engine.PartStore}, w.heard()); diff != "" {
			t.Errorf("operators hear of %s", diff)
		}
	})
}

// TestWarm: everything is used once, and nothing is left of it, whatever fails.
func TestWarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		w := newWorld(t, 0, breakable(&asked))
		looked := 0
		w.store.decision = func(context.Context) error { looked++; return nil }
		tx := payment(1, pix.Internal)
		if err := w.engine.Warm(t.Context(), tx); err != nil || looked != 1 || w.models.asked[pix.PayerRole] != 1 || w.models.asked[pix.ReceiverRole] != 1 {
			t.Errorf("%v, looked %d times, models %v", err, looked, w.models.asked)
		}
		if d, _ := w.store.Store.Decision(t.Context(), tx.ID); d != nil || asked.Load() != 0 || len(w.heard()) != 0 || pending(t, w) != 0 {
			t.Errorf("%v, %d writes, %v: something is left", d, asked.Load(), w.heard())
		}
		for name, fail := range failures() {
			w.store.decision = fail
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := w.engine.Warm(ctx, tx); err == nil || w.engine.StoreState() != nil {
				t.Errorf("%s: %v, %v", name, err, w.engine.StoreState())
			}
			cancel()
		}
	})
}
