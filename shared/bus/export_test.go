package bus

import (
	"cloud.google.com/go/pubsub/v2"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Check lets tests ask about messages that pstest, whose limit is 4 MB, cannot take.
var Check = check

// KindOf tells what becomes of an error of the SDK.
func KindOf(err error) pix.Kind { return kindOf(err) }

// Settings are those that a topic's publisher works with.
func Settings(b *Bus, topic string) (pubsub.PublishSettings, error) {
	p, err := b.publisher(topic)
	if err != nil {
		return pubsub.PublishSettings{}, err
	}
	return p.PublishSettings, nil
}

// Wire is what a bundle would send.
func Wire(b *Bundle) []byte { return b.wire }
