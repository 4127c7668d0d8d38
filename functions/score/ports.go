package score

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// champions, challengers and publisher fit the engine's ports to what implements them.
type champions struct{ set *scoring.Set }

// Model returns the champion of a role.
func (c champions) Model(role pix.Role) (engine.Model, error) {
	m, err := c.set.Model(role)
	if err != nil {
		return nil, fmt.Errorf("champion: %w", err)
	}
	return m, nil
}

type challengers struct{ set *scoring.Set }

// Challengers returns the models of a role that score in shadow.
func (c challengers) Challengers(role pix.Role) []engine.Model {
	list := c.set.Challengers(role)
	if len(list) == 0 {
		return nil
	}
	models := make([]engine.Model, len(list))
	for i, m := range list {
		models[i] = m
	}
	return models
}

type publisher struct {
	bus    *bus.Bus
	topic  string
	tracer trace.Tracer
}

// start starts the span of a publication, unless nobody would keep it: then the message bears that of ctx.
func (p publisher) start(ctx context.Context, d *pix.Decision) (context.Context, trace.Span) {
	ctx = obs.InTrace(ctx, d.TraceID)
	if above := trace.SpanContextFromContext(ctx); d.Outcome == pix.Approve && above.IsValid() && !above.IsSampled() {
		return ctx, noop.Span{}
	}
	ctx, span := p.tracer.Start(ctx, "publish decision", trace.WithSpanKind(trace.SpanKindProducer))
	if d.Outcome != pix.Approve {
		ctx = obs.Keep(ctx)
	}
	return ctx, span
}

// PublishDecision publishes a decision, in the trace that it was made in, and returns once it is acknowledged.
func (p publisher) PublishDecision(ctx context.Context, d *pix.Decision) error {
	e, err := event.EncodeStoredDecision(d)
	if err != nil {
		return fmt.Errorf("encode decision: %w", err)
	}
	ctx, span := p.start(ctx, d)
	defer span.End()
	obs.Inject(ctx, e.Attributes)
	if err := p.bus.Publish(ctx, p.topic, e); err != nil {
		span.SetStatus(codes.Error, pix.KindOf(err).String())
		return fmt.Errorf("decision: %w", err)
	}
	return nil
}
