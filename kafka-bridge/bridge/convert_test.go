package bridge_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// TestAProducersHeadersDecideNothing: a payment is read as what it is, whatever its producer calls it, and nothing of a
// header that is not well formed goes on.
func TestAProducersHeadersDecideNothing(t *testing.T) {
	t.Parallel()
	tok := tokenizer(t)
	list := submissions(t, 44, 1)
	asJSON, err := event.EncodeSubmissionJSON(&list[0])
	if err != nil {
		t.Fatal(err)
	}
	tokenised, dead := bridge.Convert(tok, &kgo.Record{Value: asJSON})
	if dead {
		t.Fatal("the payment is dead as it is")
	}
	asProto := wire(t, &list[0], event.EncodingProto)
	type headers = map[string]string
	for name, c := range map[string]struct {
		value   []byte
		headers headers
	}{
		"a status by its schema":     {asJSON, headers{"schema": event.SchemaStatus}},
		"another one's schema":       {asJSON, headers{"schema": "com.bank.Pix-v3"}},
		"a document for a schema":    {asJSON, headers{"schema": rawCPF}},
		"JSON called proto":          {asJSON, headers{"encoding": "proto"}},
		"another one's encoding":     {asJSON, headers{"encoding": "utf-8"}},
		"a name for an encoding":     {asJSON, headers{"encoding": rawName}},
		"indented":                   {append([]byte("\r\n\t "), asJSON...), headers{"encoding": "proto"}},
		"proto":                      {asProto, headers{"encoding": "proto"}},
		"proto by another schema":    {asProto, headers{"schema": rawCPF, "encoding": "proto"}},
		"canaries in what we define": {asJSON, headers{"traceparent": rawCPF, "tracestate": "a=" + rawCPF, "end_to_end_id": rawCPF, "outcome": rawCPF, "dlq_detail": rawCPF}},
		"a trace that is none":       {asJSON, headers{"traceparent": "00-00000000000000000000000000000000-b7ad6b7169203331-01"}},
	} {
		r := &kgo.Record{Value: c.value}
		for k, v := range c.headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: []byte(v)})
		}
		got, dead := bridge.Convert(tok, r)
		if diff := cmp.Diff(tokenised.Attributes, got.Attributes); dead || diff != "" {
			t.Errorf("%s: dead: %v (-want +got):\n%s", name, dead, diff)
		}
	}
	last := &kgo.Record{Value: asProto, Headers: []kgo.RecordHeader{
		{Key: "encoding", Value: []byte("proto")}, {Key: "encoding", Value: []byte("json")},
	}}
	if _, dead := bridge.Convert(tok, last); !dead {
		t.Error("not the last of two headers counts")
	}
	other := &kgo.Record{Value: asProto, Headers: []kgo.RecordHeader{{Key: "format", Value: []byte("proto")}}}
	if _, dead := bridge.Convert(tok, other); !dead {
		t.Error("another header tells the encoding")
	}
	tokens := &kgo.Record{Value: tokenised.Data, Headers: []kgo.RecordHeader{{Key: "encoding", Value: []byte("proto")}}}
	if e, dead := bridge.Convert(tok, tokens); !dead || len(e.Data) > 0 {
		t.Errorf("a producer's tokens: dead letter %v with %d bytes", dead, len(e.Data))
	}
}

// Whatever lies in Kafka becomes a valid tokenised payment or a dead letter, without a panic and without an identifier.
func FuzzConvert(f *testing.F) {
	for i := range 3 {
		f.Add(edited(f, uint64(40+i), func(map[string]any) {}), "", "", "")
		f.Add(edited(f, uint64(40+i), set("txid", rawCPF)), "pix.v1.Transaction", "json", parent)
	}
	f.Add([]byte{0x0a, 0xff}, "pix.v1.Transaction", "proto", "x")
	tok := tokenizer(f)
	f.Fuzz(func(t *testing.T, value []byte, schema, encoding, trace string) {
		r := &kgo.Record{Value: value, Headers: []kgo.RecordHeader{
			{Key: event.AttrSchema, Value: []byte(schema)}, {Key: event.AttrEncoding, Value: []byte(encoding)},
			{Key: event.AttrTraceparent, Value: []byte(trace)},
		}}
		e, dead := bridge.Convert(tok, r)
		if dead {
			return
		}
		if _, err := event.DecodeTransaction(e, nil, time.Now()); err != nil {
			t.Errorf("published a payment that its consumers refuse: %v", err)
		}
	})
}

// TestTxIDIsTokenised: a CPF inside a charge's id goes through the bridge as a token, in a payment and in a dead letter.
func TestTxIDIsTokenised(t *testing.T) {
	t.Parallel()
	charge := func(m map[string]any) { m["initiation"], m["txid"] = "INITIATION_QRDN", rawCPF+"abcdefghijklmnop" }
	for name, value := range map[string][]byte{
		"payment": edited(t, 51, charge),
		"letter":  edited(t, 51, func(m map[string]any) { charge(m); m["amountCentavos"] = "0" }),
	} {
		e, dead := bridge.Convert(tokenizer(t), &kgo.Record{Value: value})
		if dead != (name == "letter") || bytes.Contains(e.Data, []byte(rawCPF)) || !bytes.Contains(e.Data, []byte("chrg.")) {
			t.Errorf("%s: dead letter %v, %q", name, dead, e.Data)
		}
	}
}
