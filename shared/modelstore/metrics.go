package modelstore

import "github.com/prometheus/client_golang/prometheus"

// watcherMetrics counts what a watcher did. Labels are roles and uses only: versions would grow without end.
type watcherMetrics struct {
	current  *prometheus.GaugeVec
	swaps    *prometheus.CounterVec
	refusals *prometheus.CounterVec
}

func newWatcherMetrics(registry prometheus.Registerer) *watcherMetrics {
	labels := []string{"role", "use"}
	m := &watcherMetrics{
		current: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pix_model_current", Help: "1 while what serves is what the model store names, 0 while an older model does.",
		}, labels),
		swaps: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_model_swaps_total", Help: "Model versions that were verified and began to serve.",
		}, labels),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_model_refusals_total",
			Help: "Model versions that could not be loaded, each counted once until the store changes.",
		}, labels),
	}
	if registry != nil {
		registry.MustRegister(m.current, m.swaps, m.refusals)
	}
	return m
}

func (m *watcherMetrics) followed(k slotKey, ok bool) {
	value := 0.0
	if ok {
		value = 1
	}
	m.current.WithLabelValues(string(k.role), string(k.use)).Set(value)
}

func (m *watcherMetrics) swapped(k slotKey) {
	m.swaps.WithLabelValues(string(k.role), string(k.use)).Inc()
}

func (m *watcherMetrics) refused(k slotKey) {
	m.refusals.WithLabelValues(string(k.role), string(k.use)).Inc()
}
