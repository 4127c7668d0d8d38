package bridge

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// message is what a record becomes: a payment or a dead letter. Of a payment's attributes it keeps only what differs from one
// to the next.
type message struct {
	topic   string
	data    []byte
	id      pix.EndToEndID
	arrived string // event.AttrArrivedAt, empty when only the producer says
	trace   string // event.AttrTraceparent, empty for none
	replay  bool
	letter  *bus.Letter // nil for a payment, and then all that the message is
	result  string      // metric label
}

// attributes appends those of a payment, in the order of their names.
func (m *message) attributes(to []bus.Attribute) []bus.Attribute {
	if m.arrived != "" {
		to = append(to, bus.Attribute{Name: event.AttrArrivedAt, Value: m.arrived})
	}
	to = append(to,
		bus.Attribute{Name: event.AttrEncoding, Value: event.EncodingProto},
		bus.Attribute{Name: event.AttrEventID, Value: string(m.id)})
	if m.replay {
		to = append(to, bus.Attribute{Name: event.AttrReplay, Value: event.ReplayTrue})
	}
	to = append(to, bus.Attribute{Name: event.AttrSchema, Value: event.SchemaTransaction})
	if m.trace != "" {
		to = append(to, bus.Attribute{Name: event.AttrTraceparent, Value: m.trace})
	}
	return to
}

// envelope is a payment as it is published by itself.
func (m *message) envelope() event.Envelope {
	e := event.Envelope{Data: m.data, Attributes: map[string]string{}}
	for _, a := range m.attributes(nil) {
		e.Attributes[a.Name] = a.Value
	}
	return e
}

// inject makes the context's span, where there is one, what the message's consumer hangs below.
func (m *message) inject(ctx context.Context) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	attributes := map[string]string{}
	if m.letter != nil {
		attributes = m.letter.Envelope.Attributes
	}
	obs.Inject(ctx, attributes)
	m.trace = attributes[event.AttrTraceparent]
}

// A sheet is as large as its payments should be together, of which most take 500 bytes, but no larger than a piece that the
// allocator finds at once. leastFree is what one wants to be free.
const (
	paymentBytes = 512
	sheetBytes   = 64 << 10
	leastFree    = 2 << 10
)

// sheet is memory that payments are written on one behind the other: one allocation for many, each of which keeps it.
type sheet struct {
	written []byte
	size    int // of the next piece
}

// sheetFor returns a sheet for so many payments.
func sheetFor(payments int) *sheet { return &sheet{size: min(payments*paymentBytes, sheetBytes)} }

// free returns a place to append to, on a new piece when too little is left.
func (s *sheet) free() []byte {
	if cap(s.written)-len(s.written) < leastFree {
		s.written = make([]byte, 0, max(s.size, leastFree))
	}
	return s.written
}

// taken notes what was appended to the free place, of so many bytes before, and returns it.
func (s *sheet) taken(out []byte, from int) []byte {
	s.written = out
	return out[from:len(out):len(out)]
}
