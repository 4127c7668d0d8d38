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

// converter turns records into messages. It is safe for concurrent use.
type converter struct {
	tokenizer       *pix.Tokenizer
	topic           string
	deadLetterTopic string
	now             func() time.Time
	unknown         func(field string) // counts values of enumerations that this release does not know; may be nil
	replay          bool               // what comes is not live
}

// convert never fails: what cannot be a payment is a dead letter. A payment is written on the sheet.
func (c *converter) convert(r *kgo.Record, on *sheet) message {
	m, err := c.stamped(r, on)
	if err != nil {
		return c.deadLetter(r, err)
	}
	return m
}

// stamped is the payment of a record with its arrival, or why it is none.
func (c *converter) stamped(r *kgo.Record, on *sheet) (message, error) {
	data, id, err := c.payment(r, on)
	if err != nil {
		return message{}, err
	}
	return message{
		topic: c.topic, data: data, id: id, trace: traceparent(r), arrived: arrival(r), replay: c.replay, result: resultPublished,
	}, nil
}

// arrival is when the payment reached the broker, where that is the broker's own word: a record's headers, and a time that
// its producer set, are those of whoever wants to be believed. It is empty where only the producer says.
func arrival(r *kgo.Record) string {
	at := serverStamp(r)
	if at.IsZero() {
		return ""
	}
	return event.FormatArrival(at)
}

// payment decodes, validates, tokenises and encodes. A panic is a defect of a decoder that a retry would only repeat,
// so it too ends as an error; its value may quote the payload and is dropped.
func (c *converter) payment(r *kgo.Record, on *sheet) (data []byte, id pix.EndToEndID, err error) {
	defer func() {
		if recover() != nil {
			err = pix.E(pix.Unexpected, "convert record", errors.New("the decoder panicked"))
		}
	}()
	e := event.Envelope{Data: r.Value}
	if isProto(r) {
		e.Attributes = map[string]string{event.AttrEncoding: event.EncodingProto}
	}
	d := event.Decoder{Tokenizer: c.tokenizer, Unknown: c.unknown, Raw: true}
	free := on.free()
	out, id, err := d.Tokenised(free, e, c.now())
	if err != nil {
		return nil, "", err
	}
	return on.taken(out, len(free)), id, nil
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
		Envelope: c.salvage(r),
	}
	if at := arrival(r); at != "" {
		letter.Envelope.Attributes[event.AttrArrivedAt] = at
	}
	if c.replay {
		letter.Envelope.Attributes[event.AttrReplay] = event.ReplayTrue
	}
	return message{topic: c.deadLetterTopic, letter: &letter, result: reason}
}

// salvage tokenises what can be read of an invalid payment and keeps of its facts only what cannot be an identifier.
func (c *converter) salvage(r *kgo.Record) (out event.Envelope) {
	kept := map[string]string{}
	if parent := traceparent(r); parent != "" {
		kept[event.AttrTraceparent] = parent
	}
	out.Attributes = kept
	defer func() {
		if recover() != nil {
			out = event.Envelope{Attributes: kept}
		}
	}()
	submission, err := event.DecodeSubmissionJSON(r.Value)
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

// isProto reads a record as a payment, which is all that its topic carries: a header named schema or encoding may be its
// producer's own, with another meaning, and must not decide how a payment is read. So the content tells the encoding: an
// object is JSON, because no proto of a payment begins with a brace. What begins otherwise is proto where the header says
// so, and JSON, to be refused as such, where it does not.
func isProto(r *kgo.Record) bool {
	if bytes.HasPrefix(bytes.TrimLeft(r.Value, " \t\r\n"), []byte("{")) {
		return false
	}
	return string(header(r, event.AttrEncoding)) == event.EncodingProto
}

// traceparent is the trace that a record came in, empty where it says none or nothing well formed.
func traceparent(r *kgo.Record) string {
	parent := string(header(r, event.AttrTraceparent))
	if !bus.WellFormed(event.AttrTraceparent, parent) {
		return ""
	}
	return parent
}

// header is the last header of a name: it wins.
func header(r *kgo.Record, name string) []byte {
	for i := len(r.Headers) - 1; i >= 0; i-- {
		if r.Headers[i].Key == name {
			return r.Headers[i].Value
		}
	}
	return nil
}
