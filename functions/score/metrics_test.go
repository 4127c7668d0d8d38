package score

import (
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// TestLatePayments: each payment that did not come at its event time is counted once, by what became of it; a decision that
// stood already is not counted again. Every result is there from the start.
func TestLatePayments(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	counts := func() map[string]float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, s := range f.GetMetric() {
				if f.GetName() == "pix_payments_late_total" {
					got[s.GetLabel()[0].GetValue()] = s.GetCounter().GetValue()
				}
			}
		}
		return got
	}
	if diff := cmp.Diff(map[string]float64{"too_old": 0, "late": 0, "ahead": 0, "replay": 0}, counts()); diff != "" {
		t.Errorf("at the start (-want +got):\n%s", diff)
	}
	by := func(hit string) *pix.Decision {
		return &pix.Decision{Outcome: pix.Review, RuleHits: []pix.RuleHit{{ID: "night-limit"}, {ID: hit}}}
	}
	m.refused(pix.E(pix.TooOld, "decide", errors.New("too old")))
	m.refused(pix.E(pix.Invalid, "decide", errors.New("not understood")))
	m.decided(t.Context(), by(policy.HitLate), false, 0)
	m.decided(t.Context(), by(policy.HitLate), true, 0)
	m.decided(t.Context(), by(policy.HitAhead), false, 0)
	m.decided(t.Context(), by(policy.HitAhead), false, 0)
	for range 3 {
		m.decided(t.Context(), by(pix.HitReplay), false, 0)
	}
	m.decided(t.Context(), by("night-limit"), false, 0)
	provisional := by(policy.HitLate)
	provisional.Provisional = true
	m.decided(t.Context(), provisional, false, 0)
	if diff := cmp.Diff(map[string]float64{"too_old": 1, "late": 1, "ahead": 2, "replay": 3}, counts()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDivergence: each challenger is compared with the champion of its own role, in log-odds, and counted by whether it
// would have given the same outcome; one whose champion gave no score is only counted. What was decided before is not
// compared again.
func TestDivergence(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry)
	if err != nil {
		t.Fatal(err)
	}
	score := func(role pix.Role, odds float64, outcome pix.Outcome) pix.Score {
		return pix.Score{Role: role, Probability: odds / (1 + odds), Outcome: outcome}
	}
	d := &pix.Decision{
		Outcome: pix.Approve,
		Scores:  []pix.Score{score(pix.PayerRole, 1, ""), score(pix.ReceiverRole, 8, "")},
		Shadow: []pix.Score{
			score(pix.PayerRole, 4, pix.Review), score(pix.PayerRole, 0.5, pix.Approve), score(pix.ReceiverRole, 2, pix.Approve),
		},
	}
	m.decided(t.Context(), d, false, 0)
	m.decided(t.Context(), d, true, 0)
	m.decided(t.Context(), &pix.Decision{Outcome: pix.Approve, Shadow: d.Shadow[2:]}, false, 0)

	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sums, counts := map[string]float64{}, map[string]float64{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			switch labels := s.GetLabel(); f.GetName() {
			case "pix_shadow_divergence_log_odds":
				sums[labels[0].GetValue()] += s.GetHistogram().GetSampleSum()
			case "pix_shadow_scores_total": // labels come sorted: outcome, role
				counts[labels[1].GetValue()+" "+labels[0].GetValue()] += s.GetCounter().GetValue()
			}
		}
	}
	for role, want := range map[string]float64{"payer": math.Log(4) + math.Log(2), "receiver": math.Log(4)} {
		if math.Abs(sums[role]-want) > 1e-9 {
			t.Errorf("%s diverges by %v in all, want %v", role, sums[role], want)
		}
	}
	for of, want := range map[string]float64{"payer other": 1, "payer same": 1, "receiver same": 2, "receiver other": 0} {
		if counts[of] != want {
			t.Errorf("%v challengers of %s, want %v", counts[of], of, want)
		}
	}
	never, surely := pix.Score{}, pix.Score{Probability: 1}
	if low, high := never.LogOdds(), surely.LogOdds(); math.Abs(low+14) > 1 || math.Abs(high-14) > 1 { // one in a million
		t.Errorf("a probability of 0 or 1 has log-odds %v and %v", low, high)
	}
}
