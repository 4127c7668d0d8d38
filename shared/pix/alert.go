package pix

import "time"

// Alert is raised for every decision that is not an approval.
type Alert struct {
	ID        EndToEndID
	EventTime time.Time
	RaisedAt  time.Time
	Direction Direction
	Outcome   Outcome
	Amount    Money
	Payer     Token // account token
	Payee     Token
	PayerISPB ISPB
	PayeeISPB ISPB
	Score     float64 // highest probability of the roles that scored, NaN when none did
	Reasons   []Reason
	HoldUntil time.Time
}

// Validate reports every problem of an alert at once, as *Problems inside an Error of kind Invalid. One of our own parts
// made it, of a decision that was judged when it was made: see Made.
func (a *Alert) Validate(now time.Time) error {
	var p Problems
	p.Add("endToEndId", endToEndIDProblem(string(a.ID)))
	p.Add("eventTime", Made.Problem(a.EventTime, now))
	p.Add("raisedAt", Made.OptionalProblem(a.RaisedAt, now))
	p.Add("outcome", requiredCode(a.Outcome, Approve, Review, Block, Reject))
	p.Add("holdUntil", Due.OptionalProblem(a.HoldUntil, now))
	return p.Err("validate alert")
}
