package obs_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pixtest/otlp"
)

func receiver(t *testing.T) *otlp.Receiver {
	t.Helper()
	r, err := otlp.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// exported are the names of the spans that a service exports while it does work, with a traceparent that says that a payment's
// trace is not sampled.
func exported(t *testing.T, service obs.Service, ratio float64, work func(tracing *obs.Tracing)) []string {
	t.Helper()
	r := receiver(t)
	tracing, err := obs.NewTracing(t.Context(), service, obs.TracingConfig{Endpoint: r.URL(), SampleRatio: ratio})
	if err != nil {
		t.Fatal(err)
	}
	work(tracing)
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, s := range r.Spans() {
		names = append(names, s.GetName())
		if s.GetFlags()&1 != 1 {
			t.Errorf("%s is exported with flags %b, as not sampled", s.GetName(), s.GetFlags())
		}
	}
	slices.Sort(names)
	return names
}

const unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"

// TestKeep: of a payment whose trace nobody sampled nothing is exported, unless its span is kept: then that one, and what
// starts below it afterwards, here and wherever its traceparent goes.
func TestKeep(t *testing.T) {
	t.Parallel()
	pay := func(keep bool) func(*obs.Tracing) {
		return func(tracing *obs.Tracing) {
			ctx := obs.Extract(t.Context(), map[string]string{"traceparent": unsampled})
			ctx, root := tracing.Tracer("test").Start(ctx, "process")
			defer root.End()
			_, early := obs.Start(ctx, "before it is known")
			if early.IsRecording() {
				t.Error("a span is recorded below one that nobody keeps so far")
			}
			early.End()
			if keep {
				ctx = obs.Keep(ctx)
			}
			ctx, child := obs.Start(ctx, "publish")
			defer child.End()
			attributes := map[string]string{}
			obs.Inject(ctx, attributes)
			_, consumer := tracing.Tracer("test").Start(obs.Extract(t.Context(), attributes), "audit")
			consumer.End()
			if got := attributes["traceparent"]; got[3:35] != unsampled[3:35] || (got[53:] == "01") != keep {
				t.Errorf("keep %v: the traceparent is %s", keep, got)
			}
		}
	}
	if got := exported(t, obs.Service{}, 0, pay(false)); len(got) > 0 {
		t.Errorf("not kept: %v", got)
	}
	if diff := cmp.Diff([]string{"audit", "process", "publish"}, exported(t, obs.Service{}, 0, pay(true))); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// TestHeadOnly: a service that decides nothing records nothing of what is not sampled, so that there is nothing to keep.
func TestHeadOnly(t *testing.T) {
	t.Parallel()
	got := exported(t, obs.Service{HeadOnly: true}, 0, func(tracing *obs.Tracing) {
		ctx, span := tracing.Tracer("test").Start(t.Context(), "consume")
		if span.IsRecording() || obs.Keep(ctx) != ctx {
			t.Error("it records")
		}
		span.End()
	})
	if len(got) > 0 {
		t.Errorf("exported %v", got)
	}
}

// TestBatch: what is done for several traces is linked to those that are kept, and is nothing where none is.
func TestBatch(t *testing.T) {
	t.Parallel()
	recorder := tracetest.NewSpanRecorder()
	tracing := obs.RecordTracing(obs.Service{}, recorder)
	kept, one := tracing.Tracer("test").Start(t.Context(), "row")
	_, two := tracing.Tracer("test").Start(t.Context(), "row")
	lost := trace.SpanFromContext(obs.Extract(t.Context(), map[string]string{"traceparent": unsampled}))
	_, none := obs.StartBatch(kept, "append", slices.Values([]trace.Span{nil, lost}))
	if none.SpanContext().IsValid() {
		t.Error("a batch of which nothing is kept has a span")
	}
	_, batch := obs.StartBatch(kept, "append", slices.Values([]trace.Span{one, nil, lost, two}))
	batch.End()
	spans := recorder.Ended()
	if len(spans) != 1 || len(spans[0].Links()) != 2 || spans[0].Parent().IsValid() {
		t.Fatalf("spans %v", spans)
	}
	for i, member := range []trace.Span{one, two} {
		if spans[0].Links()[i].SpanContext.SpanID() != member.SpanContext().SpanID() {
			t.Errorf("link %d is another's", i)
		}
	}
	if a := spans[0].Attributes(); len(a) != 1 || a[0].Key != "pix.members" || a[0].Value.AsInt64() != 4 {
		t.Errorf("attributes %v", a)
	}
}

// TestBatchIsKeptWithItsMembers: the ratio does not judge a batch, whose members were judged.
func TestBatchIsKeptWithItsMembers(t *testing.T) {
	t.Parallel()
	got := exported(t, obs.Service{HeadOnly: true}, 0, func(tracing *obs.Tracing) {
		sampled := unsampled[:53] + "01"
		_, row := tracing.Tracer("test").Start(obs.Extract(t.Context(), map[string]string{"traceparent": sampled}), "row")
		_, batch := obs.StartBatch(t.Context(), "append", slices.Values([]trace.Span{row}))
		batch.End()
		row.End()
	})
	if diff := cmp.Diff([]string{"append", "row"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestInTrace: a span belongs to the trace that it is told, and to that of its context where that is the same or none is told.
func TestInTrace(t *testing.T) {
	t.Parallel()
	tracing := obs.RecordTracing(obs.Service{}, tracetest.NewSpanRecorder())
	ctx, call := tracing.Tracer("test").Start(t.Context(), "call")
	defer call.End()
	const other = "0af7651916cd43dd8448eb211c80319c"
	for told, want := range map[string]struct {
		trace string
		below bool
	}{
		"": {obs.TraceID(ctx), true}, "x": {obs.TraceID(ctx), true}, obs.TraceID(ctx): {obs.TraceID(ctx), true}, other: {other, false},
		"00000000000000000000000000000000": {obs.TraceID(ctx), true},
	} {
		of, span := tracing.Tracer("test").Start(obs.InTrace(ctx, told), "publish")
		recorded, ok := span.(sdktrace.ReadOnlySpan)
		if got := obs.TraceID(of); !ok || got != want.trace || recorded.Parent().IsValid() != want.below {
			t.Errorf("told %q: trace %s, want %s", told, got, want.trace)
		}
		span.End()
	}
}

// TestIDsDiffer: no two spans or traces share an id.
func TestIDsDiffer(t *testing.T) {
	t.Parallel()
	tracing := obs.RecordTracing(obs.Service{}, tracetest.NewSpanRecorder())
	seen := map[string]bool{}
	for range 1000 {
		_, span := tracing.Tracer("test").Start(t.Context(), "x")
		seen[span.SpanContext().TraceID().String()], seen[span.SpanContext().SpanID().String()] = true, true
	}
	if len(seen) != 2000 {
		t.Errorf("%d ids of 2,000", len(seen))
	}
}
