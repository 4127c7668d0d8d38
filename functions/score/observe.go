package score

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/reload"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// Why a decision has no score of a role.
const (
	withoutFeatures = "features"
	withoutModel    = "model"
)

// References gives what a role's champion learnt from; nil where its artefact does not say.
type References func(role pix.Role) *scoring.Reference

// observer looks at first decisions as they are given: how old their payments were, how scores and features are spread, which
// rules matched, and how many there were in an hour.
type observer struct {
	age     prometheus.Histogram
	scores  *prometheus.HistogramVec
	missing *prometheus.CounterVec
	rules   *ruleHits
	drift   *drift
	tally   tally
}

func newObserver(r prometheus.Registerer, references References, now func() time.Time) (*observer, error) {
	o := &observer{
		age: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pix_decision_age_seconds", Buckets: obs.AgeBuckets(),
			Help: "From a pushed payment's arrival, by a server's clock, to its decision: live payments, decided for the first time.",
		}),
		scores: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pix_score_log_odds", Buckets: obs.LogOddsBuckets(),
			Help: "Scores of first decisions as log-odds of the calibrated probability, by role and use (champion or challenger).",
		}, []string{"role", "use"}),
		missing: counters("pix_scores_missing_total",
			"First decisions without a champion's score, by role and reason: features (histories were missing) or model.", "role", "reason"),
		rules: newRuleHits(), drift: newDrift(references, now),
	}
	for _, role := range pix.Internal.Roles() {
		for _, reason := range []string{withoutFeatures, withoutModel} {
			o.missing.WithLabelValues(string(role), reason)
		}
	}
	if r == nil {
		return o, nil
	}
	hour, end := o.tally.gauges(now)
	var failures []error
	for _, c := range []prometheus.Collector{o.age, o.scores, o.missing, o.rules.hits, o.drift, hour, end} {
		failures = append(failures, r.Register(c))
	}
	if err := errors.Join(failures...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return o, nil
}

// decided looks at a decision. One that is provisional or stood already was no decision of now. arrival is what a server said
// of a live payment, zero when none did: then nobody knows its age.
func (o *observer) decided(d *pix.Decision, repeated bool, arrival, now time.Time) {
	if repeated || d.Provisional {
		return
	}
	if !arrival.IsZero() {
		o.age.Observe(max(now.Sub(arrival), 0).Seconds())
	}
	o.tally.add(d)
	o.rules.add(d)
	o.scored(d)
	if !d.FeaturesMissing {
		o.drift.add(d, now)
	}
}

func (o *observer) scored(d *pix.Decision) {
	for _, role := range d.Transaction.Direction.Roles() {
		reason := withoutModel
		if d.FeaturesMissing {
			reason = withoutFeatures
		}
		for i := range d.Scores {
			if s := &d.Scores[i]; s.Role == role {
				o.scores.WithLabelValues(string(role), string(reload.Champion)).Observe(s.LogOdds())
				reason = ""
			}
		}
		if reason != "" {
			o.missing.WithLabelValues(string(role), reason).Inc()
		}
	}
	for i := range d.Shadow {
		s := &d.Shadow[i]
		o.scores.WithLabelValues(string(s.Role), string(reload.Challenger)).Observe(s.LogOdds())
	}
}

// maxRuleNames bounds the label: a pack has at most 200 rules, and what a process has seen of packs before stays.
const (
	maxRuleNames  = 512
	otherRuleName = "other"
)

// ruleHits counts decisions by each rule that matched.
type ruleHits struct {
	hits  *prometheus.CounterVec
	mu    sync.Mutex
	names map[string]bool
}

func newRuleHits() *ruleHits {
	return &ruleHits{names: map[string]bool{}, hits: counters("pix_rule_hits_total",
		"First decisions by each rule that matched, whether or not it prevailed, and by their outcome.", "rule", "outcome")}
}

func (h *ruleHits) add(d *pix.Decision) {
	for i := range d.RuleHits {
		h.hits.WithLabelValues(h.name(d.RuleHits[i].ID), string(d.Outcome)).Inc()
	}
}

func (h *ruleHits) name(id string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.names[id] {
		if len(h.names) == maxRuleNames {
			return otherRuleName
		}
		h.names[id] = true
	}
	return id
}
