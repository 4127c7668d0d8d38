package pix

import "time"

// Label is what became known of a payment afterwards. One payment may get several; the newest ArrivedAt wins.
type Label struct {
	ID         EndToEndID
	EventTime  time.Time // of the payment, so that its partition is known
	ArrivedAt  time.Time // when we learnt it; nothing earlier may use it
	Fraud      bool
	Typology   Typology // empty when not fraud
	Source     string   // one of LabelSources
	Amount     Money    // disputed amount
	PayerToken Token    // account tokens, for marks on entities
	PayeeToken Token
}

// LabelSources returns who may know of a payment, the closed set in a fixed order: the MED, the institution's own desk, and
// a fraud marker in DICT.
func LabelSources() []string { return []string{"MED", "DESK", "DICT"} }

// Validate reports every problem of a label at once, as *Problems inside an Error of kind Invalid. Fields carry the names
// of the wire format's JSON; no problem contains a value. Of a payment's labels the newest arrival wins, so an arrival
// in the future would win for ever.
func (l *Label) Validate(now time.Time) error {
	var p Problems
	p.Add("endToEndId", endToEndIDProblem(string(l.ID)))
	p.Add("eventTime", Happened.Problem(l.EventTime, now))
	p.Add("arrivedAt", Happened.Problem(l.ArrivedAt, now))
	p.Add("arrivedAt", beforePayment(l.ArrivedAt, l.EventTime))
	p.Add("source", requiredCode(l.Source, LabelSources()...))
	if l.Amount < 0 || l.Amount > MaxAmount {
		p.Add("amountCentavos", "must be 0 to R$ 1 trillion")
	}
	p.Add("typology", typologyProblem(l.Typology))
	return p.Err("validate label")
}
