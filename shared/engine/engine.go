package engine

import (
	"context"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Deps are the ports and settings of an Engine. All but Timeout are required.
type Deps struct {
	Store    Store
	Models   Models
	Policies Policies
	Features *feature.Set
	Clock    func() time.Time
	Timeout  time.Duration // for one decision; zero leaves it to the caller's context
}

// Engine decides payments. It is safe for concurrent use.
type Engine struct {
	deps Deps
}

// New checks deps and builds an Engine.
func New(deps Deps) (*Engine, error) { return &Engine{deps: deps}, nil }

// Decide returns the decision that stands for the payment, and whether another call had made it (replayed: a
// redelivery, a retry or a lost race). traceID goes into a decision made by this call; it may be empty.
//
// Errors carry a pix.Kind. Conflict: another payment already has this EndToEndID. On any error nothing is decided by
// this call and nothing may be approved.
func (e *Engine) Decide(ctx context.Context, tx *pix.Transaction, traceID string) (d *pix.Decision, replayed bool, err error) {
	return nil, false, pix.E(pix.Unexpected, "decide", context.Canceled)
}
