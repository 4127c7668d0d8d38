package obs

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Push sends the metrics of a registry to a collector, for a process that nobody can scrape. They are the registry's own,
// under their own names: a name ends with its unit, and a counter's with total, so that a backend that adds either to what
// lacks it adds nothing. No metric states its unit beside the name, for that would be added once more.
type Push struct{ provider *sdkmetric.MeterProvider }

// NewPush starts to send to an OTLP gRPC collector, such as http://localhost:4317, at the interval of
// OTEL_METRIC_EXPORT_INTERVAL. It reads the registry in a goroutine of its own, so that a collector that is away costs a process
// nothing but the pushes that pix_metric_pushes_total counts as failed.
func NewPush(ctx context.Context, service Service, registry *prometheus.Registry, endpoint string) (*Push, error) {
	described, err := resourceOf(ctx, service)
	if err != nil {
		return nil, fmt.Errorf("push metrics: %w", err)
	}
	pushes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pix_metric_pushes_total", Help: "Pushes of this process's metrics to a collector, by result (ok or failed).",
	}, []string{"result"})
	for _, result := range []string{"ok", "failed"} {
		pushes.WithLabelValues(result) // from the start, so that a scrape and a push tell of the same series
	}
	if err := registry.Register(pushes); err != nil {
		return nil, fmt.Errorf("push metrics: %w", err)
	}
	exporter, err := otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithEndpointURL(endpoint))
	if err != nil {
		return nil, fmt.Errorf("push metrics: open OTLP exporter: %w", err)
	}
	reader := sdkmetric.NewPeriodicReader(countedPush{exporter, pushes}, sdkmetric.WithProducer(producer{bridge.NewMetricProducer(bridge.WithGatherer(registry))}))
	return &Push{provider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(described))}, nil
}

// Shutdown sends the metrics once more, as they are at the end, and ends the exporter, within a second at most.
func (p *Push) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	if err := p.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("push metrics: shutdown: %w", err)
	}
	return nil
}

// countedPush counts what was sent. A failure goes no further: all that the reader does with one is to write it to standard
// error, in no form of ours.
type countedPush struct {
	sdkmetric.Exporter
	pushes *prometheus.CounterVec
}

// Export implements sdkmetric.Exporter.
func (c countedPush) Export(ctx context.Context, metrics *metricdata.ResourceMetrics) error {
	result := "ok"
	if c.Exporter.Export(ctx, metrics) != nil {
		result = "failed"
	}
	c.pushes.WithLabelValues(result).Inc()
	return nil
}

// producer reads the registry. Prometheus writes an exemplar's ids in hexadecimal, OTLP in bytes, and the bridge leaves them
// as they are.
type producer struct{ sdkmetric.Producer }

// Produce implements sdkmetric.Producer.
func (p producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	scopes, err := p.Producer.Produce(ctx)
	for _, scope := range scopes {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Histogram[float64]:
				for i := range data.DataPoints {
					toBytes(data.DataPoints[i].Exemplars)
				}
			case metricdata.Sum[float64]:
				for i := range data.DataPoints {
					toBytes(data.DataPoints[i].Exemplars)
				}
			}
		}
	}
	return scopes, err //nolint:wrapcheck // a pass-through producer
}

func toBytes(exemplars []metricdata.Exemplar[float64]) {
	for i := range exemplars {
		e := &exemplars[i]
		traceID, errTrace := hex.DecodeString(string(e.TraceID))
		spanID, errSpan := hex.DecodeString(string(e.SpanID))
		if errTrace == nil && errSpan == nil {
			e.TraceID, e.SpanID = traceID, spanID
		}
	}
}
