package client

import (
	"fmt"
	"time"
)

// ProvisionalError is the answer where no decision could be stored: the scorer had no store, no room, or not enough time within
// the budget. Its outcome, which is never Approve, holds until the decision is made: ask again with Decide after a while.
type ProvisionalError struct {
	EndToEndID string
	Outcome    Outcome
	HoldUntil  time.Time // UTC; zero when the outcome does not lapse
	Reasons    []Reason
}

// Error implements error.
func (e *ProvisionalError) Error() string {
	return "client: a provisional answer and no decision: " + string(e.Outcome)
}

// RefusedError is a request that the scorer will refuse every time, until it or the caller's rights change.
type RefusedError struct {
	Status int            // of HTTP; 409 when another payment has this EndToEndId
	Kind   string         // the problem's kind, as invalid or conflict; empty when it told none
	Detail string         // what to do about it
	Errors []FieldProblem // what is wrong with the payment
}

// FieldProblem is what is wrong with one field. It never holds the field's value.
type FieldProblem struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Error implements error.
func (e *RefusedError) Error() string { return fmt.Sprintf("client: refused with status %d", e.Status) }

// UnansweredError is a call that nobody answered in time, or who answered said to come back later than the deadline. A
// decision may have been made all the same. What to do with the payment now is the caller's own rule, never an approval.
type UnansweredError struct {
	Attempts   int
	RetryAfter time.Duration // what the last answer asked for; zero when it did not
	Err        error         // of the last attempt
}

// Error implements error.
func (e *UnansweredError) Error() string {
	return fmt.Sprintf("client: no answer after %d attempts: %v", e.Attempts, e.Err)
}

// Unwrap gives the last attempt's cause.
func (e *UnansweredError) Unwrap() error { return e.Err }

// AnswerError is an answer that is not the scorer's for this payment. It is a defect of whatever answers at the URL, and
// says nothing of the payment.
type AnswerError struct{ Reason string }

// Error implements error.
func (e *AnswerError) Error() string { return "client: not an answer of the scorer: " + e.Reason }
