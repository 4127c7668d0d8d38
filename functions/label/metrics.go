package label

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// metrics hold labels against the decisions that they are about. This process sees both, so precision and recall can be had as
// labels arrive. They are of what was labelled: fraud is reported within days or weeks, and most of what was honest never is.
type metrics struct {
	marks    *prometheus.CounterVec
	outcomes *prometheus.CounterVec
	scores   *prometheus.HistogramVec
	delay    *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		marks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_label_marks_total", Help: "Labels by whether there was anybody to mark (marked or not_ours).",
		}, []string{"result"}),
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_labelled_decisions_total",
			Help: "Labels on payments that were decided here, by the decision's outcome and what the label says (fraud or legitimate).",
		}, []string{"outcome", "label"}),
		scores: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pix_labelled_score_log_odds", Buckets: obs.LogOddsBuckets(),
			Help: "The champion's score of payments that labels came for, as in pix_score_log_odds, by role and what the label says.",
		}, []string{"role", "label"}),
		delay: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pix_label_delay_seconds", Buckets: delayBuckets(),
			Help: "From a decision to the arrival of a label about it, by what the label says.",
		}, []string{"label"}),
	}
	// An instance that ends after its first label has told a rise only where it told 0 before.
	for _, result := range []string{"marked", "not_ours"} {
		m.marks.WithLabelValues(result)
	}
	for _, outcome := range []pix.Outcome{pix.Approve, pix.Review, pix.Block, pix.Reject} {
		m.outcomes.WithLabelValues(string(outcome), "fraud")
		m.outcomes.WithLabelValues(string(outcome), "legitimate")
	}
	if r == nil {
		return m, nil
	}
	if err := errors.Join(r.Register(m.marks), r.Register(m.outcomes), r.Register(m.scores), r.Register(m.delay)); err != nil {
		return nil, fmt.Errorf("label: register metrics: %w", err)
	}
	return m, nil
}

// delayBuckets go from the desk's first hour to the 80 days in which a payment may be contested, in seconds.
func delayBuckets() []float64 {
	const hour, day = 3600, 86400
	return []float64{hour, 6 * hour, day, 3 * day, 7 * day, 14 * day, 30 * day, 60 * day, 80 * day, 120 * day}
}

// labelled counts a label, and, where d is not nil, what it says of the decision.
func (m *metrics) labelled(l *pix.Label, d *pix.Decision) {
	if d == nil {
		m.marks.WithLabelValues("not_ours").Inc()
		return
	}
	m.marks.WithLabelValues("marked").Inc()
	says := "legitimate"
	if l.Fraud {
		says = "fraud"
	}
	m.outcomes.WithLabelValues(string(d.Outcome), says).Inc()
	m.delay.WithLabelValues(says).Observe(max(l.ArrivedAt.Sub(d.DecidedAt), 0).Seconds())
	for i := range d.Scores {
		m.scores.WithLabelValues(string(d.Scores[i].Role), says).Observe(d.Scores[i].LogOdds())
	}
}
