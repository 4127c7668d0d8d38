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
