package pix

import "time"

// PaymentState is how a payment ended.
type PaymentState string

// The states. A payment may be settled first and returned later, in parts.
const (
	Settled  PaymentState = "SETTLED"  // in SPI
	Rejected PaymentState = "REJECTED" // refused before settlement (pacs.002)
	Returned PaymentState = "RETURNED" // settled, then returned in whole or in part (pacs.004)
)

// Status says how a payment ended, or that a part of it was returned. It names nobody: whose rows it marks is known from
// the decision on the payment.
type Status struct {
	ID         EndToEndID
	EventTime  time.Time // of the payment, UTC
	State      PaymentState
	OccurredAt time.Time // UTC
	ReturnID   string    // of a return: "D" and 31 characters; tells partial returns of one payment apart
	ReasonCode string    // of pacs.002 or pacs.004, for example FRAD or BE08; may be empty
	Returned   Money     // of a return: its amount
}

// Validate reports every problem of a status at once, as *Problems inside an Error of kind Invalid. Fields carry the
// names of the wire format's JSON; no problem contains a value.
func (s *Status) Validate(now time.Time) error {
	var p Problems
	p.Add("endToEndId", endToEndIDProblem(string(s.ID)))
	p.Add("eventTime", Happened.Problem(s.EventTime, now))
	p.Add("state", requiredCode(s.State, Settled, Rejected, Returned))
	p.Add("occurredAt", Happened.Problem(s.OccurredAt, now))
	p.Add("occurredAt", beforePayment(s.OccurredAt, s.EventTime))
	if len(s.ReasonCode) > maxReasonCode || !every(s.ReasonCode, isUpperAlphanumeric) {
		p.Add("reasonCode", "must be at most 4 characters 0-9 or A-Z")
	}
	s.validateReturn(&p)
	return p.Err("validate status")
}

// beforePayment refuses a time at which something became of a payment that had not been made.
func beforePayment(t, eventTime time.Time) string {
	if !t.IsZero() && eventTime.Sub(t) > MaxClockSkew {
		return "more than 5 minutes before eventTime"
	}
	return ""
}

// validateReturn asks for a return's id and amount, and refuses both on anything else: read as a return, a settlement
// would take money out of an account's history.
func (s *Status) validateReturn(p *Problems) {
	const none = "must be missing unless the state is RETURNED"
	if s.State == Returned {
		p.Add("returnId", idProblem(s.ReturnID, 'D'))
		if s.Returned <= 0 || s.Returned > MaxAmount {
			p.Add("returnedCentavos", "must be more than 0 and at most R$ 1 trillion")
		}
		return
	}
	if s.ReturnID != "" {
		p.Add("returnId", none)
	}
	if s.Returned != 0 {
		p.Add("returnedCentavos", none)
	}
}
