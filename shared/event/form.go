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
	places
	message
	findings
}

// places is what a Transaction message may carry.
type places struct {
	pix.Submission
	payer, payee pix.Party
	device, txid pix.TokenPair
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
	f.places = places{}
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
func (p *places) own() bool { return p.hasTokens() && !p.hasRaw() }

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

// transaction returns the payment, tokenised.
func (p *places) transaction() pix.Transaction {
	return pix.Transaction{Facts: p.Facts, Payer: p.payer, Payee: p.payee, DeviceToken: p.device, TxIDToken: p.txid}
}

// put takes the places of a tokenised payment.
func (p *places) put(tx *pix.Transaction) {
	p.Facts, p.payer, p.payee, p.device, p.txid = tx.Facts, tx.Payer, tx.Payee, tx.DeviceToken, tx.TxIDToken
}

func (p *places) hasRaw() bool {
	return p.Payer != (pix.RawParty{}) || p.Payee != (pix.RawParty{}) || p.DeviceID != "" || p.TxID != ""
}

func (p *places) hasTokens() bool {
	return p.payer != (pix.Party{}) || p.payee != (pix.Party{}) || p.device != (pix.TokenPair{}) || p.txid != (pix.TokenPair{})
}

// refuseTokens notes every token. A producer either tokenises or does not; a message that does both could tie a person to
// somebody else's history.
func (f *form) refuseTokens(reason string) {
	refuse := func(field string, given bool) {
		if given {
			f.note(field, reason+`, as in "document"`)
		}
	}
	none := pix.TokenPair{}
	refuse("payer.accountToken", f.payer.Account != none)
	refuse("payer.ownerToken", f.payer.Owner != none)
	refuse("payer.keyToken", f.payer.Key != none)
	refuse("payee.accountToken", f.payee.Account != none)
	refuse("payee.ownerToken", f.payee.Owner != none)
	refuse("payee.keyToken", f.payee.Key != none)
	refuse("device.token", f.device != none)
	refuse("txidToken", f.txid != none)
}

// Values that problems show as examples.
const (
	exampleID    = "E12345678202611231405aB3dE5fG7hI"
	exampleToken = "acct.1.AAAAAAAAAAAAAAAAAAAAAA"
)

func newForm() *form {
	f := &form{}
	s := &f.Submission
	f.message = message{
		{1, "endToEndId", text(&s.ID, exampleID)},
		{2, "eventTime", moment{&s.EventTime}},
		{3, "receivedAt", moment{&s.ReceivedAt}},
		{4, "direction", code(&s.Direction, closed, directionPrefix, pixv1.Direction_name)},
		{5, "amountCentavos", integer{&s.Amount}},
		{6, "initiation", code(&s.Initiation, closed, initiationPrefix, pixv1.Initiation_name)},
		{7, "purpose", code(&s.Purpose, extensible, purposePrefix, pixv1.Purpose_name)},
		{8, "priority", code(&s.Priority, extensible, priorityPrefix, pixv1.Priority_name)},
		{9, "serviceLevel", code(&s.ServiceLevel, extensible, serviceLevelPrefix, pixv1.ServiceLevel_name)},
		{10, "txid", text(&s.TxID, "fatura20261123")},
		{11, "payer", partyForm(&s.PayerFacts, &s.Payer, &f.payer)},
		{12, "payee", partyForm(&s.PayeeFacts, &s.Payee, &f.payee)},
		{13, "device", deviceForm(&s.Device, &s.DeviceID, &f.device)},
		{14, "session", sessionForm(&s.Session)},
		{15, "dict", dictForm(&s.DICT)},
		{16, "mandate", mandateForm(&s.Mandate)},
		{17, "samplingWeight", double{&s.SamplingWeight}},
		{18, "txidToken", tokenForm(&f.txid)},
	}
	return f
}

func partyForm(f *pix.PartyFacts, raw *pix.RawParty, tokens *pix.Party) message {
	return message{
		{1, "ispb", text(&f.ISPB, "12345678")},
		{2, "accountType", code(&f.AccountType, grows, accountTypePrefix, pixv1.AccountType_name)},
		{3, "person", code(&f.Person, extensible, personPrefix, pixv1.Person_name)},
		{4, "keyKind", code(&f.KeyKind, grows, keyKindPrefix, pixv1.KeyKind_name)},
		{5, "accountOpenedAt", maybeMoment{&f.AccountOpenedAt}},
		{6, "balanceCentavos", count(&f.Balance)},
		{7, "dailyLimitCentavos", count(&f.DailyLimit)},
		{8, "limitChangedAt", maybeMoment{&f.LimitChangedAt}},
		{9, "keyChangedAt", maybeMoment{&f.KeyChangedAt}},
		{10, "ageBand", text(&f.AgeBand, "25-34")},
		{11, "state", text(&f.State, "SP")},
		{12, "trustedPayee", flag{&f.TrustedPayee}},
		{20, "document", text(&raw.Document, "111.444.777-35")},
		{21, "branch", text(&raw.Branch, "0001")},
		{22, "account", text(&raw.Account, "7654321-0")},
		{23, "key", text(&raw.Key, "+5511999990000")},
		{24, "name", text(&raw.Name, "Maria Silva")},
		{30, "accountToken", tokenForm(&tokens.Account)},
		{31, "ownerToken", tokenForm(&tokens.Owner)},
		{32, "keyToken", tokenForm(&tokens.Key)},
	}
}

func tokenForm(p *pix.TokenPair) message {
	return message{{1, "current", text(&p.Current, exampleToken)}, {2, "previous", text(&p.Previous, exampleToken)}}
}

func deviceForm(f *pix.DeviceFacts, id *pix.Secret, token *pix.TokenPair) message {
	return message{
		{1, "firstSeenAt", maybeMoment{&f.FirstSeenAt}},
		{2, "registered", flag{&f.Registered}},
		{3, "remoteAccess", flag{&f.RemoteAccess}},
		{4, "callActive", flag{&f.CallActive}},
		{5, "emulator", flag{&f.Emulator}},
		{20, "id", text(id, "a3f2-android")},
		{30, "token", tokenForm(token)},
	}
}

func sessionForm(f *pix.SessionFacts) message {
	return message{
		{1, "duration", maybeSpan{&f.Duration}},
		{2, "failedLogins", count(&f.FailedLogins)},
		{3, "passwordResetAt", maybeMoment{&f.PasswordReset}},
		{4, "pastedKey", flag{&f.PastedKey}},
		{5, "distanceMetres", count(&f.DistanceMetres)},
	}
}

func mandateForm(f *pix.MandateFacts) message {
	return message{
		{1, "createdAt", maybeMoment{&f.CreatedAt}},
		{2, "firstCharge", flag{&f.FirstCharge}},
		{3, "initiatorOpenedAt", maybeMoment{&f.InitiatorOpened}},
		{4, "initiatorPayments", count(&f.InitiatorPayment)},
	}
}

func dictForm(f *pix.DICTSnapshot) message {
	counter := func(c *pix.DICTCounter) message {
		return message{{1, "d3", count(&c.D3)}, {2, "d30", count(&c.D30)}, {3, "m6", count(&c.M6)}}
	}
	return message{
		{1, "watermark", maybeMoment{&f.Watermark}},
		{2, "keyCreatedAt", maybeMoment{&f.KeyCreatedAt}},
		{3, "keyOwnedSince", maybeMoment{&f.KeyOwnedSince}},
		{4, "accountOpenedAt", maybeMoment{&f.AccountOpenedAt}},
		{5, "claimOpenedAt", maybeMoment{&f.ClaimOpenedAt}},
		{6, "settlements", counter(&f.Settlements)},
		{7, "fraudsReported", counter(&f.FraudsReported)},
		{8, "fraudsConfirmed", counter(&f.FraudsConfirmed)},
		{9, "muleMarkers", count(&f.MuleMarkers)},
		{10, "scammerMarkers", count(&f.ScammerMarkers)},
		{11, "distinctReporters", count(&f.DistinctReporters)},
		{12, "openInfractions", count(&f.OpenInfractions)},
		{13, "registeredAccounts", count(&f.RegisteredAccts)},
		{14, "long", dictLongForm(&f.Long)},
	}
}

func dictLongForm(f *pix.DICTLong) message {
	counter := func(c *pix.DICTLongCounter) message {
		return message{{1, "d90", count(&c.D90)}, {2, "m12", count(&c.M12)}, {3, "m60", count(&c.M60)}}
	}
	return message{
		{1, "watermark", maybeMoment{&f.Watermark}},
		{2, "settlements", counter(&f.Settlements)},
		{3, "applicationFrauds", counter(&f.ApplicationFrauds)},
		{4, "fraudCentavos", counter(&f.FraudCentavos)},
	}
}
