package push

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

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
		Data        base64Text `json:"data"`
		Attributes  attributes `json:"attributes"`
		MessageID   shortText  `json:"messageId"`
		PublishTime shortText  `json:"publishTime"`
	} `json:"message"`
	Subscription shortText `json:"subscription"`
}

// cloudEvent is the part of a structured CloudEvent that is read.
type cloudEvent struct {
	Type       shortText       `json:"type"`
	Data       json.RawMessage `json:"data"`
	DataBase64 base64Text      `json:"data_base64"`
}

// Decode reads a pushed message from a request's header and body. Errors have kind Invalid, or UnknownSchema for an
// event of another type, and never quote the body.
func Decode(header http.Header, data []byte) (Message, error) {
	const op = "decode push"
	if !utf8.Valid(data) { // encoding/json would make three bytes of each that is not, and more room than that
		return Message{}, pix.E(pix.Invalid, op, errors.New("the body is not UTF-8"))
	}
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
	if len(e.DataBase64) == 0 {
		return string(e.Type), e.Data, nil
	}
	return string(e.Type), e.DataBase64, nil
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
	return Message{
		Envelope:     event.Envelope{Data: b.Message.Data, Attributes: b.Message.Attributes},
		ID:           string(b.Message.MessageID),
		Subscription: string(b.Subscription),
		Published:    published(string(b.Message.PublishTime)),
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
