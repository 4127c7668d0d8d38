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
	// sameMoment is how far arrival and event time may lie apart and be one: what a payment takes to reach us, and clocks.
	// What comes later is seen at its arrival, where no date can hide what happened before.
	sameMoment = 2 * time.Second
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
}

// question is a request on its way through one decision.
type question struct {
	Request
	policy.Moments
	view   *pix.Transaction // Tx as it is seen: dated at its arrival, where that is later
	tooOld bool
}

// question works out what the moments of a payment mean.
func (e *Engine) question(r Request) *question {
	q := &question{Request: r, view: r.Tx}
	if q.Replay = r.Arrival.Replay; q.Replay {
		return q
	}
	at := r.Arrival.At
	if at.IsZero() {
		at = e.deps.Clock()
	}
	age := at.Sub(r.Tx.EventTime)
	q.tooOld = age > e.deps.MaxEventAge && !r.Arrival.Waited
	if age > e.deps.LateEventAge {
		q.Late = age
	}
	if age.Abs() > sameMoment {
		q.SeenAt = at
	}
	if age > sameMoment {
		view := *r.Tx
		view.EventTime = at
		q.view = &view
	}
	return q
}
