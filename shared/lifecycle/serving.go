package lifecycle

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Reasons why a process takes no requests.
var (
	errStarting = errors.New("starting")
	errDraining = errors.New("draining")
)

// Serving is whether a process takes requests: after everything has started, and until it is told to stop. The zero value
// is starting.
type Serving struct{ state atomic.Int32 }

const (
	stateStarting = iota
	stateServing
	stateDraining
)

// Component is the last part of a process: it serves once all others have started. When it stops, first of all, it says
// so and lets delay pass before the listener closes: a load balancer goes on sending until it has noticed.
func (s *Serving) Component(delay time.Duration) Component {
	return Component{
		Name:  "serving",
		Start: func(context.Context) error { s.state.Store(stateServing); return nil },
		Stop: func(ctx context.Context) error {
			s.state.Store(stateDraining)
			select {
			case <-time.After(delay):
			case <-ctx.Done():
			}
			return nil
		},
	}
}

// Condition is the process's own: while it starts or drains another one must be asked.
func (s *Serving) Condition() Condition {
	return Condition{Name: "serving", Own: true, Check: func() error {
		switch s.state.Load() {
		case stateServing:
			return nil
		case stateDraining:
			return errDraining
		default:
			return errStarting
		}
	}}
}
