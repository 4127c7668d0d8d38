package pix

import "errors"

// Kind classifies an error by what must happen to the message that caused it. The set is closed: Kind.Disposition has
// one row for each.
type Kind int

// The kinds. The zero value is Unexpected, so an unclassified error is retried and never dropped.
const (
	Unexpected    Kind = iota // a defect or an unknown failure: retry
	Invalid                   // the message breaks the contract
	UnknownSchema             // the message is of a type or version we do not know
	TooLarge                  // the message is above a bound
	Conflict                  // another payment already has this EndToEndID
	TooOld                    // the payment came too long after its event time
	Unavailable               // a dependency refused or is away: retry
	Overloaded                // there is no room for it now: retry later
	Timeout                   // a deadline passed: retry
	Cancelled                 // whoever asked has gone, or we are stopping: retry elsewhere
)

// Disposition says what an edge does with a message whose handling ended in an error.
type Disposition struct {
	Label      string // metric label, and the dead letter's reason attribute
	HTTPStatus int    // answer over HTTP
	Ack        bool   // acknowledge to the broker: true only with DeadLetter
	DeadLetter bool   // publish to the dead-letter topic first
}

// Disposition is the one table that maps a kind to HTTP status, acknowledgement, dead-lettering and metric label.
func (k Kind) Disposition() Disposition {
	switch k {
	case Invalid:
		return Disposition{"invalid", 400, true, true}
	case UnknownSchema:
		return Disposition{"unknown_schema", 400, true, true}
	case TooLarge:
		return Disposition{"too_large", 413, true, true}
	case Conflict:
		return Disposition{"conflict", 409, true, true}
	case TooOld:
		return Disposition{"too_old", 422, true, true}
	case Unavailable:
		return Disposition{"unavailable", 503, false, false}
	case Overloaded:
		return Disposition{"overloaded", 429, false, false}
	case Timeout:
		return Disposition{"timeout", 504, false, false}
	case Cancelled:
		return Disposition{"cancelled", 503, false, false}
	default:
		return Disposition{"internal", 500, false, false}
	}
}

// String returns the metric label.
func (k Kind) String() string { return k.Disposition().Label }

// Error is an error with a kind and the operation that failed. Its text never carries a payload.
type Error struct {
	Kind Kind
	Op   string
	Err  error
}

// Error implements error as "operation: cause".
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Op + ": " + e.Kind.String()
	}
	return e.Op + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// E wraps err with its kind and operation. It returns nil for a nil err.
func E(kind Kind, op string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Op: op, Err: err}
}

// KindOf returns the kind of the outermost Error in err's chain, Unexpected when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unexpected
}
