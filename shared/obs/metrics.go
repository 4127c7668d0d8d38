package obs

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"
)

// NewRegistry returns a registry of its own with the collectors of the Go runtime, the process and the build. Make metrics on
// it with promauto.With(registry).
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(),
	)
	return registry
}

// MetricsHandler serves the registry in the text and OpenMetrics formats.
func MetricsHandler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry, EnableOpenMetrics: true})
}

// LatencyBuckets returns histogram bounds in seconds around the budgets of a decision: 0.1 ms to 5 s, with the 2, 5,
// 50 and 300 ms of the objectives as exact bounds.
func LatencyBuckets() []float64 {
	return []float64{.0001, .00025, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .3, .5, 1, 2, 5}
}

// Observe notes a value, with the trace of ctx as its exemplar where that is kept: one that is not would lead nowhere.
func Observe(ctx context.Context, o prometheus.Observer, value float64) {
	sc := trace.SpanContextFromContext(ctx)
	exemplars, can := o.(prometheus.ExemplarObserver)
	if !can || !sc.IsSampled() {
		o.Observe(value)
		return
	}
	exemplars.ObserveWithExemplar(value, prometheus.Labels{"trace_id": sc.TraceID().String(), "span_id": sc.SpanID().String()})
}
