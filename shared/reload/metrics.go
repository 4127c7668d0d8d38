package reload

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what was done for the subjects of one kind. Labels are roles and uses only: versions would grow without
// end.
type metrics struct {
	current  *prometheus.GaugeVec
	swaps    *prometheus.CounterVec
	refusals *prometheus.CounterVec
}

// newMetrics returns pix_<noun>_current and its counters, with a label for each of the names.
func newMetrics(noun string, labels ...string) *metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "pix_" + noun + "_" + name, Help: help}, labels)
	}
	return &metrics{
		current: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pix_" + noun + "_current",
			Help: "1 while the last look showed that what serves is what is named, 0 while something older serves or nobody can tell.",
		}, labels),
		swaps: counter("swaps_total", "Versions that were verified and began to serve."),
		refusals: counter("refusals_total",
			"Versions that could not be loaded, each counted once until something else is named."),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	if err := errors.Join(r.Register(m.current), r.Register(m.swaps), r.Register(m.refusals)); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

// of returns the series of one subject. They exist from the start.
func (m *metrics) of(labels ...string) series {
	return series{m.current.WithLabelValues(labels...), m.swaps.WithLabelValues(labels...), m.refusals.WithLabelValues(labels...)}
}

// series are the metrics of one subject.
type series struct {
	current         prometheus.Gauge
	swaps, refusals prometheus.Counter
}
