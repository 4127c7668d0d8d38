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
// per payment, with other payments under known ids between them, and compares every decision with the single-threaded
// reference: outcome, hold, hits, scores and vector bit for bit.
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
	decided := map[int]bool{}
	for range 2_000 {
		n := rng.IntN(1_400)
		tx := ordinary(n)
		if decided[n] && rng.IntN(3) == 0 {
			impose(t, w, reference, n)
		}
		decided[n] = true
		want := reference.Decide(tx)
		var wg sync.WaitGroup
		for range 1 + rng.IntN(3) {
			wg.Go(func() {
				got, _, err := w.engine.Decide(context.Background(), engine.Request{Tx: tx, Arrival: pix.Arrival{Replay: true}})
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

// ordinary is the n-th payment of the comparison.
func ordinary(n int) *pix.Transaction {
	tx := payment(n, []pix.Direction{pix.Outbound, pix.Inbound, pix.Internal}[n%3])
	tx.Amount = pix.Money(50_00 + 37*(n%3_000))
	tx.EventTime = start.Add(time.Duration(n*7_919%86_400) * time.Second) // visible out of event-time order
	return tx
}

// impose sends another payment under the id of one that was decided: the reference never sees it.
func impose(t *testing.T, w *world, reference *enginetest.Reference, n int) {
	t.Helper()
	impostor := *ordinary(n)
	switch other := payment(n+1, pix.Outbound); n % 4 {
	case 0:
		impostor.Amount++
	case 1:
		impostor.EventTime = impostor.EventTime.Add(-time.Hour)
	case 2:
		impostor.Payer = other.Payer
	default:
		impostor.Payee = other.Payee
	}
	if d := reference.Decide(&impostor); d != nil {
		t.Fatalf("the reference takes an impostor for %s", d.ID())
	}
	if d, _, err := w.engine.Decide(context.Background(), live(&impostor)); d != nil || pix.KindOf(err) != pix.Conflict {
		t.Errorf("an impostor got %v, kind %v", d, pix.KindOf(err))
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
