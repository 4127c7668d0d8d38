package label

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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

// Deps are the function's ports.
type Deps struct {
	Warehouse Warehouse
	Push      push.Deps
}

// New returns the endpoint that takes pushed labels.
func New(d Deps) (http.Handler, error) {
	if d.Warehouse == nil {
		return nil, errors.New("label: a warehouse is required")
	}
	h, err := push.New(push.Function[*pix.Label]{
		Name:   Name,
		Decode: decode,
		Encode: event.EncodeLabel,
		Handle: d.Warehouse.AppendLabel,
	}, d.Push)
	if err != nil {
		return nil, fmt.Errorf("label: %w", err)
	}
	return h, nil
}

func decode(e event.Envelope) (*pix.Label, error) {
	l, err := event.DecodeLabel(e)
	return &l, err
}
