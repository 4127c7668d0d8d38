package label

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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

// FraudMarker marks the entities of a labelled payment, and reports whether there were any. *engine.Marker is one.
type FraudMarker interface {
	Fraud(ctx context.Context, l *pix.Label) (marked bool, err error)
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
	marks, err := newMarks(d.Push.Metrics)
	if err != nil {
		return nil, err
	}
	f := function{Deps: d, marks: marks}
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
	marks *prometheus.CounterVec
}

// handle marks before it writes: both may happen again, and a mark that is made twice leaves nothing behind.
func (f function) handle(ctx context.Context, l *pix.Label) error {
	marked, err := f.Marker.Fraud(ctx, l)
	if err != nil {
		return fmt.Errorf("mark entities: %w", err)
	}
	result := "marked"
	if !marked {
		result = "not_ours"
		f.Push.Logger.InfoContext(ctx, "label marks nobody: its payment was never decided here", "end_to_end_id", string(l.ID))
	}
	f.marks.WithLabelValues(result).Inc()
	if err := f.Warehouse.AppendLabel(ctx, l); err != nil {
		return fmt.Errorf("write label: %w", err)
	}
	return nil
}

func newMarks(r prometheus.Registerer) (*prometheus.CounterVec, error) {
	marks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pix_label_marks_total", Help: "Labels by whether there was anybody to mark (marked or not_ours).",
	}, []string{"result"})
	if r == nil {
		return marks, nil
	}
	if err := r.Register(marks); err != nil {
		return nil, fmt.Errorf("label: register metrics: %w", err)
	}
	return marks, nil
}

func decode(e event.Envelope, now time.Time) (*pix.Label, error) {
	l, err := event.DecodeLabel(e, now)
	return &l, err
}
