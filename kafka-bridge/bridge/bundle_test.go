package bridge

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// paid is a payment's item, of so many bytes.
func paid(size int) item {
	return item{record: &kgo.Record{}, message: message{topic: "payments", data: make([]byte, size), id: "E1", result: resultPublished}}
}

// TestPaymentsShareARequest: those of a chunk wait for one acknowledgement. One that the bus refuses for good fails none of the
// others and is told why; a megabyte begins the next request; a letter goes by itself, and noise waits.
func TestPaymentsShareARequest(t *testing.T) {
	t.Parallel()
	b := idle(t, "kafka:9092")
	letter := paid(0)
	letter.message.letter = &bus.Letter{Reason: "invalid", Source: source, Envelope: event.Envelope{Data: []byte("x"), Attributes: map[string]string{}}}
	noise := paid(0)
	noise.message.letter = &bus.Letter{Envelope: event.Envelope{Attributes: map[string]string{}}}
	items := []item{paid(10), paid(10), paid(bus.MaxMessageBytes), letter, noise, {done: true}, paid(900_000), paid(900_000)}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // nothing is sent
	b.publishAll(ended, items)
	if items[0].sending != items[1].sending {
		t.Error("two small payments of a chunk do not share a request")
	}
	for _, i := range []int{2, 3} {
		if _, own := items[i].sending.(*bus.Result); !own {
			t.Errorf("item %d is sent as %T", i, items[i].sending)
		}
	}
	if err := items[2].sending.Wait(t.Context()); pix.KindOf(err) != pix.TooLarge {
		t.Errorf("the large one: %v", err)
	}
	if items[6].sending == items[0].sending || items[7].sending == items[6].sending {
		t.Error("a request holds more than about a megabyte")
	}
	if items[4].sending != nil || items[5].sending != nil {
		t.Error("what is held back or done is sent")
	}
}

// TestAttributesOfAPayment: alone as in a bundle, and in the order of their names, as the tokenised topic has them.
func TestAttributesOfAPayment(t *testing.T) {
	t.Parallel()
	m := message{data: []byte("x"), id: "E1", arrived: "2026-11-23T14:05:00.000Z", trace: "00-1", replay: true}
	want := []bus.Attribute{
		{Name: "arrived_at", Value: "2026-11-23T14:05:00.000Z"}, {Name: "encoding", Value: "proto"}, {Name: "end_to_end_id", Value: "E1"},
		{Name: "replay", Value: "true"}, {Name: "schema", Value: "pix.v1.Transaction"}, {Name: "traceparent", Value: "00-1"},
	}
	if diff := cmp.Diff(want, m.attributes(nil)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	e := m.envelope()
	for _, a := range want {
		if e.Attributes[a.Name] != a.Value {
			t.Errorf("alone it has %s = %q", a.Name, e.Attributes[a.Name])
		}
	}
	if len(e.Attributes) != len(want) || string(e.Data) != "x" {
		t.Errorf("alone it is %v", e)
	}
	m = message{id: "E1"}
	if got := m.attributes(nil); len(got) != 3 {
		t.Errorf("without an arrival, a trace and a replay: %v", got)
	}
}

// TestSheetKeepsWhatIsWritten: a payment that is written later, or one that grew the sheet, changes none before it.
func TestSheetKeepsWhatIsWritten(t *testing.T) {
	t.Parallel()
	on := sheetFor(200)
	var written [][]byte
	for i := range 200 {
		free := on.free()
		size := 500
		if i%50 == 49 {
			size = 2 * sheetBytes
		}
		out := append(free, make([]byte, size)...)
		for j := len(free); j < len(out); j++ {
			out[j] = byte(i)
		}
		written = append(written, on.taken(out, len(free)))
	}
	for _, w := range written {
		_ = append(w, 0xff) // must grow elsewhere
	}
	for i, w := range written {
		for _, c := range w {
			if c != byte(i) {
				t.Fatalf("payment %d was written over", i)
			}
		}
	}
}
