package alert

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Name is the function's name in FUNCTION_TARGET, logs and metrics.
const Name = "alert"

// Warehouse takes alerts and returns once the row is acknowledged.
type Warehouse interface {
	AppendAlert(ctx context.Context, a *pix.Alert) error
}

// Publisher puts an envelope on a topic and returns once it is acknowledged.
type Publisher interface {
	Publish(ctx context.Context, topic string, e event.Envelope) error
}

// Deps are the function's ports and settings.
type Deps struct {
	Warehouse Warehouse
	Publisher Publisher
	Topic     string           // of alerts
	Clock     func() time.Time // nil means time.Now
	Push      push.Deps
}

// New returns the endpoint that takes pushed decisions.
func New(d Deps) (http.Handler, error) {
	if d.Warehouse == nil || d.Publisher == nil || d.Topic == "" {
		return nil, errors.New("alert: a warehouse, a publisher and a topic are required")
	}
	if d.Clock == nil {
		d.Clock = time.Now
	}
	if d.Push.Clock == nil {
		d.Push.Clock = d.Clock
	}
	h, err := push.New(push.Function[*pix.Decision]{
		Name:   Name,
		Decode: decode,
		Encode: event.EncodeDecision,
		Handle: d.handle,
	}, d.Push)
	if err != nil {
		return nil, fmt.Errorf("alert: %w", err)
	}
	return h, nil
}

func decode(e event.Envelope, now time.Time) (*pix.Decision, error) {
	d, err := event.DecodeDecision(e, now)
	return &d, err
}

// handle writes the row first: an alert that is seen on the bus can be looked up.
func (d Deps) handle(ctx context.Context, decision *pix.Decision) error {
	if decision.Outcome == pix.Approve {
		return nil
	}
	a := Of(decision, d.Clock())
	envelope, err := event.EncodeAlert(&a)
	if err != nil {
		return fmt.Errorf("encode alert: %w", err)
	}
	if err := d.Warehouse.AppendAlert(ctx, &a); err != nil {
		return fmt.Errorf("write alert: %w", err)
	}
	ctx, span := obs.Start(ctx, "publish alert", trace.WithSpanKind(trace.SpanKindProducer))
	defer span.End()
	obs.Inject(ctx, envelope.Attributes)
	if err := d.Publisher.Publish(ctx, d.Topic, envelope); err != nil {
		span.SetStatus(codes.Error, pix.KindOf(err).String())
		return fmt.Errorf("publish alert: %w", err)
	}
	return nil
}

// Of returns the alert that a decision raises at a given moment.
func Of(d *pix.Decision, raisedAt time.Time) pix.Alert {
	tx := &d.Transaction
	return pix.Alert{
		ID:        tx.ID,
		EventTime: tx.EventTime,
		RaisedAt:  raisedAt.UTC(),
		Direction: tx.Direction,
		Outcome:   d.Outcome,
		Amount:    tx.Amount,
		Payer:     tx.Payer.Account.Current,
		Payee:     tx.Payee.Account.Current,
		PayerISPB: tx.PayerFacts.ISPB,
		PayeeISPB: tx.PayeeFacts.ISPB,
		Score:     d.Probability(),
		Reasons:   d.Reasons,
		HoldUntil: d.HoldUntil,
	}
}
