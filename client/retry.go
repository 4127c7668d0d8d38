package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Bounds of the wait before an attempt.
const (
	firstPause = 25 * time.Millisecond
	lastPause  = 400 * time.Millisecond
	// longest is more than any deadline, and what Retry-After is taken for that asks for more.
	longest = 24 * time.Hour
)

// pause is how long to wait before attempt n+1: anything up to a bound that doubles, so that those who failed together do
// not come back together, and not before what the answer asked for.
func pause(n int, retryAfter time.Duration) time.Duration {
	spread := lastPause
	if doubled := firstPause << min(n-1, 10); doubled < spread {
		spread = doubled
	}
	return retryAfter + rand.N(max(spread, retryAfter/2))
}

// sleep reports false when ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// parseRetryAfter reads seconds or a date; what is neither asks for nothing.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), longest)
	}
	switch seconds, err := strconv.ParseUint(value, 10, 64); {
	case errors.Is(err, strconv.ErrSyntax):
		return 0
	case err != nil || seconds > uint64(longest/time.Second):
		return longest
	default:
		return time.Duration(seconds) * time.Second
	}
}

// Bounds of the retries' budget, in calls: this many make up for one retry.
const (
	callsPerRetry = 10
	mostRetries   = 10
)

// retries is what all calls of a client may retry together: a tenth of them, and a few more for a start. When every call
// fails, a client that retried each would ask an overloaded scorer several times as much.
type retries struct {
	mu    sync.Mutex
	calls int // that no retry has used up
}

func newRetries() *retries { return &retries{calls: mostRetries * callsPerRetry} }

// earn counts a call.
func (r *retries) earn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = min(r.calls+1, mostRetries*callsPerRetry)
}

// spend takes one retry, where there is one.
func (r *retries) spend() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls < callsPerRetry {
		return false
	}
	r.calls -= callsPerRetry
	return true
}
