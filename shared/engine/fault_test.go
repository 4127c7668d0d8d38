package engine_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// failures are the ways in which a store does not answer.
func failures() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"unavailable": func(context.Context) error { return pix.E(pix.Unavailable, "x", errors.New("away")) },
		"plain error": func(context.Context) error { return errors.New("odd") },
		"slow":        func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"cancelled":   func(context.Context) error { return context.Canceled },
		"panic":       func(context.Context) error { panic("529.982.247-25") },
	}
}

// TestWhatCannotBeCommittedIsNotDecided: the payment must come back.
func TestWhatCannotBeCommittedIsNotDecided(t *testing.T) {
	t.Parallel()
	kinds := map[string]pix.Kind{
		"unavailable": pix.Unavailable, "plain error": pix.Unexpected, "slow": pix.Timeout, "cancelled": pix.Cancelled, "panic": pix.Unexpected,
	}
	for name, fail := range failures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // a deadline in virtual time: only the slow store meets it
				w := newWorld(t, 20*time.Millisecond)
				w.store.commit = fail
				tx := payment(1, pix.Outbound)
				d, _, err := w.engine.Decide(t.Context(), live(tx))
				if d != nil || pix.KindOf(err) != kinds[name] {
					t.Errorf("decision %v, kind %v: %v; want none and %v", d, pix.KindOf(err), err, kinds[name])
				}
				if pix.KindOf(err).Disposition().Ack {
					t.Errorf("%v is acknowledged: the payment would be lost", err)
				}
				if strings.Contains(err.Error(), "529") {
					t.Errorf("the error carries what the panic carried: %v", err)
				}
				if standing, _ := w.store.Store.Decision(t.Context(), tx.ID); standing != nil {
					t.Errorf("a decision stands: %v", standing.Outcome)
				}
			})
		})
	}
}

// TestLostCommitReply: the write was applied and its reply lost; the retry gets the decision that stands.
func TestLostCommitReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.store.commitReply = func(*pix.Decision) *pix.Decision { return nil }
	if d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound), "one")); d != nil || pix.KindOf(err) != pix.Unexpected {
		t.Fatalf("decision %v: %v", d, err)
	}
	w.store.commitReply = nil
	d, repeated, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound), "two"))
	if err != nil || !repeated || d.TraceID != "one" {
		t.Errorf("decision of trace %q, repeated %v: %v", d.TraceID, repeated, err)
	}
	// A store that reads its own write back returns a copy: it is still this call's decision.
	w.store.commitReply = func(d *pix.Decision) *pix.Decision { c := *d; return &c }
	if _, repeated, err := w.engine.Decide(t.Context(), live(payment(2, pix.Outbound), "three")); err != nil || repeated {
		t.Errorf("repeated %v: %v", repeated, err)
	}
}

func TestNoCommitAfterTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, noCommitAfterTheDeadline) // virtual time: on a busy machine the real deadline may be noticed late
}

func noCommitAfterTheDeadline(t *testing.T) {
	w := newWorld(t, 5*time.Millisecond)
	w.models.set(pix.PayerRole, &fakeModel{version: "slow", score: func([]float64) (float64, float64, error) {
		time.Sleep(20 * time.Millisecond)
		return 0, 0.5, nil
	}})
	committed := false
	w.store.commit = func(context.Context) error { committed = true; return nil }
	d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
	if d != nil || pix.KindOf(err) != pix.Timeout || committed {
		t.Errorf("decision %v, committed %v, kind %v: %v", d, committed, pix.KindOf(err), err)
	}
}

func TestModelFailuresFailClosed(t *testing.T) {
	t.Parallel()
	answer := func(raw, probability float64, err error) engine.Model {
		return &fakeModel{version: "bad", score: func([]float64) (float64, float64, error) { return raw, probability, err }}
	}
	models := map[string]engine.Model{
		"missing":          nil,
		"error":            answer(0, 0.01, errors.New("vector too short")),
		"NaN probability":  answer(0, math.NaN(), nil),
		"NaN raw":          answer(math.NaN(), 0.01, nil),
		"infinite raw":     answer(math.Inf(-1), 0, nil),
		"negative":         answer(-1, -0.1, nil),
		"above one":        answer(1, 1.1, nil),
		"nil, no error":    nil,
		"NaN and an error": answer(math.NaN(), math.NaN(), errors.New("x")),
	}
	for name, model := range models {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 0)
			if name == "missing" {
				delete(w.models.byID, pix.PayerRole)
			} else {
				w.models.set(pix.PayerRole, model)
			}
			d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
			if err != nil {
				t.Fatal(err)
			}
			if d.Outcome != pix.Review || len(d.Scores) != 0 || d.RuleHits[0].ID != policy.HitPayerScore || len(d.Reasons) == 0 {
				t.Errorf("%s, scores %v, hits %v, reasons %v", d.Outcome, d.Scores, d.RuleHits, d.Reasons)
			}
			if len(w.degraded) != 1 {
				t.Errorf("heard of %v, want one failure", w.degraded)
			}
		})
	}
}

func TestModelPanicIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.models.set(pix.PayerRole, &fakeModel{version: "bad", score: func(v []float64) (float64, float64, error) {
		return v[len(v)], 0, nil
	}})
	d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
	if d != nil || pix.KindOf(err) != pix.Unexpected || !strings.Contains(err.Error(), "TestModelPanicIsAnError") {
		t.Errorf("decision %v, kind %v: %v; want the place of the panic", d, pix.KindOf(err), err)
	}
	if _, _, err := w.engine.Decide(t.Context(), live(payment(2, pix.Inbound))); err != nil {
		t.Errorf("the engine does not go on: %v", err)
	}
}

func TestFailedExplanationKeepsTheDecision(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.models.set(pix.PayerRole, &fakeModel{version: "p1", probability: 0.99, explainErr: errors.New("no")})
	d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
	if err != nil || d.Outcome != pix.Reject || d.Reasons[len(d.Reasons)-1].Code != engine.CodeUnexplained || len(w.degraded) != 1 {
		t.Errorf("%+v, heard %v: %v", d, w.degraded, err)
	}
}

func TestInvalidPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for _, tx := range []*pix.Transaction{nil, {}} {
		if d, _, err := w.engine.Decide(t.Context(), live(tx)); d != nil || pix.KindOf(err) != pix.Invalid {
			t.Errorf("decision %v: %v", d, err)
		}
	}
}

// TestPolicySwap: a decision names exactly one pack, the one it was made with.
func TestPolicySwap(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	strict := strings.Replace(string(enginetest.WithRoundThresholds(policy.Shipped())), "payer_review: 0.50", "payer_review: 0.005", 1)
	pack, err := policy.Load([]byte(strict), feature.Names())
	if err != nil {
		t.Fatal(err)
	}
	before, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
	if err != nil {
		t.Fatal(err)
	}
	w.policies.mu.Lock()
	w.policies.pack = pack
	w.policies.mu.Unlock()
	after, _, err := w.engine.Decide(t.Context(), live(payment(2, pix.Outbound)))
	if err != nil {
		t.Fatal(err)
	}
	if before.Outcome != pix.Approve || after.Outcome != pix.Review || after.PolicyVersion != pack.Version() || before.PolicyVersion == after.PolicyVersion {
		t.Errorf("before %s by %s, after %s by %s", before.Outcome, before.PolicyVersion, after.Outcome, after.PolicyVersion)
	}
}
