package obs

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// A trace is sampled at its head: by what its sender decided, or else by the ratio. What makes a payment worth a trace is
// known only when it is decided, and nothing that an earlier process did not record can be had back then. So a process that
// decides records its own spans without keeping them, and Keep keeps those of the payment in hand: its trace begins there,
// below a parent that was not recorded. Who wants the whole samples everything and lets the collector choose.

// sampler decides at the start of a span.
type sampler struct {
	head sdktrace.Sampler
	rest sdktrace.SamplingDecision // of what the head does not keep
}

func headOf(ratio float64) sdktrace.Sampler {
	return sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))
}

// ShouldSample implements sdktrace.Sampler. A batch belongs to the traces that it is linked to, and is kept with any of them.
func (s sampler) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	result := s.head.ShouldSample(p)
	if result.Decision != sdktrace.Drop {
		return result
	}
	result.Decision = s.rest
	for i := range p.Links {
		if p.Links[i].SpanContext.IsSampled() {
			result.Decision = sdktrace.RecordAndSample
		}
	}
	return result
}

// Description implements sdktrace.Sampler.
func (s sampler) Description() string { return "links or " + s.head.Description() }

// keptKey marks a span that is kept although its trace was not sampled.
const keptKey = attribute.Key("pix.kept")

// Keep keeps the span of ctx, though its trace was not sampled, and returns a context in which the trace is: what starts
// below it, here and wherever its traceparent goes, is recorded. A span that was sampled already, or is none, it leaves as it
// is. Call it before the span ends.
func Keep(ctx context.Context) context.Context {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() || span.SpanContext().IsSampled() {
		return ctx
	}
	span.SetAttributes(keptKey.Bool(true))
	return trace.ContextWithSpan(ctx, keptSpan{span})
}

// keptSpan is a span that says it is sampled.
type keptSpan struct{ trace.Span }

// SpanContext implements trace.Span.
func (k keptSpan) SpanContext() trace.SpanContext { return sampled(k.Span.SpanContext()) }

// keptRecord is likewise what the exporter gets of it.
type keptRecord struct{ sdktrace.ReadOnlySpan }

// SpanContext implements sdktrace.ReadOnlySpan.
func (k keptRecord) SpanContext() trace.SpanContext { return sampled(k.ReadOnlySpan.SpanContext()) }

func sampled(sc trace.SpanContext) trace.SpanContext {
	return sc.WithTraceFlags(sc.TraceFlags().WithSampled(true))
}

// isKept tells whether Keep was called for a span.
func isKept(s sdktrace.ReadOnlySpan) bool {
	for _, a := range s.Attributes() {
		if a.Key == keptKey {
			return true
		}
	}
	return false
}

type traceIDKey struct{}

// InTrace returns ctx for a span that belongs to the trace with this id, whichever call made it: what is published later, by
// another process or on somebody else's question, stays in the trace of its decision. Where ctx is in that trace already, or
// the id is none, it is ctx itself.
func InTrace(ctx context.Context, traceID string) context.Context {
	id, err := trace.TraceIDFromHex(traceID)
	if err != nil || trace.SpanContextFromContext(ctx).TraceID() == id {
		return ctx
	}
	return context.WithValue(trace.ContextWithSpanContext(ctx, trace.SpanContext{}), traceIDKey{}, id)
}

// ids makes identifiers, and takes the trace's from InTrace where there is one.
type ids struct{}

// NewIDs implements sdktrace.IDGenerator.
func (g ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, _ := ctx.Value(traceIDKey{}).(trace.TraceID)
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id, g.NewSpanID(ctx, id)
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(context.Context, trace.TraceID) (id trace.SpanID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}
