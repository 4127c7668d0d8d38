package bus

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Letter is a message that cannot be handled, on its way to the dead-letter topic.
type Letter struct {
	Reason string // pix.Disposition.Label of the error
	Detail string // the error's text; it never holds a payload, and is cut at the attribute limit
	Source string // who refused it: "kafka", "score", "audit", …
	// Origin holds further event.AttrDeadLetter… attributes: where the message came from. One that is not well formed is
	// left out.
	Origin map[string]string
	// Envelope holds the payload tokenised, or no Data at all: never a raw value. Of its attributes only those that
	// this system defines are kept, and only when well formed, because a producer's own may hold anything.
	Envelope event.Envelope
}

var (
	labelForm  = regexp.MustCompile(`^[a-z_]{1,32}$`)
	topicForm  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`) // Kafka's
	numberForm = regexp.MustCompile(`^[0-9]{1,20}$`)
)

// traceparentShape is the W3C trace context's version 00 form; x stands for a lower-case hexadecimal digit.
const traceparentShape = "00-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx"

// WellFormed tells whether value is one that this system itself, Pub/Sub or Kafka would write into the named attribute.
// Names that this system does not define have no such value. Sets that are closed are held to: a grammar of letters and
// digits would let a name or a document through.
func WellFormed(name, value string) bool {
	switch name {
	case event.AttrTraceparent:
		return isTraceparent(value)
	case event.AttrArrivedAt:
		_, ok := event.ParseArrival(value)
		return ok
	case event.AttrReplay:
		return value == event.ReplayTrue
	case event.AttrEventID:
		_, err := pix.ParseEndToEndID(value)
		return err == nil
	case event.AttrSchema:
		return slices.Contains([]string{
			event.SchemaTransaction, event.SchemaStatus, event.SchemaDecision, event.SchemaAlert, event.SchemaLabel, event.SchemaExportTick,
		}, value)
	case event.AttrEncoding:
		return value == event.EncodingJSON || value == event.EncodingProto
	case event.AttrOutcome:
		return slices.Contains([]pix.Outcome{pix.Approve, pix.Review, pix.Block, pix.Reject}, pix.Outcome(value))
	case event.AttrDeadLetterMessageID: // whoever can push can state one
		return numberForm.MatchString(value) && !pix.ValidCPF(value) && !pix.ValidCNPJ(value)
	default:
		return wellFormedOrigin(name, value)
	}
}

// wellFormedOrigin is WellFormed for what a dead letter says of itself.
func wellFormedOrigin(name, value string) bool {
	switch name {
	case event.AttrDeadLetterReason, event.AttrDeadLetterSource:
		return labelForm.MatchString(value)
	case event.AttrDeadLetterTopic:
		return topicForm.MatchString(value)
	case event.AttrDeadLetterPartition, event.AttrDeadLetterOffset, event.AttrDeadLetterLastOffset, event.AttrDeadLetterRecords:
		return numberForm.MatchString(value)
	default:
		return false
	}
}

func isTraceparent(s string) bool {
	if len(s) != len(traceparentShape) {
		return false
	}
	for i := range len(s) {
		hex := s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'f'
		if want := traceparentShape[i]; want == 'x' && !hex || want != 'x' && s[i] != want {
			return false
		}
	}
	return strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

// DeadLetter publishes a letter and returns once it is acknowledged. A payload that is too large is left out, so that
// the letter itself always fits.
func (b *Bus) DeadLetter(ctx context.Context, topic string, l Letter) error {
	return b.Publish(ctx, topic, l.envelope(topic))
}

// DeadLetterAsync is DeadLetter without waiting for the acknowledgement.
func (b *Bus) DeadLetterAsync(ctx context.Context, topic string, l Letter) *Result {
	return b.PublishAsync(ctx, topic, l.envelope(topic))
}

func (l Letter) envelope(topic string) event.Envelope {
	attributes := make(map[string]string, len(l.Envelope.Attributes)+len(l.Origin)+3)
	for name, v := range l.Envelope.Attributes {
		if WellFormed(name, v) {
			attributes[name] = v
		}
	}
	for name, v := range l.Origin {
		if WellFormed(name, v) {
			attributes[name] = v
		}
	}
	attributes[event.AttrDeadLetterReason] = Truncate(l.Reason)
	attributes[event.AttrDeadLetterDetail] = Truncate(l.Detail)
	attributes[event.AttrDeadLetterSource] = Truncate(l.Source)
	e := event.Envelope{Data: l.Envelope.Data, Attributes: attributes}
	if pix.KindOf(check(topic, e)) == pix.TooLarge {
		e.Data = nil
	}
	return e
}

// Truncate makes s fit an attribute: valid UTF-8, at most MaxAttributeValueBytes bytes, cut between characters.
func Truncate(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= MaxAttributeValueBytes {
		return s
	}
	cut := MaxAttributeValueBytes
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
