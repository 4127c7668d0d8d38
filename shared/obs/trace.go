package obs

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TracingConfig says how many traces are kept and where they go.
type TracingConfig struct {
	// Endpoint is the OTLP gRPC collector, such as http://localhost:4317. Empty exports nothing. Headers,
	// certificates and time-outs come from the other standard OTEL_EXPORTER_OTLP_* variables.
	Endpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	// SampleRatio is the share of new traces that is kept, 0 to 1. A trace that arrives with a decision keeps it, and what is
	// not approved is kept from its decision on.
	SampleRatio float64 `env:"TRACE_SAMPLE_RATIO, default=0.01"`
}

// Validate refuses a ratio outside 0 to 1.
func (c *TracingConfig) Validate() error {
	if !(c.SampleRatio >= 0 && c.SampleRatio <= 1) {
		return errors.New("TRACE_SAMPLE_RATIO must be between 0 and 1")
	}
	return nil
}

// Tracing makes tracers. Every span has a trace id, sampled or not, so that logs and audit rows can always be joined.
type Tracing struct {
	provider *sdktrace.TracerProvider
	export   *export // nil without an exporter
}

// NewTracing starts tracing for a service. With no endpoint there is no exporter and no background work.
func NewTracing(ctx context.Context, service Service, c TracingConfig) (*Tracing, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	if c.Endpoint == "" {
		return newTracing(ctx, service, sampler{head: headOf(c.SampleRatio), rest: sdktrace.Drop})
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(c.Endpoint))
	if err != nil {
		return nil, fmt.Errorf("tracing: open OTLP exporter: %w", err)
	}
	rest := sdktrace.RecordOnly
	if service.HeadOnly {
		rest = sdktrace.Drop
	}
	e := newExport(exporter)
	t, err := newTracing(ctx, service, sampler{head: headOf(c.SampleRatio), rest: rest}, sdktrace.WithSpanProcessor(e))
	if err != nil {
		return nil, errors.Join(err, e.Shutdown(ctx))
	}
	t.export = e
	return t, nil
}

// RecordTracing gives every span, sampled or not, to a processor of the caller's in place of a collector.
func RecordTracing(service Service, to sdktrace.SpanProcessor) *Tracing {
	t, err := newTracing(context.Background(), service, sampler{head: headOf(1)}, sdktrace.WithSpanProcessor(to))
	if err != nil { // of OTEL_RESOURCE_ATTRIBUTES, which name no more than where a span comes from
		t = &Tracing{provider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(to))}
	}
	return t
}

func newTracing(ctx context.Context, service Service, s sampler, options ...sdktrace.TracerProviderOption) (*Tracing, error) {
	described, err := resourceOf(ctx, service)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	options = append(options, sdktrace.WithSampler(s), sdktrace.WithIDGenerator(ids{}), sdktrace.WithResource(described))
	return &Tracing{provider: sdktrace.NewTracerProvider(options...)}, nil
}

// resourceOf is the process as collectors know it. OTEL_RESOURCE_ATTRIBUTES adds to it and wins: where a process runs, as in
// cloud.region, is its deployment's to say. Without an instance of its own a process would write over the counters of
// another.
func resourceOf(ctx context.Context, service Service) (*resource.Resource, error) {
	ours := resource.NewSchemaless(
		attribute.String("service.name", service.Name),
		attribute.String("service.version", service.Version),
		attribute.String("service.instance.id", rand.Text()),
		attribute.String("gcp.project_id", service.ProjectID),
	)
	deployed, err := resource.New(ctx, resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	merged, err := resource.Merge(ours, deployed)
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return merged, nil
}

// Tracer returns a tracer; name is the package that makes the spans.
func (t *Tracing) Tracer(name string) trace.Tracer { return t.provider.Tracer(name) }

// Lost is how many spans the collector has not taken so far. What the queue dropped is added at the end, in the error of
// Shutdown.
func (t *Tracing) Lost() int64 {
	if t.export == nil {
		return 0
	}
	return t.export.exporter.failed.Load()
}

// CountLost registers what Lost says as pix_trace_spans_lost_total.
func (t *Tracing) CountLost(r prometheus.Registerer) error {
	lost := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "pix_trace_spans_lost_total", Help: "Spans that the collector of traces did not take.",
	}, func() float64 { return float64(t.Lost()) })
	if err := r.Register(lost); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

// shutdownTimeout is what a stop may wait for the collector: a span is worth less than the second that a payment waits.
const shutdownTimeout = time.Second

// Shutdown sends what is still buffered and ends the exporter, within a second at most. Its error says how many spans
// were lost since the start; nothing else depends on them.
func (t *Tracing) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	err := t.provider.Shutdown(ctx)
	if t.export != nil {
		err = t.export.close(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("tracing: shutdown: %w", err)
	}
	return nil
}

// traceparent is the one name of the W3C trace context that is read and written.
const traceparent = "traceparent"

// Inject writes the traceparent of the context into message attributes. Without a span it writes nothing.
func Inject(ctx context.Context, attributes map[string]string) {
	propagation.TraceContext{}.Inject(ctx, propagation.MapCarrier(attributes))
}

// Extract returns ctx with the remote span that the attributes name. Missing or malformed attributes leave ctx as it
// is: a broken trace must never stop a payment. A tracestate is not taken: a sender may write anything into it, and it
// would go on into every span and message.
func Extract(ctx context.Context, attributes map[string]string) context.Context {
	return Continue(ctx, attributes[traceparent])
}

// Continue is Extract where the traceparent is at hand.
func Continue(ctx context.Context, parent string) context.Context {
	if parent == "" { // most callers have no trace
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: parent})
}

// TraceID returns the trace id of the context as 32 hexadecimal digits, empty when there is none.
func TraceID(ctx context.Context) string {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		return sc.TraceID().String()
	}
	return ""
}
