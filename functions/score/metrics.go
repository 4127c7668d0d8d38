package score

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// metrics of decisions, whichever way they came in.
type metrics struct {
	decisions   *prometheus.CounterVec
	provisional *prometheus.CounterVec
	answers     *prometheus.CounterVec
	missing     *prometheus.CounterVec
	late        *prometheus.CounterVec
	statuses    *prometheus.CounterVec
	unknown     *prometheus.CounterVec
	divergence  *prometheus.HistogramVec
	shadows     *prometheus.CounterVec
	seconds     prometheus.Histogram
	queued      prometheus.Gauge
	overflow    prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		decisions: counters("pix_decisions_total", "Decisions given, by direction, outcome and whether it stood already.",
			"direction", "outcome", "repeated"),
		provisional: counters("pix_provisional_answers_total",
			"Answers given over HTTP that stand nowhere, by what there was too little of: store, room, or the caller's budget.", "reason"),
		answers: counters("pix_answers_total",
			"Answers to callers that were let in, one for each request, by what was asked and what came of it.", "operation", "result"),
		missing: counters("pix_decisions_without_features_total",
			"Decisions made without histories, by direction and outcome.", "direction", "outcome"),
		late: counters("pix_payments_late_total",
			"Payments that did not come at their event time, by result: too_old (refused), late and ahead (not approved), replay.", "result"),
		statuses: counters("pix_statuses_total", "Statuses that reached the store, by state.", "state"),
		unknown: counters("pix_unknown_values_total",
			"Values of enumerations that this release does not know and read as UNKNOWN or missing, by field.", "field"),
		divergence: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pix_shadow_divergence_log_odds",
			Help:    "Absolute difference of a challenger's probability from its champion's, in log-odds.",
			Buckets: []float64{0.01, 0.03, 0.1, 0.3, 0.6, 1, 2, 3, 5, 8},
		}, []string{"role"}),
		shadows: counters("pix_shadow_scores_total",
			"Scores of challengers, by role and whether they would have given the same outcome.", "role", "outcome"),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pix_decision_seconds", Help: "Time of one decision that stands, in the engine.", Buckets: obs.LatencyBuckets(),
		}),
		queued: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pix_outbox_queued_messages", Help: "Decisions answered over HTTP and not yet published.",
		}),
		overflow: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pix_outbox_left_to_sweep_total", Help: "Decisions left to the sweep: the queue was full or publishing failed.",
		}),
	}
	for _, result := range []string{lateTooOld, lateNotApproved, lateAhead, lateReplay} {
		m.late.WithLabelValues(result)
	}
	for _, lack := range pix.Lacks() {
		m.provisional.WithLabelValues(string(lack))
	}
	for _, asked := range []operation{operationDecide, operationStanding} {
		for _, r := range results() {
			m.answers.WithLabelValues(string(asked), string(r))
		}
	}
	if r == nil {
		return m, nil
	}
	var failures []error
	for _, c := range []prometheus.Collector{
		m.decisions, m.provisional, m.answers, m.missing, m.late, m.statuses, m.unknown, m.divergence, m.shadows, m.seconds, m.queued, m.overflow,
	} {
		failures = append(failures, r.Register(c))
	}
	if err := errors.Join(failures...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// Results of a payment that did not come at its event time. The set is closed: it is a metric's label.
const (
	lateTooOld      = "too_old"
	lateNotApproved = "late"
	lateAhead       = "ahead"
	lateReplay      = "replay"
)

// refused counts a payment that was too old.
func (m *metrics) refused(err error) {
	if pix.KindOf(err) == pix.TooOld {
		m.late.WithLabelValues(lateTooOld).Inc()
	}
}

// came counts a payment that did not come at its event time: the hits of its decision say so.
func (m *metrics) came(d *pix.Decision) {
	for i := range d.RuleHits {
		switch d.RuleHits[i].ID {
		case policy.HitLate:
			m.late.WithLabelValues(lateNotApproved).Inc()
		case policy.HitAhead:
			m.late.WithLabelValues(lateAhead).Inc()
		case pix.HitReplay:
			m.late.WithLabelValues(lateReplay).Inc()
		}
	}
}

// answered counts what a caller got over HTTP.
func (m *metrics) answered(asked operation, got result) {
	m.answers.WithLabelValues(string(asked), string(got)).Inc()
}

// decided counts a decision. A provisional one is none, and its time, which is next to nothing where there is no room, says
// nothing of how long decisions take.
func (m *metrics) decided(ctx context.Context, d *pix.Decision, repeated bool, took time.Duration) {
	direction, outcome := string(d.Transaction.Direction), string(d.Outcome)
	if d.Provisional {
		m.provisional.WithLabelValues(string(d.Lack)).Inc()
		return
	}
	obs.Observe(ctx, m.seconds, took.Seconds())
	m.decisions.WithLabelValues(direction, outcome, strconv.FormatBool(repeated)).Inc()
	if repeated {
		return
	}
	if d.FeaturesMissing {
		m.missing.WithLabelValues(direction, outcome).Inc()
	}
	m.came(d)
	m.challenged(d)
}

// challenged compares each challenger with the champion of its role.
func (m *metrics) challenged(d *pix.Decision) {
	for _, shadow := range d.Shadow {
		same := "same"
		if shadow.Outcome != d.Outcome {
			same = "other"
		}
		m.shadows.WithLabelValues(string(shadow.Role), same).Inc()
		for _, champion := range d.Scores {
			if champion.Role == shadow.Role {
				distance := math.Abs(shadow.LogOdds() - champion.LogOdds())
				m.divergence.WithLabelValues(string(shadow.Role)).Observe(distance)
			}
		}
	}
}

// signals tell what the engine had to do without.
type signals struct {
	parts  *prometheus.CounterVec
	logger *slog.Logger
}

func newSignals(r prometheus.Registerer, logger *slog.Logger) (*signals, error) {
	s := &signals{logger: logger}
	s.parts = counters("pix_decisions_degraded_total", "Failures that an answer survived, by the part that failed.", "part")
	for _, part := range engine.Parts() {
		s.parts.WithLabelValues(string(part))
	}
	if err := r.Register(s.parts); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return s, nil
}

// watchEngine tells how busy an engine is and whether its store's breaker is open, for as long as it serves.
func watchEngine(r prometheus.Registerer, e *engine.Engine) error {
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pix_store_breaker_open", Help: "1 while the store is asked by probes alone, for it did not answer the payments before.",
	}, func() float64 {
		if e.StoreState() != nil {
			return 1
		}
		return 0
	})
	openings := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "pix_store_breaker_openings_total", Help: "How often the store's breaker opened.",
	}, func() float64 { return float64(e.StoreOpenings()) })
	inFlight := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pix_decisions_in_flight", Help: "Decisions under way, of the MAX_DECISIONS_IN_FLIGHT that there may be at once.",
	}, func() float64 { return float64(e.InFlight()) })
	if err := errors.Join(r.Register(open), r.Register(openings), r.Register(inFlight)); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

// degraded hears of the engine's failures.
func (s *signals) degraded(err error) {
	part := "unknown"
	var d *engine.DegradedError
	if errors.As(err, &d) {
		part = string(d.Part)
	}
	s.parts.WithLabelValues(part).Inc()
	s.logger.Warn("degraded", "part", part, "error", err.Error())
}

// unknownValue counts a value of an enumeration that this release does not know.
func (m *metrics) unknownValue(field string) { m.unknown.WithLabelValues(field).Inc() }
