package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Part is what a decision had to do without.
type Part string

// The parts. The set is closed: it is a metric's label.
const (
	PartStore       Part = "store"       // the event was not written or the histories were not read in time
	PartOverload    Part = "overload"    // too many decisions were in flight
	PartCommit      Part = "commit"      // the decision could not be stored; the answer is provisional
	PartModel       Part = "model"       // a champion gave no usable score
	PartExplanation Part = "explanation" // a score could not be explained
	PartShadow      Part = "shadow"      // a challenger gave no usable score, or not in time
)

// Parts lists every part, so that metrics exist before the first failure.
func Parts() []Part {
	return []Part{PartStore, PartOverload, PartCommit, PartModel, PartExplanation, PartShadow}
}

// DegradedError is a failure that an answer survived.
type DegradedError struct {
	Part Part
	Err  error
}

// Error implements error.
func (d *DegradedError) Error() string { return string(d.Part) + ": " + d.Err.Error() }

// Unwrap gives the cause.
func (d *DegradedError) Unwrap() error { return d.Err }

// degraded reports a failure that the answer survives.
func (e *Engine) degraded(part Part, err error) {
	e.deps.Degraded(&DegradedError{Part: part, Err: err})
}

// survivable reports whether a decision can go on without what failed: a store that is slow, away or ill. What is wrong
// with the payment, and a caller that has gone, end it.
func survivable(err error) bool {
	switch pix.KindOf(err) {
	case pix.Unavailable, pix.Timeout, pix.Unexpected:
		return true
	default:
		return false
	}
}

// failure wraps an error of a port with its operation and keeps its kind; an error without one is classified by the
// context's.
func failure(op string, err error) error {
	kind := pix.KindOf(err)
	if kind == pix.Unexpected {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			kind = pix.Timeout
		case errors.Is(err, context.Canceled):
			kind = pix.Cancelled
		}
	}
	return pix.E(kind, op, err)
}

// panicked describes a panic by its place, and by its text only when that is the runtime's: any other may hold a
// payload.
func panicked(value any) error {
	text := "panic"
	var fault runtime.Error
	if err, ok := value.(error); ok && errors.As(err, &fault) {
		text = fault.Error()
	}
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Errorf("%s in %s line %d", text, frame.Function, frame.Line)
		}
		if !more {
			return errors.New(text)
		}
	}
}
