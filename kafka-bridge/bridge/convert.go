package bridge

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// source names the bridge on dead letters.
const source = "kafka"

// resultPublished is the metric label of a record that became a payment; a dead letter's is its reason.
const resultPublished = "published"

// message is what a record becomes: a payment or a dead letter.
type message struct {
	topic    string
	envelope event.Envelope
	letter   *bus.Letter // nil for a payment
	result   string      // metric label
}

// converter turns records into messages. It is safe for concurrent use.
type converter struct {
	tokenizer       *pix.Tokenizer
	topic           string
	deadLetterTopic string
	now             func() time.Time
	unknown         func(field string) // counts values of enumerations that this release does not know; may be nil
	replay          bool               // what comes is not live
}

// convert never fails: what cannot be a payment is a dead letter.
func (c *converter) convert(r *kgo.Record) message {
	out, err := c.stamped(r)
	if err != nil {
		return c.deadLetter(r, err)
	}
	return message{topic: c.topic, envelope: out, result: resultPublished}
}

// stamped is the payment of a record with its arrival, or why it is none.
func (c *converter) stamped(r *kgo.Record) (event.Envelope, error) {
	out, err := c.payment(envelope(r))
	if err == nil {
		c.stamp(out.Attributes, r)
	}
	return out, err
}

// stamp says when the payment reached the broker, where that is the broker's own word: a record's headers, and a time that
// its producer set, are those of whoever wants to be believed.
func (c *converter) stamp(attributes map[string]string, r *kgo.Record) {
	if at := serverStamp(r); !at.IsZero() {
		attributes[event.AttrArrivedAt] = event.FormatArrival(at)
	}
	if c.replay {
		attributes[event.AttrReplay] = event.ReplayTrue
	}
}

// payment decodes, validates, tokenises and encodes. A panic is a defect of a decoder that a retry would only repeat,
// so it too ends as an error; its value may quote the payload and is dropped.
func (c *converter) payment(in event.Envelope) (out event.Envelope, err error) {
	defer func() {
		if recover() != nil {
			err = pix.E(pix.Unexpected, "convert record", errors.New("the decoder panicked"))
		}
	}()
	tx, err := event.Decoder{Tokenizer: c.tokenizer, Unknown: c.unknown, Raw: true}.Transaction(in, c.now())
	if err != nil {
		return out, err
	}
	out, err = event.EncodeTransaction(&tx)
	if err != nil {
		return out, err
	}
	if parent := in.Attributes[event.AttrTraceparent]; bus.WellFormed(event.AttrTraceparent, parent) {
		out.Attributes[event.AttrTraceparent] = parent
	}
	return out, nil
}

// deadLetter says why a record is no payment and where it lies in Kafka. The payload goes along when it can be
// tokenised, and is left out otherwise.
func (c *converter) deadLetter(r *kgo.Record, cause error) message {
	reason := pix.KindOf(cause).String()
	letter := bus.Letter{
		Reason: reason,
		Detail: cause.Error(),
		Source: source,
		Origin: map[string]string{
			event.AttrDeadLetterTopic:     r.Topic,
			event.AttrDeadLetterPartition: strconv.Itoa(int(r.Partition)),
			event.AttrDeadLetterOffset:    strconv.FormatInt(r.Offset, 10),
		},
		Envelope: c.salvage(envelope(r)),
	}
	c.stamp(letter.Envelope.Attributes, r)
	return message{topic: c.deadLetterTopic, letter: &letter, result: reason}
}

// salvage tokenises what can be read of an invalid payment and keeps of its facts only what cannot be an identifier.
func (c *converter) salvage(in event.Envelope) (out event.Envelope) {
	kept := map[string]string{}
	if parent := in.Attributes[event.AttrTraceparent]; bus.WellFormed(event.AttrTraceparent, parent) {
		kept[event.AttrTraceparent] = parent
	}
	out.Attributes = kept
	defer func() {
		if recover() != nil {
			out = event.Envelope{Attributes: kept}
		}
	}()
	submission, err := event.DecodeSubmissionJSON(in.Data)
	if err != nil {
		return out
	}
	tx := c.tokenizer.Tokenize(&submission)
	redact(&tx.Facts)
	tokenised, err := event.EncodeTransaction(&tx)
	if err != nil {
		return out
	}
	for k, v := range kept {
		tokenised.Attributes[k] = v
	}
	return tokenised
}

// envelope reads a record as a payment, which is all that its topic carries: a header named schema or encoding may be its
// producer's own, with another meaning, and must not decide how a payment is read. So the content tells the encoding: an
// object is JSON, because no proto of a payment begins with a brace. What begins otherwise is proto where the header says
// so, and JSON, to be refused as such, where it does not.
func envelope(r *kgo.Record) event.Envelope {
	e := event.Envelope{Data: r.Value, Attributes: map[string]string{}}
	object := bytes.HasPrefix(bytes.TrimLeft(r.Value, " \t\r\n"), []byte("{"))
	for _, h := range r.Headers { // the last of a name wins
		switch value := string(h.Value); {
		case h.Key == event.AttrTraceparent:
			e.Attributes[h.Key] = value
		case h.Key == event.AttrEncoding && !object:
			delete(e.Attributes, h.Key)
			if value == event.EncodingProto {
				e.Attributes[h.Key] = value
			}
		}
	}
	return e
}
