package engine

import (
	"context"
	"fmt"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Warm does with a made-up payment what the first real one would pay for: features, models and policy are used once, and the
// store is asked for a decision that there is none of, which opens a connection. Nothing is decided or written. A
// part that fails, as challengers that score for the first time and take too long, is counted as it is in a decision. Its
// error tells what did not answer; whoever starts goes on, for payments find that out as well.
func (e *Engine) Warm(ctx context.Context, tx *pix.Transaction) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = pix.E(pix.Unexpected, "warm up", panicked(v))
		}
	}()
	e.judge(e.question(Request{Tx: tx}), &feature.Histories{})
	if _, err := e.deps.Store.Decision(ctx, tx.ID); err != nil {
		return fmt.Errorf("warm up: %w", failure("ask the store", err))
	}
	return nil
}
