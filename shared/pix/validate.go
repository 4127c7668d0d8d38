package pix

import (
	"time"
	"unicode/utf8"
)

// Bounds of a payment. Those of people's facts are wide: they keep out what is certainly a defect of the producer, not
// what is merely unlikely.
const (
	maxIDSkew     = 12 * time.Hour
	maxSession    = 7 * 24 * time.Hour
	maxCount      = 1_000_000_000_000
	maxDistance   = 21_000_000 // metres: half of the Earth's circumference, rounded up
	maxName       = 140        // characters, as in pacs.008
	maxBranch     = 10
	maxAccount    = 34
	maxDeviceID   = 256
	maxReasonCode = 4 // ISO 20022 external codes
	states        = "AC AL AP AM BA CE DF ES GO MA MT MS MG PA PB PR PE PI RJ RN RS RO RR SC SP SE TO"
	notKnown      = "not one of the known values"
	outOfBounds   = "out of bounds"
	required      = "required"
)

// Validate reports every problem of a payment with raw identifiers at once, as *Problems inside an Error of kind
// Invalid. Fields carry the names of the wire format's JSON; no problem contains a value.
func (s *Submission) Validate(now time.Time) error {
	var p Problems
	s.validateFacts(&p, now)
	s.Payer.validate(&p, payerSide, &s.PayerFacts)
	s.Payee.validate(&p, payeeSide, &s.PayeeFacts)
	if s.Payer.Account == "" {
		p.addIn(payerSide, "account", required)
	}
	p.addIn(payeeSide, "account", payeeAccountProblem(s.Direction, s.Payee.Account != "", s.Payee.Key != ""))
	p.Add("device.id", textProblem(string(s.DeviceID), maxDeviceID, isPrintable))
	p.Add("txid", txIDProblem(s.TxID.Reveal(), s.Initiation))
	return p.Err("validate submission")
}

// Validate reports every problem of a tokenised payment at once, as *Problems inside an Error of kind Invalid. Fields
// carry the names of the wire format's JSON; no problem contains a value.
func (t *Transaction) Validate(now time.Time) error {
	var p Problems
	t.validateFacts(&p, now)
	t.Payer.validate(&p, payerSide)
	t.Payee.validate(&p, payeeSide)
	if t.Payer.Account.Current == "" {
		p.addIn(payerSide, "accountToken", required)
	}
	p.addIn(payeeSide, "accountToken", payeeAccountProblem(t.Direction, t.Payee.Account.Current != "", t.Payee.Key.Current != ""))
	p.Add("device.token", pairProblem(DeviceToken, t.DeviceToken))
	p.Add("txidToken", txIDTokenProblem(t.TxIDToken, t.Initiation))
	return p.Err("validate transaction")
}

// payeeAccountProblem asks for the payee's account where the payee is our customer; elsewhere a key will do.
func payeeAccountProblem(d Direction, account, key bool) string {
	switch {
	case account:
		return ""
	case d == Inbound || d == Internal:
		return required
	case !key:
		return "an account or a key is required"
	default:
		return ""
	}
}

func (r *RawParty) validate(p *Problems, side string, facts *PartyFacts) {
	document := r.Document.Reveal()
	p.addIn(side, "document", documentProblem(document))
	if person := documentPerson(document); person != "" && facts.Person != "" && person != facts.Person {
		p.addIn(side, "person", "does not match the document")
	}
	p.addIn(side, "branch", textProblem(r.Branch.Reveal(), maxBranch, isAccountCharacter))
	p.addIn(side, "account", textProblem(r.Account.Reveal(), maxAccount, isAccountCharacter))
	if r.Account != "" && numberSpelling(r.Account.Reveal()) == "" {
		p.addIn(side, "account", "must hold letters or digits")
	}
	p.addIn(side, "key", keyProblem(r.Key.Reveal(), facts.KeyKind))
	if name := r.Name.Reveal(); !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxName {
		p.addIn(side, "name", "must be UTF-8 of at most 140 characters")
	}
}

func isAccountCharacter(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '/' || c == ' '
}

func (r *Party) validate(p *Problems, side string) {
	p.addIn(side, "accountToken", pairProblem(AccountToken, r.Account))
	p.addIn(side, "ownerToken", pairProblem(OwnerToken, r.Owner))
	p.addIn(side, "keyToken", pairProblem(KeyToken, r.Key))
}

// pairProblem says what is wrong with the tokens of one entity, empty when nothing is or there are none.
func pairProblem(kind TokenKind, pair TokenPair) string {
	if pair == (TokenPair{}) {
		return ""
	}
	if pair.Current == "" {
		return "the previous token is given without the current one"
	}
	gotKind, version, ok := splitToken(string(pair.Current))
	if !ok || gotKind != kind {
		return "the current token is malformed or of another kind"
	}
	if pair.Previous == "" {
		return ""
	}
	gotKind, previous, ok := splitToken(string(pair.Previous))
	switch {
	case !ok || gotKind != kind:
		return "the previous token is malformed or of another kind"
	case previous == version:
		return "both tokens have the same key version"
	default:
		return ""
	}
}

// textProblem says what is wrong with a free identifier, empty when nothing is.
func textProblem(s string, most int, in func(byte) bool) string {
	switch {
	case len(s) > most:
		return "too long"
	case !every(s, in):
		return "holds a character that is not allowed"
	default:
		return ""
	}
}
