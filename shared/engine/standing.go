package engine

import (
	"context"
	"errors"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Standing returns the decision that stands for a payment, nil when none does, for whoever asks what became of it. It decides
// nothing and writes nothing, and takes a place as a decision does. A store that is away is an error of kind Unavailable or
// Timeout: nobody can say then, and to say "none" would be an answer.
func (e *Engine) Standing(ctx context.Context, id pix.EndToEndID) (d *pix.Decision, err error) {
	const op = "read standing decision"
	place, err := e.enter()
	if err != nil {
		return nil, err
	}
	defer place.Leave()
	asking, ok := e.decisions.begin(id)
	if !ok {
		return nil, pix.E(pix.Unavailable, op, errStoreAway)
	}
	defer asking.leave()
	defer func() {
		if v := recover(); v != nil {
			d, err = nil, pix.E(pix.Unexpected, op, panicked(v))
		}
	}()
	ctx, cancel := within(ctx, e.deps.Timeout)
	defer cancel()
	d, err = e.deps.Store.Decision(ctx, id)
	if err != nil {
		err = failure(op, err)
		asking.end(err)
		return nil, err
	}
	asking.end(nil)
	if d != nil && d.ID() != id {
		return nil, pix.E(pix.Unexpected, op, errors.New("the store returned another payment's"))
	}
	return d, nil
}
