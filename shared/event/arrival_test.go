package event_test

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
)

func TestFromBridge(t *testing.T) {
	t.Parallel()
	tokens := exampleTransaction(t)
	bridged, err := event.EncodeTransaction(&tokens)
	if err != nil {
		t.Fatal(err)
	}
	if !event.FromBridge(bridged) {
		t.Error("what the bridge publishes is not known as such")
	}
	raw := append([]byte{11<<3 | 2, 13, 20<<3&0x7f | 2 | 0x80, 1, 10}, "5299822472"...) // payer{document}
	device := []byte{13<<3 | 2, 4, 0xa2, 1, 1, 'x'}                                     // device{id}
	for name, data := range map[string][]byte{"a document": raw, "a device": device} {
		e := event.Envelope{Data: append(bridged.Data[:len(bridged.Data):len(bridged.Data)], data...), Attributes: bridged.Attributes}
		if event.FromBridge(e) {
			t.Errorf("%s passes for the bridge's", name)
		}
	}
	if event.FromBridge(event.Envelope{Data: []byte(`{}`)}) {
		t.Error("JSON passes for the bridge's")
	}
}

// FuzzArrival: only what FormatArrival writes is read, and FromBridge takes any bytes.
func FuzzArrival(f *testing.F) {
	f.Add("2026-11-23T14:30:12.345Z", []byte{})
	f.Add("2026-11-23T14:30:12,345Z", []byte{11<<3 | 2, 200})
	f.Add("2026-11-23T14:30:12.345-03:00", []byte{0xff})
	f.Fuzz(func(t *testing.T, s string, data []byte) {
		if at, ok := event.ParseArrival(s); ok && event.FormatArrival(at) != s {
			t.Errorf("%q is read and written as %q", s, event.FormatArrival(at))
		}
		event.FromBridge(event.Envelope{Data: data, Attributes: map[string]string{event.AttrEncoding: event.EncodingProto}})
	})
}

func TestArrivalRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 11, 30, 12, 345_678_900, time.FixedZone("", -3*3600))
	got, ok := event.ParseArrival(event.FormatArrival(at))
	if !ok || !got.Equal(at.Truncate(time.Millisecond)) || event.FormatArrival(at) != "2026-11-23T14:30:12.345Z" {
		t.Errorf("%v becomes %v, %v", at, got, ok)
	}
}
