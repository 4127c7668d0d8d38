package engine

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// Bounds of a payment's age: from its event time, which its sender states, to its arrival, which a server does.
const (
	// DefaultMaxEventAge is the age above which a live payment is refused. An EndToEndId is valid within 12 hours of the
	// minute in it.
	DefaultMaxEventAge = 24 * time.Hour
	// DefaultLateEventAge is the age above which it is not approved.
	DefaultLateEventAge = 10 * time.Minute
	// maxAhead is how far before its event time a payment may come and be approved. Servers keep their clocks closer to one
	// another than that: either the date is false, or the clock that stamped the arrival is slow and hides what happened last.
	maxAhead = 5 * time.Second
)

// tooOld says what to mend, as a refusal of the payment's form does.
func tooOld(limit time.Duration) error {
	var p pix.Problems
	p.Add("eventTime", "more than "+limit.String()+" before the payment came; a payment that is not live has to be sent as a replay")
	return pix.E(pix.TooOld, "decide", &p)
}

// Request is a payment with what a door knows of it.
type Request struct {
	Tx      *pix.Transaction
	Arrival pix.Arrival
	TraceID string // goes into a decision made by this call; may be empty
	// Budget is what is left of the time that whoever asks gives for an answer; zero means that it gives what Deps do.
	Budget time.Duration
}

// question is a request on its way through one decision. Its Tx is a copy that says when the payment came.
type question struct {
	Request
	policy.Moments
	allowance
	tooOld bool
}

// question works out what the moments of a payment mean.
func (e *Engine) question(r Request) *question {
	q := &question{Request: r, allowance: e.allow(r.Budget)}
	if q.Replay = r.Arrival.Replay; q.Replay {
		return q
	}
	at := r.Arrival.At
	if at.IsZero() {
		at = e.deps.Clock()
	}
	tx := *r.Tx
	tx.ReceivedAt = at.UTC().Truncate(time.Millisecond) // whatever its sender says of it
	q.Tx = &tx
	age := tx.ReceivedAt.Sub(tx.EventTime)
	q.tooOld = age > e.deps.MaxEventAge && !r.Arrival.Waited
	switch {
	case age > e.deps.LateEventAge:
		q.Late = age
	case -age > maxAhead:
		q.Ahead = -age
	}
	return q
}

// displaced reports whether the payment does not stand at its event time. Another delivery of it may then have come at
// another moment, and stand there.
func (q *question) displaced() bool { return !q.Tx.Moment().Equal(q.Tx.EventTime) }
