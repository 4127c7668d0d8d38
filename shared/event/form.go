package event

import (
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Payments are read here and nowhere else: the wire, in either encoding, straight into the domain. Going through the
// generated message would cost more than everything that follows, and a second reader would be a second grammar. Tests
// hold this one to protojson and proto. It is stricter in three things: a field is given once, times and durations have
// the one form that the contract shows, and what is not in the contract is refused where raw identifiers may come in.

// form is a payment whose fields are wired to their places in the domain. Making one takes longer than filling it, so
// forms are reused; free clears it, because it may hold raw identifiers.
type form struct {
	pix.Carried
	message
	findings
	tokens []tokenPlace
}

// tokenPlace is where a form keeps the tokens of one entity.
type tokenPlace struct {
	path string
	kind pix.TokenKind
	to   *pix.TokenPair
}

// writeSize is the room for a payment to begin with, in bytes: most fit.
const writeSize = 768

// message is the fields of one message type, at most 64.
type message []field

// field is one field of a message: number and names as in the .proto file, and the place of its value.
type field struct {
	number int32
	name   string // in JSON
	value  value
}

// forms keeps forms that are not in use.
var forms = sync.Pool{New: func() any { return newForm() }} //nolint:gochecknoglobals // a pool holds no state

func takeForm() *form { return forms.Get().(*form) }

func (f *form) free() {
	f.Carried = pix.Carried{}
	f.findings = findings{around: f.around[:0]}
	forms.Put(f)
}

// read fills the form from an envelope, of raw identifiers alone or of either form. What is wrong inside is among the
// findings; an error is for an envelope that cannot be read at all.
func (f *form) read(op string, e Envelope, raw bool) error {
	if err := f.message.read(op, e, SchemaTransaction, &f.findings); err != nil {
		return err
	}
	f.EventTime = f.EventTime.Truncate(time.Millisecond)
	switch {
	case f.hasRaw():
		f.refuseTokens("given together with raw identifiers; send either of them")
	case raw:
		f.refuseTokens("a token, which is not taken here; send the identifier itself")
	}
	f.judge(f.own() && !raw)
	return nil
}

// read fills the places of a message from an envelope of its schema.
func (m message) read(op string, e Envelope, schema string, in *findings) error {
	encoding, err := check(op, e, schema)
	if err != nil {
		return err
	}
	if encoding == EncodingProto {
		m.readBytes(in, e.Data)
	} else {
		m.readText(in, e.Data)
	}
	if in.broken {
		return in.finish(op, m, nil)
	}
	return nil
}

// own tells what our own parts wrote: they hold tokens and never a raw identifier.
func (f *form) own() bool { return f.hasTokens() && !f.hasRaw() }

// readPayment reads the payment of a proto decision, whose first field it is, and returns the decision without it. One
// with a value that this release does not know is left to the generated message, which keeps the rest of it.
func (f *form) readPayment(e Envelope) (rest Envelope, plain bool) {
	if len(e.Data) > MaxDataBytes || e.Attributes[AttrEncoding] != EncodingProto {
		return e, false
	}
	number, typ, n := protowire.ConsumeTag(e.Data)
	if n < 0 || number != paymentField {
		return e, false
	}
	size := f.readProto(&f.findings, typ, e.Data[n:])
	if size < 0 || len(f.problems) > 0 || len(f.unknown) > 0 || slices.ContainsFunc(f.doubts, func(d doubt) bool { return d.value }) {
		return e, false
	}
	f.EventTime = f.EventTime.Truncate(time.Millisecond)
	return Envelope{Data: e.Data[n+size:], Attributes: e.Attributes}, true
}

func (f *form) hasRaw() bool {
	return f.Payer != (pix.RawParty{}) || f.Payee != (pix.RawParty{}) || f.DeviceID != "" || f.TxID != ""
}

func (f *form) hasTokens() bool {
	none := pix.TokenPair{}
	return f.PayerTokens != (pix.Party{}) || f.PayeeTokens != (pix.Party{}) || f.DeviceToken != none || f.TxIDToken != none
}

// refuseTokens notes every token. A producer either tokenises or does not; a message that does both could tie a person to
// somebody else's history.
func (f *form) refuseTokens(reason string) {
	for _, t := range f.tokens {
		if *t.to != (pix.TokenPair{}) {
			f.note(t.path, reason+`, as in "document"`)
		}
	}
}

// Values that problems show as examples.
const (
	exampleID    = "E12345678202611231405aB3dE5fG7hI"
	exampleToken = "acct.1.AAAAAAAAAAAAAAAAAAAAAA"
)

// newForm wires the contract's table to a form's places.
func newForm() *form {
	f := &form{}
	contract := pix.Contract()
	f.message = wire(contract, &f.Carried)
	pix.Walk(contract, func(path, _ string, entry *pix.Field) {
		if pair, ok := entry.Place(&f.Carried).(*pix.TokenPair); ok {
			f.tokens = append(f.tokens, tokenPlace{path, entry.Token, pair})
		}
	})
	return f
}

func wire(contract []pix.Field, c *pix.Carried) message {
	m := make(message, len(contract))
	for i := range contract {
		entry := &contract[i]
		m[i] = field{number: entry.Number, name: entry.Name}
		if entry.Fields != nil {
			m[i].value = wire(entry.Fields, c)
		} else {
			m[i].value = place(entry, c)
		}
	}
	return m
}

// place is the value of an entry by the type of its place. An enumeration also says how it grows.
func place(entry *pix.Field, c *pix.Carried) value {
	switch to := entry.Place(c).(type) {
	case *time.Time:
		return moment{to}
	case *pix.Optional[time.Time]:
		return maybeMoment{to}
	case *pix.Optional[time.Duration]:
		return maybeSpan{to}
	case *pix.Money:
		return integer{to}
	case *pix.Optional[pix.Money]:
		return count(to)
	case *pix.Optional[int64]:
		return count(to)
	case *pix.Optional[bool]:
		return flag{to}
	case *float64:
		return double{to}
	case *pix.Secret:
		return text(to, entry.Example)
	case *pix.EndToEndID:
		return text(to, entry.Example)
	case *pix.ISPB:
		return text(to, entry.Example)
	case *string:
		return text(to, entry.Example)
	case *pix.TokenPair:
		return message{{1, "current", text(&to.Current, exampleToken)}, {2, "previous", text(&to.Previous, exampleToken)}}
	default:
		return enumeration(to)
	}
}

// enumeration is the value of a place that takes a code.
func enumeration(to any) value {
	switch to := to.(type) {
	case *pix.Direction:
		return code(to, closed, directionPrefix, pixv1.Direction_name)
	case *pix.Initiation:
		return code(to, closed, initiationPrefix, pixv1.Initiation_name)
	case *pix.Purpose:
		return code(to, extensible, purposePrefix, pixv1.Purpose_name)
	case *pix.Priority:
		return code(to, extensible, priorityPrefix, pixv1.Priority_name)
	case *pix.ServiceLevel:
		return code(to, extensible, serviceLevelPrefix, pixv1.ServiceLevel_name)
	case *pix.AccountType:
		return code(to, grows, accountTypePrefix, pixv1.AccountType_name)
	case *pix.Person:
		return code(to, extensible, personPrefix, pixv1.Person_name)
	case *pix.KeyKind:
		return code(to, grows, keyKindPrefix, pixv1.KeyKind_name)
	default:
		return message(nil) // of no type that the contract has: TestFormIsTheContract says so
	}
}
