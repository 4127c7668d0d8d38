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
	hurried bool          // it is well below Deps.Timeout, because the caller said so
}

// allow makes of a caller's budget the time for a decision. The store's deadline stays what it is: histories that come too
// late for this caller alone leave no decision behind, and the caller gets a provisional answer. Else its haste would make a
// decision without histories stand for good. The payment's event may have been written by then: whoever asks again finds it
// there, and if nobody does it stays in the histories.
//
// In a hurry is who gives less than all but a reserve of what Deps do.
func (e *Engine) allow(budget time.Duration) allowance {
	a := allowance{whole: e.deps.Timeout}
	if budget == 0 {
		return a
	}
	if left := budget - reserve(budget); a.whole == 0 || left < a.whole {
		a = allowance{whole: left, hurried: a.whole == 0 || budget < a.whole-reserve(a.whole)}
	}
	return a
}

// reserve is what of a time is kept for the answer without a decision.
func reserve(of time.Duration) time.Duration { return min(of/reserveShare, maxReserve) }

// within gives a call a deadline of its own, where there is one.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}
