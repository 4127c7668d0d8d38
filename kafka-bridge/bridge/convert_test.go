package bridge_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/event"
)

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
