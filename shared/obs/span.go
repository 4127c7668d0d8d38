package obs

import (
	"context"
	"iter"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// scope names the spans of Start and StartBatch.
const scope = "github.com/sentinela-pix/sentinela/shared/obs"

// Start starts a span below that of ctx, by the same service, where its trace is kept. Otherwise ctx goes on as it is: most
// payments are never looked at, and must not pay for it.
func Start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsSampled() {
		return ctx, noop.Span{}
	}
	return parent.TracerProvider().Tracer(scope).Start(ctx, name, options...)
}

// StartBatch starts the span of what is done at once for several traces, linked to those that are kept, of which the SDK takes
// 128. It is a trace of its own, since a span has one parent; its attribute pix.members says how many there were. Where none
// is kept there is no span either.
func StartBatch(ctx context.Context, name string, members iter.Seq[trace.Span], options ...trace.SpanStartOption) (context.Context, trace.Span) {
	var by trace.Span
	var links []trace.Link
	n := 0
	for member := range members {
		n++
		if member != nil && member.SpanContext().IsSampled() {
			by, links = member, append(links, trace.Link{SpanContext: member.SpanContext()})
		}
	}
	if by == nil {
		return ctx, noop.Span{}
	}
	options = append(options, trace.WithNewRoot(), trace.WithLinks(links...), trace.WithAttributes(attribute.Int("pix.members", n)))
	return by.TracerProvider().Tracer(scope).Start(ctx, name, options...)
}
