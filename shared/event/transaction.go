package event

import (
	"time"

	"google.golang.org/protobuf/proto"

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
	f := takeForm()
	defer f.free()
	if err := d.read(f, e, now); err != nil {
		return pix.Transaction{}, err
	}
	if f.own() {
		return f.Transaction(), nil
	}
	return d.Tokenizer.Tokenize(&f.Submission), nil
}

// read fills a form and validates it.
func (d Decoder) read(f *form, e Envelope, now time.Time) error {
	const op = "decode transaction"
	if err := f.read(op, e, d.Raw); err != nil {
		return err
	}
	var invalid error
	if f.own() {
		tx := f.Transaction()
		invalid = tx.Validate(now)
	} else {
		invalid = f.Validate(now)
	}
	if err := f.finish(op, f.message, invalid); err != nil {
		return err
	}
	if d.Unknown != nil {
		for _, field := range f.unknown {
			d.Unknown(field)
		}
	}
	return nil
}

// Tokenised reads a payment as Transaction does and appends it to dst as EncodeTransaction writes it. It is both at once for
// whoever only passes a payment on: no payment is made between them. dst is returned as it was where it fails.
func (d Decoder) Tokenised(dst []byte, e Envelope, now time.Time) ([]byte, pix.EndToEndID, error) {
	f := takeForm()
	defer f.free()
	if err := d.read(f, e, now); err != nil {
		return dst, "", err
	}
	if !f.own() {
		d.Tokenizer.Replace(&f.Carried)
	}
	w := writer{out: dst, from: len(dst)}
	f.writeBody(&w)
	if err := f.written("encode transaction", &w); err != nil {
		return dst, "", err
	}
	return w.out, f.ID, nil
}

// EncodeTransaction writes a tokenised payment as proto.
func EncodeTransaction(tx *pix.Transaction) (Envelope, error) {
	f := takeForm()
	defer f.free()
	f.Put(tx)
	w := writer{out: make([]byte, 0, writeSize)}
	f.writeBody(&w)
	if err := f.written("encode transaction", &w); err != nil {
		return Envelope{}, err
	}
	return envelope(SchemaTransaction, tx.ID, w.out), nil
}

// written says why what was written as proto cannot be sent.
func (f *form) written(op string, w *writer) error {
	if !w.spoiled && len(w.out)-w.from <= MaxDataBytes {
		return nil
	}
	if !w.spoiled {
		return refuse(pix.TooLarge, op, tooLarge)
	}
	var p pix.Problems
	if f.unwritable(&p, ""); len(p.List) > 0 {
		return p.Err(op)
	}
	return &pix.Error{Kind: pix.Invalid, Op: op, Err: errUnwritable}
}

// EncodeSubmissionJSON writes a payment with raw identifiers as wire JSON, for people and the simulator. The same
// payment always gives the same bytes.
func EncodeSubmissionJSON(s *pix.Submission) ([]byte, error) {
	f := takeForm()
	defer f.free()
	f.Submission = *s
	w := writer{out: make([]byte, 0, 2*writeSize)}
	if f.writeJSON(&w, ""); !w.spoiled {
		return w.out, nil
	}
	const op = "encode submission"
	m, err := f.generated(op)
	if err != nil {
		return nil, err
	}
	data, err := writeJSON(m)
	return data, wrap(op, err)
}

// generated is the payment as a generated message, for what the short way does not write.
func (f *form) generated(op string) (*pixv1.Transaction, error) {
	var w writer
	f.writeBody(&w)
	if err := f.written(op, &w); err != nil {
		return nil, err
	}
	m := &pixv1.Transaction{}
	if err := proto.Unmarshal(w.out, m); err != nil {
		return nil, &pix.Error{Kind: pix.Unexpected, Op: op, Err: errUnwritable}
	}
	return m, nil
}

// DecodeSubmissionJSON reads wire JSON with raw identifiers as Decoder.Transaction does, without validating: the caller
// has a clock and may want Submission.Validate.
func DecodeSubmissionJSON(data []byte) (pix.Submission, error) {
	c, _, err := decodeJSON("decode submission", data, true)
	return c.Submission, err
}

// DecodeCarriedJSON reads wire JSON of either form as Decoder.Transaction does, and neither validates nor tokenises it. tokens
// tells which form it is.
func DecodeCarriedJSON(data []byte) (c pix.Carried, tokens bool, err error) {
	return decodeJSON("decode payment", data, false)
}

func decodeJSON(op string, data []byte, raw bool) (pix.Carried, bool, error) {
	f := takeForm()
	defer f.free()
	if err := f.read(op, Envelope{Data: data}, raw); err != nil {
		return pix.Carried{}, false, err
	}
	if err := f.finish(op, f.message, nil); err != nil {
		return pix.Carried{}, false, err
	}
	return f.Carried, f.own(), nil
}

// wrap adds the operation and keeps the kind.
func wrap(op string, err error) error { return pix.E(pix.KindOf(err), op, err) }
