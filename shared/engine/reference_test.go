package engine_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// historyModel scores by how much the payer moved lately, so that a wrong history shows in the outcome.
func historyModel(version string) engine.Model {
	return &fakeModel{version: version, score: func(v []float64) (float64, float64, error) {
		sum := 0.0
		for i, x := range v {
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				sum += math.Mod(math.Abs(x)*float64(i+1), 7)
			}
		}
		raw := math.Mod(sum, 8) - 4
		return raw, 1 / (1 + math.Exp(-raw)), nil
	}}
}

// TestAgainstTheReference decides 2,000 payments in disorder and with one in three redelivered, from several goroutines
// per payment, and compares every decision with the single-threaded reference: outcome, hold, hits, scores and vector
// bit for bit.
func TestAgainstTheReference(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(20261123, 5))
	w := newWorld(t, 0)
	for _, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		w.models.set(role, historyModel(string(role)))
	}
	reference, err := enginetest.NewReference(w.models, w.policies.pack)
	if err != nil {
		t.Fatal(err)
	}
	directions := []pix.Direction{pix.Outbound, pix.Inbound, pix.Internal}
	for range 2_000 {
		n := rng.IntN(1_400)
		tx := payment(n, directions[n%3])
		tx.Amount = pix.Money(50_00 + 37*(n%3_000))
		tx.EventTime = start.Add(time.Duration(n*7_919%86_400) * time.Second) // visible out of event-time order
		want := reference.Decide(tx)
		var wg sync.WaitGroup
		for range 1 + rng.IntN(3) {
			wg.Go(func() {
				got, _, err := w.engine.Decide(context.Background(), tx, "")
				if err != nil {
					t.Error(err)
					return
				}
				compare(t, want, got)
			})
		}
		wg.Wait()
		if t.Failed() {
			t.FailNow()
		}
	}
	counts := reference.Outcomes()
	for _, o := range []pix.Outcome{pix.Approve, pix.Review, pix.Block, pix.Reject} {
		if counts[o] == 0 {
			t.Errorf("no %s among %v: the test shows too little", o, counts)
		}
	}
}

func compare(t *testing.T, want, got *pix.Decision) {
	t.Helper()
	same := want.Outcome == got.Outcome && want.HoldUntil.Equal(got.HoldUntil) && slices.Equal(want.RuleHits, got.RuleHits) &&
		want.PolicyVersion == got.PolicyVersion && want.FeatureSet == got.FeatureSet &&
		slices.EqualFunc(want.Scores, got.Scores, func(a, b pix.Score) bool {
			return a.Role == b.Role && a.Version == b.Version && a.Raw == b.Raw && a.Probability == b.Probability
		}) &&
		slices.EqualFunc(want.Vector, got.Vector, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
	if !same {
		t.Errorf("%s: reference %s %v %v, engine %s %v %v\nreference %v\nengine    %v", got.ID(),
			want.Outcome, want.Scores, want.RuleHits, got.Outcome, got.Scores, got.RuleHits, want.Vector, got.Vector)
	}
}
