package store

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// groupCalls may be in flight before a payment waits for company. With as many in flight it waits for the first of them
	// that ends, which is a fraction of a call's time.
	groupCalls = 4
	// groupSize is the most payments that one call carries: what one failing call takes with it, some 200 rows.
	groupSize = 32
)

// grouper makes one call of the calls of several payments when they come faster than calls return. As long as fewer than
// groupCalls are in flight each payment makes its own, at once and within its own time. How many wait is bounded by the
// decisions that the engine lets in.
type grouper[T any] struct {
	timeout time.Duration
	// call carries out items in one call. It returns what failed of each, or that the call itself did.
	call func(ctx context.Context, items []T) (each []error, err error)

	mu      sync.Mutex
	waiting []*grouped[T]
	flying  int
}

// grouped is one payment's part of a call.
type grouped[T any] struct {
	ctx  context.Context //nolint:containedctx // of the payment that waits: a group takes nobody who has left
	item T
	done chan error // takes one
}

// do carries out an item. When ctx ends first it may be carried out all the same: what it writes is idempotent, and nobody
// looks at what it reads.
func (g *grouper[T]) do(ctx context.Context, item T) error {
	g.mu.Lock()
	if g.flying < groupCalls {
		g.flying++
		g.mu.Unlock()
		defer g.land()
		return g.alone(ctx, item)
	}
	one := &grouped[T]{ctx: ctx, item: item, done: make(chan error, 1)}
	g.waiting = append(g.waiting, one)
	g.mu.Unlock()
	select {
	case err := <-one.done:
		return err
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // the store's operations wrap it
	}
}

// alone makes a call for one item.
func (g *grouper[T]) alone(ctx context.Context, item T) error {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	each, err := g.call(ctx, []T{item})
	if err == nil && len(each) > 0 {
		err = each[0]
	}
	return err
}

// land ends a call. Whoever waited by then shares the next one.
func (g *grouper[T]) land() {
	if next := g.next(); len(next) > 0 {
		go func() {
			for ; len(next) > 0; next = g.next() {
				g.together(next)
			}
		}()
	}
}

// next takes those of the waiting who have not left. When there are none the call's place is free.
func (g *grouper[T]) next() []*grouped[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(one *grouped[T]) bool { return one.ctx.Err() != nil })
	n := min(len(g.waiting), groupSize)
	next := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	if n == 0 {
		g.flying--
	}
	return next
}

// together makes one call for all, within the time of the one that can wait longest.
func (g *grouper[T]) together(all []*grouped[T]) {
	items := make([]T, len(all))
	var last time.Time
	for i, one := range all {
		items[i] = one.item
		if end, ok := one.ctx.Deadline(); !ok {
			last = time.Now().Add(g.timeout)
		} else if end.After(last) {
			last = end
		}
	}
	ctx, cancel := context.WithDeadline(context.Background(), last)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, g.timeout)
	defer stop()
	each, err := g.call(ctx, items)
	for i, one := range all {
		failed := err
		switch {
		case err != nil && len(all) > 1 && blamesOne(err):
			failed = g.alone(one.ctx, one.item)
		case err == nil && len(each) > 0:
			failed = each[i]
		}
		one.done <- failed
	}
}

// blamesOne tells whether a call may have failed for what one of its payments asked for, and not for all alike.
func blamesOne(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted:
		return false
	default:
		return true
	}
}
