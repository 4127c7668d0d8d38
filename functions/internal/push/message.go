package push

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// messagePublished is the CloudEvents type of a Pub/Sub message.
const messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"

// structured is the media type of a CloudEvent whose attributes travel in the body.
const structured = "application/cloudevents+json"

// Message is one Pub/Sub message as it was pushed.
type Message struct {
	event.Envelope
	ID           string // Pub/Sub's own; the same payment may come under several
	Subscription string
	Published    time.Time // by Pub/Sub's clock, UTC; zero when the sender does not say
}

// body is what a push subscription posts, which is also the data of an Eventarc event.
type body struct {
	Message *struct {
		Data        string            `json:"data"`
		Attributes  map[string]string `json:"attributes"`
		MessageID   string            `json:"messageId"`
		PublishTime string            `json:"publishTime"`
	} `json:"message"`
	Subscription string `json:"subscription"`
}

// cloudEvent is the part of a structured CloudEvent that is read.
type cloudEvent struct {
	Type       string          `json:"type"`
	Data       json.RawMessage `json:"data"`
	DataBase64 string          `json:"data_base64"`
}

// Decode reads a pushed message from a request's header and body. Errors have kind Invalid, or UnknownSchema for an
// event of another type, and never quote the body.
func Decode(header http.Header, data []byte) (Message, error) {
	const op = "decode push"
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	kind := header.Get("Ce-Type")
	if media == structured {
		var err error
		if kind, data, err = unfold(data); err != nil {
			return Message{}, pix.E(pix.Invalid, op, err)
		}
	}
	if kind != "" && kind != messagePublished || kind == "" && media == structured {
		return Message{}, pix.E(pix.UnknownSchema, op, errors.New("the event is no Pub/Sub message"))
	}
	m, err := read(data)
	return m, pix.E(pix.Invalid, op, err)
}

// unfold returns the type and the data of a structured CloudEvent.
func unfold(data []byte) (kind string, inner []byte, err error) {
	var e cloudEvent
	if json.Unmarshal(data, &e) != nil {
		return "", nil, errors.New("the CloudEvent is not valid JSON")
	}
	if e.DataBase64 == "" {
		return e.Type, e.Data, nil
	}
	inner, err = strictBase64(e.DataBase64)
	return e.Type, inner, err
}

// read decodes the body proper. The texts of encoding/json may quote the input, so they are replaced.
func read(data []byte) (Message, error) {
	var b body
	if json.Unmarshal(data, &b) != nil {
		return Message{}, errors.New("the push body is not valid JSON of the expected shape")
	}
	if b.Message == nil {
		return Message{}, errors.New("the push body has no message")
	}
	payload, err := strictBase64(b.Message.Data)
	if err != nil {
		return Message{}, err
	}
	return Message{
		Envelope:     event.Envelope{Data: payload, Attributes: b.Message.Attributes},
		ID:           b.Message.MessageID,
		Subscription: b.Subscription,
		Published:    published(b.Message.PublishTime),
	}, nil
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

// strictBase64 refuses what the standard decoder would let pass: line breaks and stray bits in the last character.
func strictBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("the data is not strict base64")
	}
	data, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("the data is not strict base64")
	}
	return data, nil
}
