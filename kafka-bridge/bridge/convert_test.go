package bridge_test

import (
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
