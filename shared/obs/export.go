package obs

import (
	"context"
	"fmt"
	"sync/atomic"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// export sends spans to a collector and counts those that it could not. Ending a span never waits: the batcher drops what
// finds no place in its queue.
type export struct {
	sdktrace.SpanProcessor // the batcher
	exporter               *counted
	ended                  atomic.Int64
}

// counted is an exporter that counts what it sent and what it could not send.
type counted struct {
	sdktrace.SpanExporter
	sent, failed atomic.Int64
}

func newExport(exporter sdktrace.SpanExporter) *export {
	c := &counted{SpanExporter: exporter}
	return &export{SpanProcessor: sdktrace.NewBatchSpanProcessor(c), exporter: c}
}

// OnEnd implements sdktrace.SpanProcessor. The batcher takes what is sampled only.
func (e *export) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		if !isKept(s) {
			return
		}
		s = keptRecord{s}
	}
	e.ended.Add(1)
	e.SpanProcessor.OnEnd(s)
}

// ExportSpans implements sdktrace.SpanExporter. A failure is counted and goes no further: all that the batcher does with
// one is to write it to standard error, in no form of ours.
func (c *counted) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	n := int64(len(spans))
	if err := c.SpanExporter.ExportSpans(ctx, spans); err != nil {
		c.failed.Add(n)
		return nil //nolint:nilerr // see above
	}
	c.sent.Add(n)
	return nil
}

// close ends the exporter after the batcher's shutdown, and returns what was lost. A batcher that ran out of time is still
// in a call, which ends with the exporter.
func (e *export) close(ctx context.Context, late error) error {
	if late != nil {
		if err := e.exporter.Shutdown(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("close exporter: %w", err)
		}
	}
	lost := e.ended.Load() - e.exporter.sent.Load()
	switch {
	case lost > 0 && late != nil:
		return fmt.Errorf("%d spans were not exported: %w", lost, late)
	case lost > 0:
		return fmt.Errorf("%d spans were not exported", lost)
	default:
		return late
	}
}
