package push

import (
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// messagePublished is the CloudEvents type of a Pub/Sub message.
const messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"

// Media types in which messages come, beside the unwrapped form, whose type is the publisher's.
const (
	mediaWrapped    = "application/json"
	mediaStructured = "application/cloudevents+json"
	mediaBatch      = "application/cloudevents-batch+json"
)

// Headers of an unwrapped message whose subscription writes metadata:
// https://cloud.google.com/pubsub/docs/payload-unwrapping. The message's attributes are headers of their own names.
const (
	headerID        = "X-Goog-Pubsub-Message-Id"
	headerPublished = "X-Goog-Pubsub-Publish-Time"
)

// maxBatch bounds the events of one batch.
const maxBatch = 100

// Message is one Pub/Sub message as it was pushed.
type Message struct {
	event.Envelope
	ID        string    // Pub/Sub's own; the same payment may come under several
	Published time.Time // by Pub/Sub's clock, UTC; zero when the sender does not say
}

// Found is one message of a request, or why it cannot be read as one.
type Found struct {
	Message
	Unreadable *problem.Problem
}

// Decode reads the messages of a request from its header and body. An error is a *problem.Problem about the whole request.
// Neither it nor what is said of a single message ever quotes the request.
func Decode(header http.Header, data []byte) ([]Found, error) {
	read, err := formOf(header)
	if err != nil {
		return nil, err
	}
	return read(header, data)
}

// form reads a body in one of the forms that a push has.
type form func(header http.Header, data []byte) ([]Found, error)

// formOf tells the form by the header alone: what is refused need not be read.
func formOf(header http.Header) (form, error) {
	if p := problem.Coding(header); p != nil {
		return nil, p
	}
	if header.Get(headerID) != "" {
		return unwrapped, nil
	}
	media, p := problem.Media(header, mediaWrapped, mediaStructured, mediaBatch)
	switch {
	case p != nil:
		p.Detail += " " + unwrapHint
		return nil, p
	case media == mediaStructured:
		return structured, nil
	case media == mediaBatch:
		return batch, nil
	default:
		return wrapped, nil
	}
}

// unwrapped reads a body that is the message's data itself. Of the headers only those are taken for attributes that this
// system defines: the others are anybody's.
func unwrapped(header http.Header, data []byte) ([]Found, error) {
	m := Message{ID: header.Get(headerID), Published: published(header.Get(headerPublished))}
	m.Data, m.Attributes = data, map[string]string{}
	for _, name := range []string{event.AttrSchema, event.AttrEncoding, event.AttrEventID, event.AttrTraceparent, event.AttrOutcome} {
		if value := header.Get(name); value != "" {
			m.Attributes[name] = value
		}
	}
	return []Found{{Message: m}}, nil
}

// wrapped reads what a push subscription posts, which is also the body of a CloudEvent in binary mode.
func wrapped(header http.Header, data []byte) ([]Found, error) {
	if kind := header.Get("Ce-Type"); kind != "" && kind != messagePublished {
		return nil, otherEvent()
	}
	if f, ok := plainBody(data); ok {
		return []Found{f}, nil
	}
	return generalBody(data)
}

func generalBody(data []byte) ([]Found, error) {
	var b body
	if err := decode(data, &b); err != nil {
		return nil, unreadable(err)
	}
	return []Found{b.found()}, nil
}

// structured reads a CloudEvent whose attributes travel in the body.
func structured(_ http.Header, data []byte) ([]Found, error) {
	if f, ok := plainEvent(data); ok {
		return []Found{f}, nil
	}
	return generalEvent(data)
}

func generalEvent(data []byte) ([]Found, error) {
	var e cloudEvent
	if err := decode(data, &e); err != nil {
		return nil, unreadable(err)
	}
	return []Found{e.found()}, nil
}

// batch reads several CloudEvents. One that cannot be read leaves the others readable.
func batch(_ http.Header, data []byte) ([]Found, error) {
	if all, ok := plainEvents(data); ok {
		return all, nil
	}
	return generalEvents(data)
}

func generalEvents(data []byte) ([]Found, error) {
	var events [maxBatch + 1]element // what is more than an array holds is skipped, not decoded
	if err := decode(data, &events); err != nil {
		return nil, unreadable(err)
	}
	if !events[0].there || events[maxBatch].there {
		return nil, wrongCount()
	}
	var all []Found
	for _, e := range events {
		if !e.there {
			break
		}
		if e.err != nil {
			all = append(all, Found{Unreadable: unreadable(e.err)})
			continue
		}
		all = append(all, e.event.found())
	}
	return all, nil
}

// decode reads JSON. What is not UTF-8 encoding/json would make three bytes of each, and more room than that.
func decode(data []byte, into any) error {
	if !utf8.Valid(data) {
		return errNotUTF8
	}
	return json.Unmarshal(data, into) //nolint:wrapcheck // unreadable says what it means, and its text may quote the body
}

// body is what a push subscription posts, which is also the data of an Eventarc event.
type body struct {
	Message *wrappedMessage `json:"message"`
}

type wrappedMessage struct {
	Data        base64Text `json:"data"`
	Attributes  attributes `json:"attributes"`
	MessageID   shortText  `json:"messageId"`
	PublishTime shortText  `json:"publishTime"`
}

func (b *body) found() Found {
	switch {
	case b.Message == nil:
		return Found{Unreadable: noMessage()}
	case b.Message.MessageID == "":
		return Found{Unreadable: unreadable(errNoID)}
	}
	return Found{Message: Message{
		Envelope:  event.Envelope{Data: b.Message.Data, Attributes: b.Message.Attributes},
		ID:        string(b.Message.MessageID),
		Published: published(string(b.Message.PublishTime)),
	}}
}

// cloudEvent is the part of a structured CloudEvent that is read.
type cloudEvent struct {
	Type       shortText  `json:"type"`
	Data       inner      `json:"data"`
	DataBase64 base64Text `json:"data_base64"`
}

func (e *cloudEvent) found() Found {
	if e.Type != messagePublished {
		return Found{Unreadable: otherEvent()}
	}
	if len(e.DataBase64) > 0 {
		e.Data.err = decode(e.DataBase64, &e.Data.body)
	}
	if e.Data.err != nil {
		return Found{Unreadable: unreadable(e.Data.err)}
	}
	return e.Data.body.found()
}

// inner is the data of a CloudEvent, decoded where it lies: a copy of it would be as large as the request. What is wrong
// with it is kept, because the data of another type is not ours to judge.
type inner struct {
	body body
	err  error
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *inner) UnmarshalJSON(raw []byte) error {
	i.body = body{}
	i.err = json.Unmarshal(raw, &i.body)
	return nil
}

// element is one event of a batch, or nothing behind its end.
type element struct {
	there bool
	event cloudEvent
	err   error
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *element) UnmarshalJSON(raw []byte) error {
	e.there, e.err = true, json.Unmarshal(raw, &e.event)
	return nil
}

// published reads a publish time. What is no time, which Pub/Sub never sends, is as good as none: it tells neither an age
// nor a clock.
func published(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
