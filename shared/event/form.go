package event

import (
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// A payment is decoded twice per hop and millions of times in a replay, and going through the generated message costs
// more than everything that follows. A form is the short way for what programs write: the wire straight into the domain.
// It knows one thing only, plain messages; whatever is not plain (a repeated field, an escape that needs thought, a time
// out of range, a code nobody knows, and everything malformed) it hands back, and the generated message with protojson
// and proto decides. So there is one set of rules, and a test holds the two ways to the same answer.

// form is a payment whose fields are wired to their places in the domain. Making one takes longer than filling it, so
// forms are reused; free clears it, because it may hold raw identifiers.
type form struct {
	places
	message
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
	forms.Put(f)
}

// read fills the form from an envelope. False is not an error: somebody else has to look.
func (f *form) read(e Envelope) bool {
	if s := e.Attributes[AttrSchema]; len(e.Data) > MaxDataBytes || s != "" && s != SchemaTransaction {
		return false
	}
	ok := false
	switch e.Attributes[AttrEncoding] {
	case "", EncodingJSON:
		ok = f.readAll(e.Data)
	case EncodingProto:
		ok = f.readBody(e.Data)
	}
	f.EventTime = f.EventTime.Truncate(time.Millisecond)
	return ok && (!f.hasRaw() || !f.hasTokens()) // both together are refused with their names
}

// readPayment reads the payment of a proto decision, whose first field it is, and returns the decision without it.
func (f *form) readPayment(e Envelope) (rest Envelope, plain bool) {
	if len(e.Data) > MaxDataBytes || e.Attributes[AttrEncoding] != EncodingProto {
		return e, false
	}
	number, typ, n := protowire.ConsumeTag(e.Data)
	if n < 0 || number != paymentField {
		return e, false
	}
	size := f.readProto(typ, e.Data[n:])
	if size < 0 {
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

func newForm() *form {
	f := &form{}
	s := &f.Submission
	f.message = message{
		{1, "endToEndId", text(&s.ID)},
		{2, "eventTime", moment{&s.EventTime}},
		{3, "receivedAt", moment{&s.ReceivedAt}},
		{4, "direction", code(&s.Direction, directionPrefix, pixv1.Direction_name)},
		{5, "amountCentavos", integer{&s.Amount}},
		{6, "initiation", code(&s.Initiation, initiationPrefix, pixv1.Initiation_name)},
		{7, "purpose", code(&s.Purpose, purposePrefix, pixv1.Purpose_name)},
		{8, "priority", code(&s.Priority, priorityPrefix, pixv1.Priority_name)},
		{9, "serviceLevel", code(&s.ServiceLevel, serviceLevelPrefix, pixv1.ServiceLevel_name)},
		{10, "txid", text(&s.TxID)},
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
		{1, "ispb", text(&f.ISPB)},
		{2, "accountType", code(&f.AccountType, accountTypePrefix, pixv1.AccountType_name)},
		{3, "person", code(&f.Person, personPrefix, pixv1.Person_name)},
		{4, "keyKind", code(&f.KeyKind, keyKindPrefix, pixv1.KeyKind_name)},
		{5, "accountOpenedAt", maybeMoment{&f.AccountOpenedAt}},
		{6, "balanceCentavos", count(&f.Balance)},
		{7, "dailyLimitCentavos", count(&f.DailyLimit)},
		{8, "limitChangedAt", maybeMoment{&f.LimitChangedAt}},
		{9, "keyChangedAt", maybeMoment{&f.KeyChangedAt}},
		{10, "ageBand", text(&f.AgeBand)},
		{11, "state", text(&f.State)},
		{12, "trustedPayee", flag{&f.TrustedPayee}},
		{20, "document", text(&raw.Document)},
		{21, "branch", text(&raw.Branch)},
		{22, "account", text(&raw.Account)},
		{23, "key", text(&raw.Key)},
		{24, "name", text(&raw.Name)},
		{30, "accountToken", tokenForm(&tokens.Account)},
		{31, "ownerToken", tokenForm(&tokens.Owner)},
		{32, "keyToken", tokenForm(&tokens.Key)},
	}
}

func tokenForm(p *pix.TokenPair) message {
	return message{{1, "current", text(&p.Current)}, {2, "previous", text(&p.Previous)}}
}

func deviceForm(f *pix.DeviceFacts, id *pix.Secret, token *pix.TokenPair) message {
	return message{
		{1, "firstSeenAt", maybeMoment{&f.FirstSeenAt}},
		{2, "registered", flag{&f.Registered}},
		{3, "remoteAccess", flag{&f.RemoteAccess}},
		{4, "callActive", flag{&f.CallActive}},
		{5, "emulator", flag{&f.Emulator}},
		{20, "id", text(id)},
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
