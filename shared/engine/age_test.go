package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// old is the n-th payment, which came so long after its event time, by a server's clock.
func old(n int, d pix.Direction, age time.Duration) engine.Request {
	r := live(payment(n, d))
	r.Arrival.At = r.Tx.EventTime.Add(age)
	return r
}

// TestTooOldLeavesNothing: such a payment costs one read, and is in no history and behind no mark afterwards.
func TestTooOldLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*engine.Engine) decider{
		"Decide": func(e *engine.Engine) decider { return e.Decide }, "Answer": func(e *engine.Engine) decider { return e.Answer },
	} {
		w := newWorld(t, 0)
		calls := w.watched()
		r := old(1, pix.Outbound, engine.DefaultMaxEventAge+time.Millisecond)
		d, _, err := ask(w.engine)(t.Context(), r)
		var problems *pix.Problems
		if d != nil || pix.KindOf(err) != pix.TooOld || !errors.As(err, &problems) || problems.List[0].Field != "eventTime" {
			t.Fatalf("%s: decision %v, %v", name, d, err)
		}
		if h := w.histories(t, r.Tx); len(*calls) != 0 || outEvents(&h) != 0 || pending(t, w) != 0 {
			t.Errorf("%s: calls %v, %d events, %d marks", name, *calls, outEvents(&h), pending(t, w))
		}
	}
}

// TestStandingDecisionBeforeAge: whatever the age by then, a redelivery or a retry gets the decision that stands, and
// another payment under its id the conflict.
func TestStandingDecisionBeforeAge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	first, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
	if err != nil || first.Outcome != pix.Approve {
		t.Fatal(first, err)
	}
	for _, age := range []time.Duration{time.Hour, 25 * time.Hour, 400 * 24 * time.Hour} {
		d, repeated, err := w.engine.Decide(t.Context(), old(1, pix.Outbound, age))
		if err != nil || !repeated || d.Unrecorded || d.Outcome != first.Outcome {
			t.Errorf("%v later: %v, repeated %v: %v", age, d, repeated, err)
		}
		impostor := old(1, pix.Outbound, age)
		impostor.Tx.Amount++
		if d, _, err := w.engine.Decide(t.Context(), impostor); d != nil || pix.KindOf(err) != pix.Conflict {
			t.Errorf("%v later another got %v: %v", age, d, err)
		}
	}
}

// TestTooOldWhileTheStoreIsAway: whether a decision stands is not known, so nothing is refused for good.
func TestTooOldWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0, degradable)
	w.store.decision = failures()["unavailable"]
	r := old(1, pix.Outbound, 48*time.Hour)
	if d, _, err := w.engine.Decide(t.Context(), r); d != nil || pix.KindOf(err) != pix.Unavailable {
		t.Errorf("decision %v: %v", d, err)
	}
	if d, _, err := w.engine.Answer(t.Context(), r); err != nil || !d.Provisional || d.Outcome == pix.Approve {
		t.Errorf("answer %v: %v", d, err)
	}
}

// TestAgeLaw: what becomes of a payment by its age, by who stamped its arrival, by whether a decision stands and by what the
// rules say of it. Only a live payment by a server's clock is ever refused; only a payment in time, or a replayed one, is ever
// approved; and what is decided late or ahead is no milder than in time.
func TestAgeLaw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		age := time.Duration(rapid.OneOf(rapid.Int64Range(-300, 1200), rapid.Int64Range(0, 100*3600)).Draw(rt, "age")) * time.Second
		arrival := pix.Arrival{Waited: rapid.Bool().Draw(rt, "waited"), Replay: rapid.Bool().Draw(rt, "replay")}
		d := rapid.SampledFrom([]pix.Direction{pix.Outbound, pix.Inbound, pix.Internal}).Draw(rt, "direction")
		stands := rapid.Bool().Draw(rt, "stands")
		p := rapid.SampledFrom([]float64{0.01, 0.7, 0.99}).Draw(rt, "score")
		w := newWorld(t, 0)
		for _, role := range pix.Internal.Roles() {
			w.models.set(role, &fakeModel{version: "1", probability: p})
		}
		inTime, _, err := w.engine.Decide(t.Context(), live(payment(2, d)))
		if err != nil {
			rt.Fatal(err)
		}
		r := old(1, d, age)
		if arrival.At = r.Arrival.At; stands {
			if inTime, _, err = w.engine.Decide(t.Context(), live(payment(1, d))); err != nil {
				rt.Fatal(err)
			}
		}
		r.Arrival = arrival
		w.clock.set(r.Arrival.At)
		got, repeated, err := w.engine.Decide(t.Context(), r)
		late, ahead := age > engine.DefaultLateEventAge && !arrival.Replay, age < -aheadBound && !arrival.Replay
		switch {
		case stands:
			if err != nil || !repeated || got.Outcome != inTime.Outcome {
				rt.Errorf("a decision stands, and the answer is %v, %v", got, err)
			}
		case age > engine.DefaultMaxEventAge && !arrival.Replay && !arrival.Waited:
			if pix.KindOf(err) != pix.TooOld {
				rt.Errorf("%v old: %v, %v", age, got, err)
			}
		case err != nil:
			rt.Errorf("%v old, %+v: %v", age, arrival, err)
		case told(got, policy.HitLate) != late || told(got, policy.HitAhead) != ahead || told(got, pix.HitReplay) != arrival.Replay:
			rt.Errorf("%v old, %+v: %v", age, arrival, got.RuleHits)
		case (late || ahead) && got.Outcome == pix.Approve || got.Outcome.Severity() < inTime.Outcome.Severity():
			rt.Errorf("%v old, %+v: %s, in time %s", age, arrival, got.Outcome, inTime.Outcome)
		case !arrival.Replay && !got.Transaction.ReceivedAt.Equal(arrival.At):
			rt.Errorf("came at %v, and the decision says %v", arrival.At, got.Transaction.ReceivedAt)
		case got.Outcome == pix.Review && !arrival.Replay && got.HoldUntil.Before(got.DecidedAt.Add(30*time.Minute)):
			rt.Errorf("%v old: decided at %v and held until %v", age, got.DecidedAt, got.HoldUntil)
		case got.Outcome == pix.Block && !got.HoldUntil.Equal(r.Tx.EventTime.Add(72*time.Hour)):
			rt.Errorf("%v old: blocked until %v, sent at %v", age, got.HoldUntil, r.Tx.EventTime)
		}
	})
}

// aheadBound is how far ahead of its arrival a payment may be dated and be approved.
const aheadBound = 5 * time.Second

func told(d *pix.Decision, hit string) bool {
	return slices.ContainsFunc(d.RuleHits, func(h pix.RuleHit) bool { return h.ID == hit })
}

// TestSeenAtItsArrival: the vector of a payment that came later than its date is the one that it would have with the date of
// its arrival, so that no date hides what happened before, and the payment does not see itself. In time, or replayed, it is
// its own date's.
func TestSeenAtItsArrival(t *testing.T) {
	t.Parallel()
	vector := func(back, age time.Duration, replay bool) []float64 {
		w := newWorld(t, 0)
		for n := range 12 { // of which payers and payees repeat, all before the last one's arrival
			tx := payment(n, pix.Outbound)
			tx.EventTime = start.Add(-time.Duration(n*n) * time.Minute)
			if err := w.store.Record(t.Context(), tx); err != nil {
				t.Fatal(err)
			}
		}
		r := live(payment(13, pix.Outbound))
		r.Tx.EventTime = start.Add(time.Minute - back)
		r.Arrival = pix.Arrival{At: r.Tx.EventTime.Add(age), Replay: replay}
		w.clock.set(r.Arrival.At)
		d, _, err := w.engine.Decide(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return d.Vector
	}
	now := vector(0, 0, false)
	if n := now[slices.Index(feature.Names(), "payer_out_count_30d")]; n != 4 {
		t.Fatalf("the payer has paid %v times", n)
	}
	for _, back := range []time.Duration{3 * time.Second, 70 * time.Second, 9 * time.Minute, time.Hour, 23 * time.Hour} {
		if !sameBits(vector(back, back, false), now) {
			t.Errorf("dated %v back: another vector", back)
		}
		if sameBits(vector(back, back, true), now) && back > time.Minute {
			t.Errorf("replayed, dated %v back: the vector of now", back)
		}
	}
	if !sameBits(vector(time.Hour, 2*time.Second, false), vector(time.Hour, 0, false)) {
		t.Error("what a payment takes to come changes its vector")
	}
}

func sameBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || x != x && y != y })
}

func TestAgeSettings(t *testing.T) {
	t.Parallel()
	_, err := engine.New(engine.Deps{MaxEventAge: time.Minute, LateEventAge: time.Hour})
	if err == nil || !strings.Contains(err.Error(), "LateEventAge") {
		t.Errorf("late above the maximum: %v", err)
	}
	w := newWorld(t, 0, func(_ *world, d *engine.Deps) { d.MaxEventAge, d.LateEventAge = time.Hour, time.Minute })
	for n, c := range []struct {
		age    time.Duration
		waited bool
		late   bool
		kind   pix.Kind
	}{
		{time.Minute, false, false, 0}, {61 * time.Second, false, true, 0}, {time.Hour, false, true, 0},
		{time.Hour + time.Millisecond, false, false, pix.TooOld}, {61 * time.Minute, true, true, 0},
	} {
		r := old(n, pix.Outbound, c.age)
		r.Arrival.Waited = c.waited
		d, _, err := w.engine.Decide(t.Context(), r)
		if c.kind != 0 && pix.KindOf(err) != c.kind || c.kind == 0 && (err != nil || told(d, policy.HitLate) != c.late || c.late && d.Outcome == pix.Approve) {
			t.Errorf("%+v: %v, %v", c, d, err)
		}
	}
}
