package obs_test

import (
	"maps"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTraceCrossesAMessage checks that a consumer's span hangs below the producer's.
func TestTraceCrossesAMessage(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	tracing := obs.RecordTracing(obs.Service{Name: "bridge"}, recorder)
	tracer := tracing.Tracer("test")
	ctx, produce := tracer.Start(t.Context(), "produce")
	attributes := map[string]string{"schema": "pix.v1.Transaction"}
	obs.Inject(ctx, attributes)
	produce.End()

	consumed := obs.Extract(t.Context(), attributes)
	if got, want := obs.TraceID(consumed), obs.TraceID(ctx); got != want || len(got) != 32 {
		t.Errorf("trace id %q, want %q", got, want)
	}
	_, consume := tracer.Start(consumed, "consume")
	consume.End()
	spans := recorder.Ended()
	if len(spans) != 2 || spans[1].Parent().SpanID() != spans[0].SpanContext().SpanID() {
		t.Errorf("spans are not parent and child: %v", spans)
	}
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestExtractIgnoresWhatIsMalformed(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "x", "00-00000000000000000000000000000000-0000000000000000-01", "00-\xff-1-1"} {
		ctx := obs.Extract(t.Context(), map[string]string{"traceparent": value})
		if id := obs.TraceID(ctx); id != "" {
			t.Errorf("%q gave trace id %q", value, id)
		}
	}
	if id := obs.TraceID(obs.Extract(t.Context(), nil)); id != "" {
		t.Errorf("no attributes gave trace id %q", id)
	}
}

// FuzzExtract checks that no attribute value panics, and that what is accepted is written back as it came.
func FuzzExtract(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1")
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=52998224725")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, parent, state string) {
		in := map[string]string{"traceparent": parent, "tracestate": state}
		ctx := obs.Extract(t.Context(), maps.Clone(in))
		out := map[string]string{}
		obs.Inject(ctx, out)
		if id := obs.TraceID(ctx); id != "" && (len(id) != 32 || out["traceparent"][3:35] != id) {
			t.Errorf("trace id %q, traceparent %q", id, out["traceparent"])
		}
		if _, there := out["tracestate"]; there {
			t.Errorf("the sender's tracestate %q goes on", state)
		}
	})
}

func TestUnsampledTracesKeepTheirID(t *testing.T) {
	t.Parallel()
	tracing, err := obs.NewTracing(t.Context(), obs.Service{}, obs.TracingConfig{SampleRatio: 0})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := tracing.Tracer("test").Start(t.Context(), "decide")
	defer span.End()
	if span.IsRecording() || obs.TraceID(ctx) == "" {
		t.Errorf("recording %v, trace id %q", span.IsRecording(), obs.TraceID(ctx))
	}
	sampled := obs.Extract(t.Context(), map[string]string{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	})
	_, child := tracing.Tracer("test").Start(sampled, "decide")
	defer child.End()
	if !child.SpanContext().IsSampled() {
		t.Error("a trace that arrived sampled was dropped")
	}
}

func TestTracingConfigRefusesARatioOutsideItsRange(t *testing.T) {
	t.Parallel()
	for _, ratio := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := obs.NewTracing(t.Context(), obs.Service{}, obs.TracingConfig{SampleRatio: ratio}); err == nil {
			t.Errorf("ratio %v was accepted", ratio)
		}
	}
}

// TestNoGlobals checks that tracing leaves OpenTelemetry's globals alone.
func TestNoGlobals(t *testing.T) {
	t.Parallel()
	before := otel.GetTracerProvider()
	tracing := obs.RecordTracing(obs.Service{}, tracetest.NewSpanRecorder())
	if otel.GetTracerProvider() != before {
		t.Error("the global tracer provider was replaced")
	}
	if _, span := otel.Tracer("x").Start(t.Context(), "x"); span.SpanContext().IsValid() {
		t.Error("the global tracer records")
	}
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestShutdownExports sends a span over real OTLP: Shutdown must not lose what is buffered.
func TestShutdownExports(t *testing.T) {
	t.Parallel()
	got := exported(t, obs.Service{Name: "score"}, 1, func(tracing *obs.Tracing) {
		_, span := tracing.Tracer("test").Start(t.Context(), "decide")
		span.End()
	})
	if diff := cmp.Diff([]string{"decide"}, got); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkUnsampledSpan is the price of tracing on a payment that is not kept.
func BenchmarkUnsampledSpan(b *testing.B) {
	tracing, err := obs.NewTracing(b.Context(), obs.Service{}, obs.TracingConfig{SampleRatio: 0})
	if err != nil {
		b.Fatal(err)
	}
	tracer := tracing.Tracer("test")
	b.ReportAllocs()
	for b.Loop() {
		_, span := tracer.Start(b.Context(), "decide")
		span.End()
	}
}
