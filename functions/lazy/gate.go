package lazy

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// linger is the moment in which the last answers leave: a handler returns just before its answer is written. One that is
// cut all the same is asked for again, and is the same then.
const linger = 100 * time.Millisecond

// gate counts the requests that are under way, and lets none in once it is closed.
type gate struct {
	mu     sync.Mutex
	inside int
	empty  chan struct{} // not nil once closed; itself closed when nobody is inside any more
}

// enter reports whether a request may begin. One that did must leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.empty != nil {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.empty != nil {
		close(g.empty)
	}
}

// drain closes the gate, once, and waits until nobody is inside.
func (g *gate) drain(ctx context.Context) error {
	g.mu.Lock()
	g.empty = make(chan struct{})
	left := g.inside
	if left == 0 {
		close(g.empty)
	}
	g.mu.Unlock()
	select {
	case <-g.empty:
	case <-ctx.Done():
		return fmt.Errorf("requests are under way: %w", ctx.Err())
	}
	if left > 0 {
		time.Sleep(linger)
	}
	return nil
}
