package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// Component is one part of a process. Each function may be nil.
type Component struct {
	Name string
	// Start returns once the part is ready for the parts after it. Its context ends when the process must stop.
	Start func(ctx context.Context) error
	// Run does the work and blocks. Its context ends only when it is this part's turn to stop, so parts that started
	// later have stopped by then. Returning early, with or without an error, stops the whole process.
	Run func(ctx context.Context) error
	// Stop ends the part within the context's deadline: flush, drain, close. It is called before Run's context ends.
	Stop func(ctx context.Context) error
}

// ErrDeadline is wrapped by the error of a part that did not stop within the grace time.
var ErrDeadline = errors.New("did not stop in time")

// Run starts the components in order and blocks until ctx ends, SIGINT or SIGTERM arrives, or a component returns
// from its Run. Then it stops them in reverse order within grace, each in at most half of the time that is left and the
// last in all of it. It returns every error joined, nil after a clean stop. A second signal ends the process at once.
func Run(ctx context.Context, grace time.Duration, components ...Component) error {
	ctx, stopSignals := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stopSignals()
	// At once, and not when all has started: a start that hangs must not swallow the second signal.
	defer context.AfterFunc(ctx, stopSignals)()
	return run(ctx, grace, components)
}

// started is a component whose Start succeeded.
type started struct {
	Component
	cancel context.CancelFunc
	done   chan struct{}
	err    error // written before done is closed
}

func run(ctx context.Context, grace time.Duration, components []Component) error {
	ended := make(chan struct{}, len(components))
	running, failure := startAll(ctx, components, ended)
	if failure == nil {
		select {
		case <-ctx.Done():
		case <-ended:
		}
	}

	failures := []error{failure}
	deadline := time.Now().Add(grace)
	for i, s := range slices.Backward(running) {
		failures = append(failures, s.stop(context.WithoutCancel(ctx), share(time.Until(deadline), i)))
	}
	return errors.Join(failures...)
}

// share is the time one part gets to stop: half of what is left while others wait, so that a request that hangs does
// not take the time in which the publisher would have flushed.
func share(left time.Duration, waiting int) time.Duration {
	if waiting == 0 {
		return left
	}
	return left / 2
}

// startAll starts components until one fails or the process is told to stop, which is no failure.
func startAll(ctx context.Context, components []Component, ended chan<- struct{}) ([]*started, error) {
	running := make([]*started, 0, len(components))
	for _, c := range components {
		if ctx.Err() != nil {
			break
		}
		if c.Start != nil {
			if err := c.Start(ctx); err != nil {
				return running, startError(ctx, c.Name, err)
			}
		}
		running = append(running, launch(ctx, c, ended))
	}
	return running, nil //nolint:nilerr // told to stop before all had started: no failure
}

// startError leaves out the cancellation that the process itself asked for.
func startError(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return fmt.Errorf("start %s: %w", name, err)
}

// launch runs the component on its own goroutine, with a context that outlives the process's own until its turn.
func launch(ctx context.Context, c Component, ended chan<- struct{}) *started {
	s := &started{Component: c, done: make(chan struct{})}
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	if c.Run == nil {
		close(s.done)
		return s
	}
	go func() {
		defer close(s.done)
		if err := c.Run(runCtx); err != nil && (!errors.Is(err, context.Canceled) || runCtx.Err() == nil) {
			s.err = fmt.Errorf("run %s: %w", c.Name, err)
		}
		ended <- struct{}{}
	}()
	return s
}

// stop ends one component and waits for it, or gives up after its time.
func (s *started) stop(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stopped := make(chan error, 1)
	go func() {
		defer s.cancel()
		if s.Stop == nil {
			stopped <- nil
			return
		}
		stopped <- s.Stop(ctx)
	}()
	var stopErr error
	select {
	case err := <-stopped:
		if err != nil {
			stopErr = fmt.Errorf("stop %s: %w", s.Name, err)
		}
	case <-ctx.Done():
		s.cancel()
		return s.giveUp()
	}
	select {
	case <-s.done:
		return errors.Join(s.err, stopErr)
	case <-ctx.Done():
		return errors.Join(stopErr, s.giveUp())
	}
}

// giveUp names the component that is left behind. Its goroutines end with the process.
func (s *started) giveUp() error {
	return fmt.Errorf("stop %s: %w", s.Name, ErrDeadline)
}
