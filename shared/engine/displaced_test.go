package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// TestDatedAhead: a payment that comes well before its date, or to a machine whose clock is slow, is not approved, by a
// store that answers or not.
func TestDatedAhead(t *testing.T) {
	t.Parallel()
	for _, d := range []pix.Direction{pix.Outbound, pix.Inbound, pix.Internal} {
		for age, approved := range map[time.Duration]bool{
			-time.Second: true, -aheadBound: true, -aheadBound - time.Second: false, -time.Minute: false, -5 * time.Minute: false,
		} {
			w := newWorld(t, 0)
			r := old(1, d, age)
			w.clock.set(r.Arrival.At)
			r.Arrival = pix.Arrival{} // the clock that counts is ours
			got, _, err := w.engine.Decide(t.Context(), r)
			if err != nil || (got.Outcome == pix.Approve) != approved || told(got, policy.HitAhead) == approved {
				t.Fatalf("%s, %v: %v, %v", d, age, got, err)
			}
			w = newWorld(t, 0, degradable)
			w.store.decision, w.store.record, w.store.commit = failures()["unavailable"], failures()["unavailable"], failures()["unavailable"]
			if got, _, err = w.engine.Answer(t.Context(), old(1, d, age)); err != nil || got.Outcome == pix.Approve || told(got, policy.HitAhead) == approved {
				t.Fatalf("%s, %v, without a store: %v, %v", d, age, got, err)
			}
		}
	}
}

// TestDisplacedStandsOnce: a payment that came at another moment than its date stands in the histories there, once, however
// often and whenever it comes again, and whichever delivery wins.
func TestDisplacedStandsOnce(t *testing.T) {
	t.Parallel()
	for _, first := range []time.Duration{-time.Minute, 0, time.Minute, 5 * time.Hour} {
		w := newWorld(t, 0)
		standing, _, err := w.engine.Decide(t.Context(), old(1, pix.Outbound, first))
		if err != nil {
			t.Fatal(err)
		}
		before := w.histories(t, &standing.Transaction)
		if e := before.Payer.Out.Events; len(e) != 1 || e[0].At != old(1, pix.Outbound, first).Arrival.At.UnixMilli() {
			t.Fatalf("came %v late and stands at %+v", first, e)
		}
		calls := w.watched()
		for _, again := range []time.Duration{0, time.Second, 2 * time.Minute, 30 * time.Hour} {
			for _, replay := range []bool{false, true} {
				r := old(1, pix.Outbound, again)
				r.Tx.ReceivedAt, r.Arrival.Replay = r.Tx.EventTime.Add(again/2), replay
				if d, repeated, err := w.engine.Decide(t.Context(), r); err != nil || !repeated || d.Outcome != standing.Outcome {
					t.Errorf("%v, then %v: %v, repeated %v: %v", first, again, d, repeated, err)
				}
				unmoved(t, "moment", before, w.histories(t, &standing.Transaction))
			}
		}
		for _, call := range *calls {
			if call == "commit" {
				t.Errorf("%v: decided again", first)
			}
		}
	}
}

// TestDisplacedLosesTheRace: two deliveries at different moments find no decision; what the loser left is withdrawn.
func TestDisplacedLosesTheRace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	var won *pix.Decision
	w.store.commit = func(ctx context.Context) error {
		w.store.commit = nil
		var err error
		won, _, err = w.engine.Decide(ctx, old(1, pix.Outbound, time.Minute))
		return err
	}
	d, repeated, err := w.engine.Decide(t.Context(), old(1, pix.Outbound, 2*time.Minute))
	if err != nil || !repeated || !d.Transaction.ReceivedAt.Equal(won.Transaction.ReceivedAt) {
		t.Fatalf("%v, repeated %v: %v", d, repeated, err)
	}
	h := w.histories(t, &d.Transaction)
	if e := h.Payer.Out.Events; len(e) != 1 || e[0].At != won.Transaction.Moment().UnixMilli() {
		t.Errorf("stands at %+v, decided at %v", e, won.Transaction.Moment())
	}
}

// TestDisplacedRedeliveryOwesItsEvent: a decision without features may lack its event, and its redelivery, which does not
// write it, must not resolve the mark without.
func TestDisplacedRedeliveryOwesItsEvent(t *testing.T) {
	t.Parallel()
	for _, again := range []time.Duration{time.Minute, 48 * time.Hour} {
		w := newWorld(t, 0, degradable)
		w.store.record = failures()["unavailable"]
		if d, _, err := w.engine.Decide(t.Context(), old(1, pix.Outbound, time.Minute)); err != nil || !d.Unrecorded {
			t.Fatal(d, err)
		}
		w.store.record = nil
		d, repeated, err := w.engine.Decide(t.Context(), old(1, pix.Outbound, again))
		if err != nil || !repeated || !d.Unrecorded {
			t.Errorf("%v: %v, repeated %v: %v", again, d, repeated, err)
		}
		if err := w.store.Record(t.Context(), &d.Transaction); err != nil { // as the Outbox does
			t.Fatal(err)
		}
		h := w.histories(t, &d.Transaction)
		if e := h.Payer.Out.Events; len(e) != 1 || e[0].At != d.Transaction.Moment().UnixMilli() {
			t.Errorf("%v: stands at %+v", again, e)
		}
	}
}

// TestABrokenOffTryIsNotSeen: a call that wrote the payment's event and ended leaves it where it came; the next call, at
// another moment, does not take it for a payment before.
func TestABrokenOffTryIsNotSeen(t *testing.T) {
	t.Parallel()
	vector := func(broken bool) []float64 {
		w := newWorld(t, 0)
		if broken {
			w.store.commit = failures()["unavailable"]
			if d, _, err := w.engine.Decide(t.Context(), old(1, pix.Outbound, 0)); err == nil {
				t.Fatal(d)
			}
			w.store.commit = nil
			h := w.histories(t, old(1, pix.Outbound, 0).Tx)
			if outEvents(&h) != 1 {
				t.Fatal("the try left nothing")
			}
		}
		d, _, err := w.engine.Decide(t.Context(), old(1, pix.Outbound, time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		return d.Vector
	}
	if !sameBits(vector(true), vector(false)) {
		t.Error("a try that broke off changes the vector")
	}
}
