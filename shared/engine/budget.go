package engine

import (
	"context"
	"time"
)

// Of a caller's budget this much is kept for the answer without a decision: a quarter, and no more than 5 ms.
const (
	reserveShare = 4
	maxReserve   = 5 * time.Millisecond
)

// allowance is the time that one decision has.
type allowance struct {
	whole   time.Duration // zero means no limit of its own
	hurried bool          // it is less than Deps.Timeout, because the caller said so
}

// allow makes of a caller's budget the time for a decision. The store's deadline stays what it is: histories that come too
// late for this caller alone leave nothing behind, and the caller gets a provisional answer. Else its haste would make a
// decision without histories stand for good.
func (e *Engine) allow(budget time.Duration) allowance {
	a := allowance{whole: e.deps.Timeout}
	if budget == 0 {
		return a
	}
	if left := budget - min(budget/reserveShare, maxReserve); a.whole == 0 || left < a.whole {
		a = allowance{whole: left, hurried: true}
	}
	return a
}

// within gives a call a deadline of its own, where there is one.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}
