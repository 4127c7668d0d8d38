package score

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// told are the series of a registry by name and labels: a counter's or gauge's value, a histogram's count and sum.
func told(t *testing.T, r *prometheus.Registry, prefix string) map[string]string {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), prefix) {
			continue
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			if h := m.GetHistogram(); h != nil {
				got[name] = fmt.Sprintf("%d of %.2f", h.GetSampleCount(), h.GetSampleSum())
				continue
			}
			got[name] = fmt.Sprintf("%v", m.GetCounter().GetValue()+m.GetGauge().GetValue())
		}
	}
	return got
}

func watching(t *testing.T, references References, now func() time.Time) (*observer, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	o, err := newObserver(registry, references, now)
	if err != nil {
		t.Fatal(err)
	}
	return o, registry
}

// TestObservedDecisions: a decision given for the first time is seen with its age, its scores and its rules. One that stood
// already or is provisional is not; a score that is missing is counted with why.
func TestObservedDecisions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	o, registry := watching(t, nil, func() time.Time { return now })
	d := &pix.Decision{
		Transaction: pix.Transaction{Facts: pix.Facts{Direction: pix.Internal, EventTime: now}}, Outcome: pix.Review, DecidedAt: now,
		RuleHits: []pix.RuleHit{{ID: "night-limit"}, {ID: "trusted", Lifted: true}},
		Scores:   []pix.Score{{Role: pix.PayerRole, Probability: 0.5}},
		Shadow:   []pix.Score{{Role: pix.PayerRole, Probability: 1 / (1 + math.Exp(2))}},
	}
	o.decided(d, false, now.Add(-250*time.Millisecond), now)
	o.decided(d, false, time.Time{}, now)               // nobody knows since when
	o.decided(d, false, now.Add(time.Millisecond), now) // a broker's clock may be ahead
	o.decided(d, true, now.Add(-time.Hour), now)        // stood already
	o.decided(&pix.Decision{Provisional: true}, false, now, now)
	blind := *d
	blind.FeaturesMissing, blind.Scores, blind.Shadow, blind.RuleHits = true, nil, nil, nil
	o.decided(&blind, false, time.Time{}, now)
	want := map[string]string{
		"pix_decision_age_seconds": "2 of 0.25", "pix_score_log_odds payer champion": "3 of 0.00", "pix_score_log_odds payer challenger": "3 of -6.00",
		"pix_scores_missing_total features payer": "1", "pix_scores_missing_total model payer": "0",
		"pix_scores_missing_total features receiver": "1", "pix_scores_missing_total model receiver": "3",
		"pix_rule_hits_total REVIEW night-limit": "3", "pix_rule_hits_total REVIEW trusted": "3",
		"pix_reconciled_decisions": "0", "pix_reconciled_decisions_end_timestamp_seconds": "1.7951724e+09",
	}
	if diff := cmp.Diff(want, told(t, registry, "pix_")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRuleNamesAreBounded: however many packs a process has seen, the label has so many values.
func TestRuleNamesAreBounded(t *testing.T) {
	t.Parallel()
	o, registry := watching(t, nil, time.Now)
	for i := range maxRuleNames + 50 {
		o.decided(&pix.Decision{Outcome: pix.Block, RuleHits: []pix.RuleHit{{ID: fmt.Sprintf("rule-%d", i)}}}, false, time.Time{}, time.Now())
	}
	got := told(t, registry, "pix_rule_hits_total")
	if len(got) != maxRuleNames+1 || got["pix_rule_hits_total BLOCK other"] != "50" || got["pix_rule_hits_total BLOCK rule-511"] != "1" {
		t.Errorf("%d names, others %s", len(got), got["pix_rule_hits_total BLOCK other"])
	}
}

// TestTally: decisions are told by the hour in which they were made, once that hour has been over for a quarter of an hour, until
// the next one has. What is too old for the warehouse's count is in neither.
func TestTally(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	now := noon
	o, registry := watching(t, nil, func() time.Time { return now })
	decide := func(at time.Time, age time.Duration) {
		o.decided(&pix.Decision{Transaction: pix.Transaction{Facts: pix.Facts{EventTime: at.Add(-age)}}, DecidedAt: at}, false, time.Time{}, at)
	}
	for range 3 {
		decide(noon.Add(59*time.Minute), time.Second)
	}
	decide(noon, 48*time.Hour)
	decide(noon, 48*time.Hour+time.Microsecond)
	for range 5 {
		decide(noon.Add(time.Hour), time.Second)
	}
	for _, c := range []struct {
		at   time.Duration
		want string
		end  time.Duration
	}{{74 * time.Minute, "0", 0}, {75 * time.Minute, "4", time.Hour}, {134 * time.Minute, "4", time.Hour}, {135 * time.Minute, "5", 2 * time.Hour}, {26 * time.Hour, "0", 25 * time.Hour}} {
		now = noon.Add(c.at)
		got := told(t, registry, "pix_reconciled_")
		end := fmt.Sprint(float64(noon.Add(c.end).Unix()))
		if got["pix_reconciled_decisions"] != c.want || got["pix_reconciled_decisions_end_timestamp_seconds"] != end {
			t.Errorf("after %v: %v, want %s until %s", c.at, slices.Sorted(maps.Values(got)), c.want, end)
		}
	}
}
