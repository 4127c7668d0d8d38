package engine

import (
	"context"
	"errors"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

var errLooks = errors.New("too many ask what stands")

// Standing returns the decision that stands for a payment, nil when none does, for whoever asks what became of it. It decides
// nothing and writes nothing. A store that is away is an error of kind Unavailable or Timeout: nobody can say then, and to say
// "none" would be an answer.
//
// Whoever looks takes nothing from those who wait for a decision: looks have a small bound of their own. They say nothing to the
// breaker in front of storing, nor ask it: a store may give what stands and take nothing, and the bound holds while it hangs.
func (e *Engine) Standing(ctx context.Context, id pix.EndToEndID) (d *pix.Decision, err error) {
	const op = "read standing decision"
	select {
	case e.looks <- struct{}{}:
		defer func() { <-e.looks }()
	default:
		return nil, pix.E(pix.Overloaded, op, errLooks)
	}
	defer func() {
		if v := recover(); v != nil {
			d, err = nil, pix.E(pix.Unexpected, op, panicked(v))
		}
	}()
	ctx, cancel := within(ctx, e.deps.Timeout)
	defer cancel()
	d, err = e.deps.Store.Decision(ctx, id)
	if err != nil {
		return nil, failure(op, err)
	}
	if d != nil && d.ID() != id {
		return nil, pix.E(pix.Unexpected, op, errors.New("the store returned another payment's"))
	}
	return d, nil
}
