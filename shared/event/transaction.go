package event

import (
	"errors"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// DecodeTransaction reads a payment in either form (raw identifiers, which it tokenises, or tokens) and either encoding
// (JSON or proto), and validates it against now. Every problem is reported at once, as *pix.Problems under kind
// Invalid; other kinds are UnknownSchema and TooLarge. No error contains a value.
func DecodeTransaction(e Envelope, t *pix.Tokenizer, now time.Time) (pix.Transaction, error) {
	const op = "decode transaction"
	f := takeForm()
	defer f.free()
	if !f.read(e) {
		return decodeTransaction(e, t, now)
	}
	if !f.hasRaw() {
		tx := f.transaction()
		if err := tx.Validate(now); err != nil {
			return pix.Transaction{}, (&reader{}).finish(op, err)
		}
		return tx, nil
	}
	if err := f.Validate(now); err != nil {
		return pix.Transaction{}, (&reader{}).finish(op, err)
	}
	return t.Tokenize(&f.Submission), nil
}

// decodeTransaction is DecodeTransaction for everything, through the generated message.
func decodeTransaction(e Envelope, t *pix.Tokenizer, now time.Time) (pix.Transaction, error) {
	const op = "decode transaction"
	var (
		m pixv1.Transaction
		r reader
	)
	if err := open(e, SchemaTransaction, &m, &r.problems); err != nil {
		return pix.Transaction{}, wrap(op, err)
	}
	if !r.hasRaw(&m) {
		tx := r.transaction(&m)
		if err := r.finish(op, tx.Validate(now)); err != nil {
			return pix.Transaction{}, err
		}
		return tx, nil
	}
	s := r.submission(&m)
	r.refuseTokens(&m)
	if err := r.finish(op, s.Validate(now)); err != nil {
		return pix.Transaction{}, err
	}
	return t.Tokenize(&s), nil
}

// EncodeTransaction writes a tokenised payment as proto.
func EncodeTransaction(tx *pix.Transaction) (Envelope, error) {
	f := takeForm()
	defer f.free()
	f.put(tx)
	w := writer{out: make([]byte, 0, writeSize)}
	f.writeBody(&w)
	if w.spoiled || len(w.out) > MaxDataBytes {
		return encodeTransaction(tx)
	}
	return envelope(SchemaTransaction, tx.ID, w.out), nil
}

// encodeTransaction is EncodeTransaction for everything, through the generated message.
func encodeTransaction(tx *pix.Transaction) (Envelope, error) {
	const op = "encode transaction"
	var e enums
	m := e.transaction(tx)
	if err := e.problems.Err(op); err != nil {
		return Envelope{}, err
	}
	out, err := seal(SchemaTransaction, tx.ID, m, nil)
	return out, wrap(op, err)
}

// EncodeSubmissionJSON writes a payment with raw identifiers as wire JSON, for people and the simulator. The same
// payment always gives the same bytes.
func EncodeSubmissionJSON(s *pix.Submission) ([]byte, error) {
	f := takeForm()
	defer f.free()
	f.Submission = *s
	w := writer{out: make([]byte, 0, 2*writeSize)}
	f.writeJSON(&w, "")
	if w.spoiled {
		return encodeSubmissionJSON(s)
	}
	return w.out, nil
}

// encodeSubmissionJSON is EncodeSubmissionJSON for everything, through the generated message.
func encodeSubmissionJSON(s *pix.Submission) ([]byte, error) {
	const op = "encode submission"
	var e enums
	m := e.facts(&s.Facts)
	rawParty(m.Payer, &s.Payer)
	rawParty(m.Payee, &s.Payee)
	m.Txid = s.TxID.Reveal()
	if s.DeviceID != "" {
		if m.Device == nil {
			m.Device = &pixv1.Device{}
		}
		m.Device.Id = s.DeviceID.Reveal()
	}
	if err := e.problems.Err(op); err != nil {
		return nil, err
	}
	data, err := writeJSON(m)
	return data, wrap(op, err)
}

// DecodeSubmissionJSON reads wire JSON with raw identifiers. It does not validate: the caller has a clock and may want
// Submission.Validate.
func DecodeSubmissionJSON(data []byte) (pix.Submission, error) {
	const op = "decode submission"
	f := takeForm()
	defer f.free()
	if f.read(Envelope{Data: data}) && !f.hasTokens() {
		return f.Submission, nil
	}
	var (
		m pixv1.Transaction
		r reader
	)
	if err := open(Envelope{Data: data}, SchemaTransaction, &m, &r.problems); err != nil {
		return pix.Submission{}, wrap(op, err)
	}
	s := r.submission(&m)
	r.refuseTokens(&m)
	if err := r.problems.Err(op); err != nil {
		return pix.Submission{}, err
	}
	return s, nil
}

// finish joins the problems of reading with those of validating.
func (r *reader) finish(op string, invalid error) error {
	var p *pix.Problems
	if errors.As(invalid, &p) {
		r.problems.List = append(r.problems.List, p.List...)
	} else if invalid != nil {
		return wrap(op, invalid)
	}
	return r.problems.Err(op)
}

// wrap adds the operation and keeps the kind.
func wrap(op string, err error) error { return pix.E(pix.KindOf(err), op, err) }

// hasRaw reports whether any raw identifier is present.
func (r *reader) hasRaw(m *pixv1.Transaction) bool {
	return rawSide(m.GetPayer()) || rawSide(m.GetPayee()) || m.GetDevice().GetId() != "" || m.GetTxid() != ""
}

func rawSide(m *pixv1.Party) bool {
	return m.GetDocument() != "" || m.GetBranch() != "" || m.GetAccount() != "" || m.GetKey() != "" || m.GetName() != ""
}

// refuseTokens notes tokens in a message with raw identifiers. A producer either tokenises or does not; a message that
// does both could tie a person to somebody else's history.
func (r *reader) refuseTokens(m *pixv1.Transaction) {
	const reason = "given together with raw identifiers"
	refuse := func(field string, token *pixv1.Token) {
		if token.GetCurrent() != "" || token.GetPrevious() != "" {
			r.problems.Add(field, reason)
		}
	}
	refuse("payer.accountToken", m.GetPayer().GetAccountToken())
	refuse("payer.ownerToken", m.GetPayer().GetOwnerToken())
	refuse("payer.keyToken", m.GetPayer().GetKeyToken())
	refuse("payee.accountToken", m.GetPayee().GetAccountToken())
	refuse("payee.ownerToken", m.GetPayee().GetOwnerToken())
	refuse("payee.keyToken", m.GetPayee().GetKeyToken())
	refuse("device.token", m.GetDevice().GetToken())
	refuse("txidToken", m.GetTxidToken())
}

func (r *reader) submission(m *pixv1.Transaction) pix.Submission {
	return pix.Submission{
		Facts:    r.facts(m),
		Payer:    secretParty(m.GetPayer()),
		Payee:    secretParty(m.GetPayee()),
		DeviceID: pix.Secret(m.GetDevice().GetId()),
		TxID:     pix.Secret(m.GetTxid()),
	}
}

func secretParty(m *pixv1.Party) pix.RawParty {
	return pix.RawParty{
		Document: pix.Secret(m.GetDocument()),
		Branch:   pix.Secret(m.GetBranch()),
		Account:  pix.Secret(m.GetAccount()),
		Key:      pix.Secret(m.GetKey()),
		Name:     pix.Secret(m.GetName()),
	}
}

func rawParty(m *pixv1.Party, p *pix.RawParty) {
	m.Document, m.Branch, m.Account = p.Document.Reveal(), p.Branch.Reveal(), p.Account.Reveal()
	m.Key, m.Name = p.Key.Reveal(), p.Name.Reveal()
}

func (r *reader) transaction(m *pixv1.Transaction) pix.Transaction {
	return pix.Transaction{
		Facts:       r.facts(m),
		Payer:       tokenParty(m.GetPayer()),
		Payee:       tokenParty(m.GetPayee()),
		DeviceToken: tokenPair(m.GetDevice().GetToken()),
		TxIDToken:   tokenPair(m.GetTxidToken()),
	}
}

func tokenParty(m *pixv1.Party) pix.Party {
	return pix.Party{
		Account: tokenPair(m.GetAccountToken()),
		Owner:   tokenPair(m.GetOwnerToken()),
		Key:     tokenPair(m.GetKeyToken()),
	}
}

func tokenPair(m *pixv1.Token) pix.TokenPair {
	return pix.TokenPair{Current: pix.Token(m.GetCurrent()), Previous: pix.Token(m.GetPrevious())}
}

func (e *enums) transaction(tx *pix.Transaction) *pixv1.Transaction {
	m := e.facts(&tx.Facts)
	partyTokens(m.Payer, &tx.Payer)
	partyTokens(m.Payee, &tx.Payee)
	m.TxidToken = tokenMessage(tx.TxIDToken)
	if token := tokenMessage(tx.DeviceToken); token != nil {
		if m.Device == nil {
			m.Device = &pixv1.Device{}
		}
		m.Device.Token = token
	}
	return m
}

func partyTokens(m *pixv1.Party, p *pix.Party) {
	m.AccountToken, m.OwnerToken, m.KeyToken = tokenMessage(p.Account), tokenMessage(p.Owner), tokenMessage(p.Key)
}

func tokenMessage(p pix.TokenPair) *pixv1.Token {
	if p == (pix.TokenPair{}) {
		return nil
	}
	return &pixv1.Token{Current: string(p.Current), Previous: string(p.Previous)}
}
