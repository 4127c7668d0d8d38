package event

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Read reads an envelope as Decoder.Transaction does, before validation.
func Read(e Envelope) (pix.Carried, error) {
	f := takeForm()
	defer f.free()
	if err := f.read("read", e, false); err != nil {
		return pix.Carried{}, err
	}
	return f.Carried, f.finish("read", f.message, nil)
}

// ReadReference reads an envelope through the generated message, with protojson and proto.
func ReadReference(e Envelope) (pix.Carried, error) {
	var m pixv1.Transaction
	if e.Attributes[AttrEncoding] != EncodingProto {
		e.Data = longNames(e.Data, m.ProtoReflect().Descriptor())
	}
	if err := open("reference", e, SchemaTransaction, &m); err != nil {
		return pix.Carried{}, err
	}
	var f form
	c := &f.Carried
	err := fromMessage(pix.Contract(), c, m.ProtoReflect())
	c.EventTime = c.EventTime.Truncate(time.Millisecond)
	own := f.hasTokens()
	if own && f.hasRaw() {
		return pix.Carried{}, errors.New("raw identifiers and tokens")
	}
	isProto := e.Attributes[AttrEncoding] == EncodingProto
	if isProto && defective(e.Data, m.ProtoReflect().Descriptor()) {
		return pix.Carried{}, errors.New("a field is given twice or of another type")
	}
	if !own && isProto && unknown(m.ProtoReflect(), e.Data) {
		return pix.Carried{}, errors.New("an unknown field")
	}
	if !own && !isProto && protojson.Unmarshal(e.Data, &m) != nil {
		return pix.Carried{}, errors.New("an unknown name")
	}
	if c.Direction == notRecognised || c.Initiation == notRecognised || c.Session.Duration.Or(0) < 0 {
		return pix.Carried{}, errors.New("out of bounds")
	}
	if replaceAll(c) && !own {
		return pix.Carried{}, errors.New("an unknown value")
	}
	return *c, err
}

// replaceAll gives unknown values of enumerations what they are read as, and tells whether one is lost.
func replaceAll(c *pix.Carried) (lost bool) {
	for _, p := range []*pix.PartyFacts{&c.PayerFacts, &c.PayeeFacts} {
		replaced(&p.AccountType, pix.UnknownAccount)
		replaced(&p.KeyKind, pix.UnknownKey)
	}
	pix.Walk(pix.Contract(), func(_, _ string, f *pix.Field) {
		if f.Text == nil || f.Text(&c.Facts) != notRecognised {
			return
		}
		reflect.ValueOf(f.Place(c)).Elem().SetString("")
		lost = true
	})
	return lost
}

func replaced[T ~string](v *T, with T) bool {
	if *v != notRecognised {
		return false
	}
	*v = with
	return true
}

// unknown tells whether data holds fields that m, made of it without them, does not have.
func unknown(m protoreflect.Message, data []byte) bool {
	all := m.New()
	if proto.Unmarshal(data, all.Interface()) != nil {
		return true
	}
	found := false
	var look func(protoreflect.Message)
	look = func(m protoreflect.Message) {
		found = found || len(m.GetUnknown()) > 0
		m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			if fd.Message() != nil {
				look(v.Message())
			}
			return true
		})
	}
	look(all)
	return found
}

// defective tells whether a field is given twice or has another wire type than its own, which proto tolerates.
func defective(data []byte, md protoreflect.MessageDescriptor) bool {
	seen := map[protowire.Number]bool{}
	for len(data) > 0 {
		number, typ, n := protowire.ConsumeField(data)
		if n < 0 {
			return false
		}
		fd := md.Fields().ByNumber(number)
		if fd != nil {
			if seen[number] || typ != wireType(fd) {
				return true
			}
			seen[number] = true
			_, _, tag := protowire.ConsumeTag(data)
			if fd.Message() != nil && typ == protowire.BytesType {
				body, _ := protowire.ConsumeBytes(data[tag:])
				if defective(body, fd.Message()) {
					return true
				}
			}
		}
		if fd == nil && md.FullName().Parent() == "google.protobuf" {
			return true
		}
		data = data[n:]
	}
	return false
}

func wireType(fd protoreflect.FieldDescriptor) protowire.Type {
	switch fd.Kind() {
	case protoreflect.StringKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.DoubleKind:
		return protowire.Fixed64Type
	default:
		return protowire.VarintType
	}
}

// EncodeReference is EncodeTransaction through the generated message.
func EncodeReference(tx *pix.Transaction) (Envelope, error) {
	var c pix.Carried
	c.Put(tx)
	m := &pixv1.Transaction{}
	if err := toMessage(pix.Contract(), &c, m.ProtoReflect()); err != nil {
		return Envelope{}, err
	}
	return seal(SchemaTransaction, tx.ID, m)
}

// FormDiffers says where a form's table is not what the .proto files declare, empty when nowhere.
func FormDiffers() []string {
	return slices.Concat(
		differs(newForm().message, (&pixv1.Transaction{}).ProtoReflect().Descriptor()),
		differs(statusForm(&pix.Status{}), (&pixv1.Status{}).ProtoReflect().Descriptor()),
		differs(labelForm(&pix.Label{}), (&pixv1.Label{}).ProtoReflect().Descriptor()),
	)
}

func differs(m message, md protoreflect.MessageDescriptor) []string {
	if len(m) != md.Fields().Len() || len(m) > 64 {
		return []string{string(md.Name()) + ": another number of fields"}
	}
	var found []string
	for i, f := range m {
		fd := md.Fields().Get(i)
		if int32(fd.Number()) != f.number || fd.JSONName() != f.name || fd.TextName() != snake(f.name) {
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
func EncodeSubmissionReference(s *pix.Submission) ([]byte, error) {
	m := &pixv1.Transaction{}
	if err := toMessage(pix.Contract(), &pix.Carried{Submission: *s}, m.ProtoReflect()); err != nil {
		return nil, err
	}
	return writeJSON(m)
}

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
func EncodeDecisionReference(d *pix.Decision) (Envelope, error) {
	var c pix.Carried
	c.Put(&d.Transaction)
	var e enums
	m := e.verdict(d)
	m.Transaction = &pixv1.Transaction{}
	if err := errors.Join(toMessage(pix.Contract(), &c, m.Transaction.ProtoReflect()), e.problems.Err("reference")); err != nil {
		return Envelope{}, err
	}
	out, err := seal(SchemaDecision, d.ID(), m)
	if err == nil {
		out.Attributes[AttrOutcome] = string(d.Outcome)
	}
	return out, err
}

// DecodeDecisionReference is DecodeDecision through the generated message.
func DecodeDecisionReference(e Envelope) (pix.Decision, error) { return decodeDecision(e) }

// AnswerReference is AnswerJSON through encoding/json.
func AnswerReference(d *pix.Decision) ([]byte, error) {
	a, err := answer("reference", d)
	if err != nil {
		return nil, err
	}
	a.add(d)
	return json.Marshal(&a)
}

// AnswersPlainly tells whether the short way writes an answer.
func AnswersPlainly(d *pix.Decision) bool {
	var w writer
	w.answer(&Answer{}, d)
	return !w.spoiled
}
