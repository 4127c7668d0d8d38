package event

import (
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Content is everything that a Transaction message may carry, in the domain's words and before validation.
type Content struct {
	pix.Submission
	Payer, Payee pix.Party
	Device, TxID pix.TokenPair
}

// ReadPlainly reads an envelope the short way, if it is plain.
func ReadPlainly(e Envelope) (Content, bool) {
	f := takeForm()
	defer f.free()
	ok := f.read(e)
	return Content{f.Submission, f.payer, f.payee, f.device, f.txid}, ok
}

// ReadReference reads an envelope through the generated message.
func ReadReference(e Envelope) (Content, error) {
	var (
		m pixv1.Transaction
		r reader
	)
	if err := open(e, SchemaTransaction, &m, &r.problems); err != nil {
		return Content{}, err
	}
	tx := r.transaction(&m)
	return Content{r.submission(&m), tx.Payer, tx.Payee, tx.DeviceToken, tx.TxIDToken}, r.problems.Err("read reference")
}

// DecodeReference is DecodeTransaction through the generated message.
func DecodeReference(e Envelope, t *pix.Tokenizer, now time.Time) (pix.Transaction, error) {
	return decodeTransaction(e, t, now)
}

// EncodeReference is EncodeTransaction through the generated message.
func EncodeReference(tx *pix.Transaction) (Envelope, error) { return encodeTransaction(tx) }

// FormDiffers says where a form's table is not what the .proto files declare, empty when nowhere.
func FormDiffers() []string {
	return differs(newForm().message, (&pixv1.Transaction{}).ProtoReflect().Descriptor())
}

func differs(m message, md protoreflect.MessageDescriptor) []string {
	if len(m) != md.Fields().Len() || len(m) > 64 {
		return []string{string(md.Name()) + ": another number of fields"}
	}
	var found []string
	for i, f := range m {
		fd := md.Fields().Get(i)
		if int32(fd.Number()) != f.number || fd.JSONName() != f.name {
			found = append(found, string(fd.FullName()))
		}
		if names, ok := f.value.(interface{ values() []string }); ok {
			for n, name := range names.values() {
				if v := fd.Enum().Values().ByNumber(protoreflect.EnumNumber(n)); v == nil || string(v.Name()) != name {
					found = append(found, string(fd.FullName())+"."+name)
				}
			}
		}
		if inner, ok := f.value.(message); ok {
			found = append(found, differs(inner, fd.Message())...)
		}
	}
	return found
}

func (v codes[S]) values() []string { return v.names }

// EncodeSubmissionReference is EncodeSubmissionJSON through the generated message.
func EncodeSubmissionReference(s *pix.Submission) ([]byte, error) { return encodeSubmissionJSON(s) }

// WritesPlainly tells whether the short way writes a payment in JSON.
func WritesPlainly(s *pix.Submission) bool {
	f := takeForm()
	defer f.free()
	f.Submission = *s
	w := writer{}
	f.writeJSON(&w, "")
	return !w.spoiled
}

// EncodeDecisionReference is EncodeDecision through the generated message.
func EncodeDecisionReference(d *pix.Decision) (Envelope, error) { return encodeDecision(d) }

// DecodeDecisionReference is DecodeDecision through the generated message.
func DecodeDecisionReference(e Envelope) (pix.Decision, error) { return decodeDecision(e) }
