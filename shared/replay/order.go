package replay

import (
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// window is how far the lines of a log may be out of order and be put right: as far as a payment may be dated ahead of its
// arrival, so that a log in order of event time and one in order of arrival are both within it.
const window = pix.MaxClockSkew

// DisorderError is a line that belongs before lines that were replayed already. What was served by then knows too much or
// too little, so there is no going on.
type DisorderError struct {
	Status bool          // of a status, else of a payment
	Line   int           // 0 outside a file
	Newest int           // the line that it comes too long after
	Back   time.Duration // by how much
}

// Error implements error.
func (e *DisorderError) Error() string {
	if e.Status {
		return fmt.Sprintf("line %d: the status occurred %v before that of line %d: more than %v out of order", e.Line, e.Back, e.Newest, window)
	}
	return fmt.Sprintf("line %d: the payment became visible %v before that of line %d was made: more than %v out of order", e.Line, e.Back, e.Newest, window)
}

// PaymentMoment is what lines of payments are sorted by, in milliseconds: when the payment became visible.
func PaymentMoment(line []byte) (int64, error) {
	c, _, err := event.DecodeCarriedJSON(line)
	return visibleAt(&c.Facts).UnixMilli(), err
}

// StatusMoment is what lines of statuses are sorted by, in milliseconds.
func StatusMoment(line []byte) (int64, error) {
	s, err := decodeStatus(line)
	return s.OccurredAt.UnixMilli(), err
}

// visibleAt is when a payment became visible to us.
func visibleAt(f *pix.Facts) time.Time {
	if f.ReceivedAt.IsZero() {
		return f.EventTime
	}
	return f.ReceivedAt
}

// order follows a log and says up to which moment all of it is known.
type order struct {
	sorted bool  // there is nothing to wait for
	known  int64 // milliseconds: what comes from here on is not earlier
	newest int   // the line that says so
	line   int   // that is being read
}

// see takes one line's own moment and its newest, and returns a DisorderError when it comes too late.
func (o *order) see(visible, newest int64) *DisorderError {
	if visible < o.known {
		return &DisorderError{Line: o.line, Newest: o.newest, Back: o.back(visible)}
	}
	known := newest - window.Milliseconds()
	if o.sorted {
		known = visible
	}
	if known > o.known {
		o.known, o.newest = known, o.line
	}
	return nil
}

func (o *order) back(visible int64) time.Duration {
	back := time.Duration(o.known-visible) * time.Millisecond
	if !o.sorted {
		back += window
	}
	return back
}
