package bridge

import (
	"context"
	"iter"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
)

// A record's trace begins with its producer's, or here. Of a trace that is kept the bridge tells two spans, consume and
// publish, and one for the batch that they were published with; of any other it writes the traceparent alone, so that all
// that is logged and stored of a payment later has one trace id.

// tracing makes the spans of records.
type tracing struct {
	tracer  trace.Tracer
	consume []trace.SpanStartOption // made once: a slice for every record would cost more than the span
}

func newTracing(tracer trace.Tracer) tracing {
	if tracer == nil {
		tracer = noop.NewTracerProvider().Tracer("")
	}
	return tracing{tracer: tracer, consume: []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer)}}
}

// traceOf is the trace that a record came in.
func traceOf(ctx context.Context, r *kgo.Record) context.Context {
	parent := header(r, event.AttrTraceparent)
	if parent == nil {
		return ctx
	}
	return obs.Extract(ctx, map[string]string{event.AttrTraceparent: string(parent)})
}

// consume converts a record within its span.
func (b *Bridge) consume(ctx context.Context, it *item, on *sheet) {
	ctx, span := b.tracing.tracer.Start(traceOf(ctx, it.record), "consume", b.tracing.consume...)
	defer span.End()
	it.message = b.converter.convert(it.record, on)
	it.message.inject(ctx)
	if !span.IsRecording() {
		return
	}
	it.span = span
	span.SetAttributes(
		attribute.String("pix.result", it.message.result),
		attribute.Int64("pix.kafka_partition", int64(it.record.Partition)), attribute.Int64("pix.kafka_offset", it.record.Offset),
	)
}

// traced begins the span that lasts until the message is acknowledged, and is what its consumer's hangs below.
func (it *item) traced(ctx context.Context) {
	if it.span == nil {
		return
	}
	ctx, it.span = obs.Start(trace.ContextWithSpan(ctx, it.span), "publish", trace.WithSpanKind(trace.SpanKindProducer))
	it.message.inject(ctx)
}

// dies turns an item that the bus refuses for good into its dead letter, which stays in its trace.
func (it *item) dies(letter message) {
	if it.message.trace != "" {
		letter.letter.Envelope.Attributes[event.AttrTraceparent] = it.message.trace
	}
	it.message = letter
}

// endSpan ends the span of an item that was published.
func (it *item) endSpan() {
	if it.span != nil {
		it.span.End()
	}
}

// spansOf are the spans of a batch's items, nil of those that have none.
func (batch *batch) spansOf() iter.Seq[trace.Span] {
	return func(yield func(trace.Span) bool) {
		for i := range batch.items {
			if !yield(batch.items[i].span) {
				return
			}
		}
	}
}
