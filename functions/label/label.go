package label

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Name is the function's name in FUNCTION_TARGET, logs and metrics.
const Name = "label"

// Warehouse takes labels and returns once the row is acknowledged.
type Warehouse interface {
	AppendLabel(ctx context.Context, l *pix.Label) error
}

// FraudMarker marks the entities of a labelled payment, and returns what was decided on it, nil when nothing was here.
// *engine.Marker is one.
type FraudMarker interface {
	Fraud(ctx context.Context, l *pix.Label) (*pix.Decision, error)
}

// Deps are the function's ports.
type Deps struct {
	Warehouse Warehouse
	Marker    FraudMarker
	Push      push.Deps
}

// New returns the endpoint that takes pushed labels.
func New(d Deps) (http.Handler, error) {
	if d.Warehouse == nil || d.Marker == nil {
		return nil, errors.New("label: a warehouse and a marker are required")
	}
	m, err := newMetrics(d.Push.Metrics)
	if err != nil {
		return nil, err
	}
	f := function{Deps: d, metrics: m}
	h, err := push.New(push.Function[*pix.Label]{
		Name:   Name,
		Decode: decode,
		Encode: event.EncodeLabel,
		Handle: f.handle,
	}, d.Push)
	if err != nil {
		return nil, fmt.Errorf("label: %w", err)
	}
	return h, nil
}

type function struct {
	Deps
	metrics *metrics
}

// handle marks before it writes: both may happen again, and a mark that is made twice leaves nothing behind.
func (f function) handle(ctx context.Context, l *pix.Label) error {
	d, err := f.Marker.Fraud(ctx, l)
	if err != nil {
		return fmt.Errorf("mark entities: %w", err)
	}
	if d == nil {
		f.Push.Logger.InfoContext(ctx, "label marks nobody: its payment was never decided here", "end_to_end_id", string(l.ID))
	}
	if err := f.Warehouse.AppendLabel(ctx, l); err != nil {
		return fmt.Errorf("write label: %w", err)
	}
	f.metrics.labelled(l, d)
	return nil
}

func decode(e event.Envelope, now time.Time) (*pix.Label, error) {
	l, err := event.DecodeLabel(e, now)
	return &l, err
}
