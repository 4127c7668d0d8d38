package demo

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Bounds of waiting. Each is far above what a slow machine needs for one step, and there is a line to read meanwhile.
const (
	startLimit    = 5 * time.Minute  // for five services and the models: compiled code, on a busy machine
	queryLimit    = 5 * time.Minute  // for one question to BigQuery
	stalledLimit  = 2 * time.Minute  // without any progress
	abandonAfter  = 10 * time.Second // for a step that was told to end and does not
	progressEvery = time.Second
	quietEvery    = 10 * time.Second // while a line would say nothing new
)

// errStalled is the cause of a step that was ended because nothing moved.
var errStalled = errors.New("nothing moves")

// patience bounds one step of the demo: it prints where the step is, and ends it when that does not change for too long.
type patience struct {
	out   *narrator
	what  string
	limit time.Duration
	where func() string // nil says that there is no progress to be seen: limit is then the whole time
}

// run does the step. Its context ends with ctx or when patience does; a step that goes on all the same is left behind, so
// that the demo always ends.
func (p patience) run(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- step(ctx) }()
	watched, stop := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		p.watch(watched, cancel)
	}()
	defer func() { stop(); <-over }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		select {
		case err = <-done:
		case <-time.After(abandonAfter):
			return fmt.Errorf("%s does not end and is left behind: %w", p.what, context.Cause(ctx))
		}
	}
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errStalled) {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return err
}

// watch prints and counts until ctx ends.
func (p patience) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	began := time.Now()
	where, moved, told := p.at(), began, began
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		now := time.Now()
		if at := p.at(); at != where {
			where, moved, told = at, now, now
			p.out.line("%s", at)
		}
		if now.Sub(told) >= quietEvery {
			told = now
			p.out.line("%s: waiting for %.0f s; %s", p.what, now.Sub(moved).Seconds(), where)
		}
		if now.Sub(moved) >= p.limit {
			cancel(fmt.Errorf("%s: %w for %s; %s", p.what, errStalled, p.limit, where))
			return
		}
	}
}

func (p patience) at() string {
	if p.where == nil {
		return "no answer yet"
	}
	return p.where()
}
