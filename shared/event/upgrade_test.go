package event_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// newerTransaction is the type of a release in which every message has another field and every enumeration another value.
func newerTransaction(t *testing.T) protoreflect.MessageType {
	t.Helper()
	enums := protodesc.ToFileDescriptorProto(pixv1.File_pix_v1_enums_proto)
	for _, e := range enums.GetEnumType() {
		first := e.GetValue()[0].GetName()
		e.Value = append(e.Value, &descriptorpb.EnumValueDescriptorProto{
			Name: proto.String(first[:len(first)-len("UNSPECIFIED")] + "LATER"), Number: proto.Int32(77)})
	}
	file := protodesc.ToFileDescriptorProto(pixv1.File_pix_v1_transaction_proto)
	for _, m := range file.GetMessageType() {
		m.Field = append(m.Field, &descriptorpb.FieldDescriptorProto{
			Name: proto.String("later_fact"), JsonName: proto.String("laterFact"), Number: proto.Int32(900),
			Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum()})
	}
	set := &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{enums, file}}
	for imports, i := file.GetDependency(), 0; i < len(imports); i++ {
		if path := imports[i]; path != "pix/v1/enums.proto" {
			set.File = append(set.File, protodesc.ToFileDescriptorProto(pixv1.File_pix_v1_transaction_proto.Imports().Get(i).FileDescriptor))
		}
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		t.Fatal(err)
	}
	d, err := files.FindDescriptorByName("pix.v1.Transaction")
	if err != nil {
		t.Fatal(err)
	}
	return dynamicpb.NewMessageType(d.(protoreflect.MessageDescriptor))
}

// renew gives every message what only the newer release has, and every enumeration that has a value the newest, but for
// those without which nothing can be decided.
func renew(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() != nil:
			renew(v.Message())
		case fd.Enum() != nil && fd.Name() != "direction" && fd.Name() != "initiation":
			m.Set(fd, protoreflect.ValueOfEnum(77))
		}
		return true
	})
	if fd := m.Descriptor().Fields().ByName("later_fact"); fd != nil {
		m.Set(fd, protoreflect.ValueOfString("a fact that this release does not know"))
	}
}

// TestUpgradeInEitherOrder: what a newer release of our own parts wrote is read here, in either encoding: what it knows
// and this one does not is left out, and the values are counted.
func TestUpgradeInEitherOrder(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	old, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	newer := newerTransaction(t).New()
	if err := proto.Unmarshal(old.Data, newer.Interface()); err != nil {
		t.Fatal(err)
	}
	renew(newer)
	want := tx
	want.Purpose, want.Priority, want.ServiceLevel = "", "", ""
	want.PayerFacts.AccountType, want.PayeeFacts.AccountType = pix.UnknownAccount, pix.UnknownAccount
	want.PayerFacts.Person, want.PayeeFacts.Person = "", ""
	want.PayeeFacts.KeyKind = pix.UnknownKey
	asJSON, err := protojson.Marshal(newer.Interface())
	if err != nil {
		t.Fatal(err)
	}
	asNumbers, err := protojson.MarshalOptions{UseEnumNumbers: true, UseProtoNames: true}.Marshal(newer.Interface())
	if err != nil {
		t.Fatal(err)
	}
	asProto, err := proto.Marshal(newer.Interface())
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range map[string]event.Envelope{
		"JSON": envelope(asJSON, false), "JSON with numbers": envelope(asNumbers, false), "proto": envelope(asProto, true),
	} {
		var unknown []string
		got, err := event.Decoder{Unknown: func(field string) { unknown = append(unknown, field) }}.Transaction(e, now())
		if err != nil || got != want {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(want, got, equal()))
		}
		slices.Sort(unknown)
		counted := []string{"payee.accountType", "payee.keyKind", "payee.person", "payer.accountType", "payer.person", "priority", "purpose", "serviceLevel"}
		if d := cmp.Diff(counted, unknown); d != "" {
			t.Errorf("%s: counted otherwise: %s", name, d)
		}
	}
}

// TestDICTMayGrow: a value that the Banco Central added to an enumeration of DICT is kept as unknown and counted, at
// the doors too, by name or by number. A spelling mistake is none.
func TestDICTMayGrow(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`"ACCOUNT_TYPE_WALLET"`, `"WALLET"`, `77`, `-3`} {
		data := swapped(t, `"ACCOUNT_TYPE_TRAN"`, value)
		var unknown []string
		decoder := event.Decoder{Tokenizer: tokenizer(t), Unknown: func(field string) { unknown = append(unknown, field) }}
		tx, err := decoder.Transaction(envelope(data, false), now())
		if err != nil || tx.PayeeFacts.AccountType != pix.UnknownAccount || !slices.Equal(unknown, []string{"payee.accountType"}) {
			t.Errorf("%s: %v, %q, counted %v", value, err, tx.PayeeFacts.AccountType, unknown)
		}
		e, err := event.EncodeTransaction(&tx)
		if err != nil {
			t.Fatal(err)
		}
		unknown = nil
		if again, err := decoder.Transaction(e, now()); err != nil || again != tx || len(unknown) > 0 {
			t.Errorf("%s: read again: %v, counted %v", value, err, unknown)
		}
	}
	for _, value := range []string{`"tran"`, `"52998224725"`, `"Wallet"`, `true`, `""`} {
		if _, err := event.DecodeTransaction(envelope(swapped(t, `"ACCOUNT_TYPE_TRAN"`, value), false), tokenizer(t), now()); err == nil {
			t.Errorf("%s: accepted", value)
		}
	}
}

// swapped is the example with one part of its text in place of another.
func swapped(tb testing.TB, old, with string) []byte {
	tb.Helper()
	before, after, found := bytes.Cut(example(tb), []byte(old))
	if !found {
		tb.Fatalf("the example does not contain %s", old)
	}
	return slices.Concat(before, []byte(with), after)
}
