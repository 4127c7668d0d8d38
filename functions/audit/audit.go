package audit

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
const Name = "audit"

// Warehouse takes decisions and returns once the row is acknowledged.
type Warehouse interface {
	AppendDecision(ctx context.Context, d *pix.Decision) error
}

// Deps are the function's ports.
type Deps struct {
	Warehouse Warehouse
	Push      push.Deps
}

// New returns the endpoint that takes pushed decisions.
func New(d Deps) (http.Handler, error) {
	if d.Warehouse == nil {
		return nil, errors.New("audit: a warehouse is required")
	}
	h, err := push.New(push.Function[*pix.Decision]{
		Name:   Name,
		Decode: decode,
		Encode: event.EncodeDecision,
		Handle: d.Warehouse.AppendDecision,
	}, d.Push)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return h, nil
}

func decode(e event.Envelope, now time.Time) (*pix.Decision, error) {
	d, err := event.DecodeDecision(e, now)
	return &d, err
}
