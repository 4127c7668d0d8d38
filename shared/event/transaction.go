package event

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// DecodeTransaction is Decoder.Transaction for a reader that counts nothing.
func DecodeTransaction(e Envelope, t *pix.Tokenizer, now time.Time) (pix.Transaction, error) {
	return Decoder{Tokenizer: t}.Transaction(e, now)
}

// Decoder reads payments.
type Decoder struct {
	Tokenizer *pix.Tokenizer     // of raw identifiers; nil where none come in
	Unknown   func(field string) // told of each enumeration whose value this release does not know; may be nil
	// Raw is for a door at which nothing of our own parts comes in. Tokens are refused there: whoever sends them could name
	// somebody's history without knowing the identifier.
	Raw bool
}

// Transaction reads a payment in either form (raw identifiers, which it tokenises, or tokens) and either encoding (JSON
// or proto), and validates it against now. Every problem is reported at once, as *pix.Problems under kind Invalid; other
// kinds are UnknownSchema and TooLarge, with *pix.Problems too. Each problem says what was expected, with an example,
// and none contains a value.
//
// What has tokens and no raw identifier was written by our own parts, perhaps by a newer release: fields that this one
// does not know are left out. Anything else is refused with them, because a field that is spelt wrongly is a signal lost.
func (d Decoder) Transaction(e Envelope, now time.Time) (pix.Transaction, error) {
	const op = "decode transaction"
	f := takeForm()
	defer f.free()
	if err := f.read(op, e, d.Raw); err != nil {
		return pix.Transaction{}, err
	}
	var tx pix.Transaction
	var invalid error
	if f.own() {
		tx = f.transaction()
		invalid = tx.Validate(now)
	} else {
		invalid = f.Validate(now)
	}
	if err := f.finish(op, f.message, invalid); err != nil {
		return pix.Transaction{}, err
	}
	if !f.own() {
		tx = d.Tokenizer.Tokenize(&f.Submission)
	}
	if d.Unknown != nil {
		for _, field := range f.unknown {
			d.Unknown(field)
		}
	}
	return tx, nil
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

// DecodeSubmissionJSON reads wire JSON with raw identifiers as Decoder.Transaction does, without validating: the caller
// has a clock and may want Submission.Validate.
func DecodeSubmissionJSON(data []byte) (pix.Submission, error) {
	const op = "decode submission"
	f := takeForm()
	defer f.free()
	if err := f.read(op, Envelope{Data: data}, true); err != nil {
		return pix.Submission{}, err
	}
	if err := f.finish(op, f.message, nil); err != nil {
		return pix.Submission{}, err
	}
	return f.Submission, nil
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
