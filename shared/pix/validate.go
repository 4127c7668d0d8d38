package pix

import "time"

// Validate reports every problem of a payment with raw identifiers at once, as *Problems inside an Error of kind
// Invalid. It never contains a value.
func (s *Submission) Validate(now time.Time) error {
	var p Problems
	s.Facts.validate(&p, now)
	return p.Err("validate submission")
}

// Validate reports every problem of a tokenised payment at once, as *Problems inside an Error of kind Invalid.
func (t *Transaction) Validate(now time.Time) error {
	var p Problems
	t.Facts.validate(&p, now)
	return p.Err("validate transaction")
}

// validate is implemented step by step below.
func (f *Facts) validate(p *Problems, _ time.Time) {
	p.Add("endToEndId", endToEndIDProblem(string(f.ID)))
}

// SamePayment reports whether two transactions under one EndToEndID are the same payment.
func SamePayment(a, b *Transaction) bool { return a.ID == b.ID && a.Amount == b.Amount }
