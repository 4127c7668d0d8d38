package bus

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Limits of one Pub/Sub message (https://cloud.google.com/pubsub/quotas#resource_limits). A message above one of them
// would fail the whole batch that it joined, so it is refused before.
const (
	MaxMessageBytes        = 10_000_000 // data, attributes and framing together
	MaxAttributes          = 100
	MaxAttributeKeyBytes   = 256
	MaxAttributeValueBytes = 1024
)

// framing is an upper bound of the bytes that the wire format adds to a message and to each of its attributes.
const framing = 16

var errEmpty = errors.New("message has neither data nor attributes")

// check refuses what Pub/Sub would refuse. Its errors name limits and sizes, never content.
func check(topic string, e event.Envelope) error {
	op := "publish to " + topic
	if len(e.Data) == 0 && len(e.Attributes) == 0 {
		return pix.E(pix.Invalid, op, errEmpty)
	}
	if n := len(e.Attributes); n > MaxAttributes {
		return pix.E(pix.TooLarge, op, fmt.Errorf("%d attributes, limit %d", n, MaxAttributes))
	}
	for k, v := range e.Attributes {
		if err := checkAttribute(op, k, v); err != nil {
			return err
		}
	}
	if n := size(topic, e); n > MaxMessageBytes {
		return pix.E(pix.TooLarge, op, fmt.Errorf("message of %d bytes, limit %d", n, MaxMessageBytes))
	}
	return nil
}

func checkAttribute(op, key, value string) error {
	if len(key) == 0 || !utf8.ValidString(key) || !utf8.ValidString(value) {
		return pix.E(pix.Invalid, op, errors.New("attribute is not UTF-8 or has an empty key"))
	}
	if n := len(key); n > MaxAttributeKeyBytes {
		return pix.E(pix.TooLarge, op, fmt.Errorf("attribute key of %d bytes, limit %d", n, MaxAttributeKeyBytes))
	}
	if n := len(value); n > MaxAttributeValueBytes {
		return pix.E(pix.TooLarge, op, fmt.Errorf("attribute value of %d bytes, limit %d", n, MaxAttributeValueBytes))
	}
	return nil
}

// size is an upper bound of the encoded publish request that carries only this message.
func size(topic string, e event.Envelope) int {
	n := len(topic) + MaxAttributeKeyBytes + len(e.Data) + 2*framing // the full topic name adds the project's
	for k, v := range e.Attributes {
		n += len(k) + len(v) + framing
	}
	return n
}
