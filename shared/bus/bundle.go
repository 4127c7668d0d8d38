package bus

import (
	"context"
	"fmt"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/sync/semaphore"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// bundleBytes is where a bundle is full: what the client's own batches hold.
const bundleBytes = 1_000_000

// Numbers of the fields of a publish request, of a message in it, and of an entry of a message's attributes.
const (
	requestMessages   protowire.Number = 2
	messageData       protowire.Number = 1
	messageAttributes protowire.Number = 2
	attributeName     protowire.Number = 1
	attributeValue    protowire.Number = 2
)

// Attribute is one attribute of a message.
type Attribute struct{ Name, Value string }

// Bundle is messages for one topic that go to Pub/Sub in one request, written as they are added, as they lie on the wire:
// to the client each would be an object, a wait and a map of its own. It is filled by one goroutine and published once.
type Bundle struct {
	topic    string
	wire     []byte
	messages int
	bytes    int           // of data and attributes
	done     chan struct{} // closed once it is acknowledged or has failed
	err      error         // to be read once done is closed
}

// NewBundle returns an empty bundle with room for so many bytes, or for as many as it may hold.
func NewBundle(topic string, size int) *Bundle {
	return &Bundle{topic: topic, wire: make([]byte, 0, min(size, bundleBytes)), done: make(chan struct{})}
}

// Len is how many messages it holds.
func (b *Bundle) Len() int { return b.messages }

// Fits tells whether another message of so many bytes should join. An empty bundle takes any.
func (b *Bundle) Fits(size int) bool {
	return b.messages == 0 || b.messages < pubsub.MaxPublishRequestCount && len(b.wire)+size <= bundleBytes
}

// Add writes a message and keeps none of what it is given. It refuses what PublishAsync refuses, for the same reasons: such a
// message would fail all others.
func (b *Bundle) Add(data []byte, attributes []Attribute) error {
	op := "publish to " + b.topic
	if len(data) == 0 && len(attributes) == 0 {
		return pix.E(pix.Invalid, op, errEmpty)
	}
	if n := len(attributes); n > MaxAttributes {
		return pix.E(pix.TooLarge, op, fmt.Errorf("%d attributes, limit %d", n, MaxAttributes))
	}
	bytes := len(data)
	length := sizeOf(messageData, len(data))
	for _, a := range attributes {
		if err := checkAttribute(op, a.Name, a.Value); err != nil {
			return err
		}
		bytes += len(a.Name) + len(a.Value)
		length += sizeOf(messageAttributes, a.length())
	}
	if n := len(b.topic) + MaxAttributeKeyBytes + bytes + (2+len(attributes))*framing; n > MaxMessageBytes {
		return pix.E(pix.TooLarge, op, fmt.Errorf("message of %d bytes, limit %d", n, MaxMessageBytes))
	}
	b.wire = appendHead(b.wire, requestMessages, length)
	b.wire = append(appendHead(b.wire, messageData, len(data)), data...)
	for _, a := range attributes {
		b.wire = appendHead(b.wire, messageAttributes, a.length())
		b.wire = append(appendHead(b.wire, attributeName, len(a.Name)), a.Name...)
		b.wire = append(appendHead(b.wire, attributeValue, len(a.Value)), a.Value...)
	}
	b.messages++
	b.bytes += bytes
	return nil
}

func (a *Attribute) length() int {
	return sizeOf(attributeName, len(a.Name)) + sizeOf(attributeValue, len(a.Value))
}

// appendHead begins a field of so many bytes.
func appendHead(wire []byte, n protowire.Number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(wire, n, protowire.BytesType), uint64(size))
}

func sizeOf(n protowire.Number, size int) int {
	return protowire.SizeTag(n) + protowire.SizeBytes(size)
}

// Wait returns nil once Pub/Sub has acknowledged a bundle that was published, with all of its messages, or the reason why
// none is acknowledged, with its pix.Kind.
func (b *Bundle) Wait(ctx context.Context) error {
	select {
	case <-b.done:
		return b.err
	default:
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return publishError(b.topic, ctx.Err())
	}
}

// end tells the outcome, and lets go of what was sent: whoever waits may keep the bundle.
func (b *Bundle) end(err error) {
	b.err, b.wire = err, nil
	close(b.done)
}

// bundles are what a bus has under way of them, bounded as a publisher's messages are.
type bundles struct {
	messages, bytes *semaphore.Weighted
	most            Config
}

func newBundles(c Config) bundles {
	return bundles{
		messages: semaphore.NewWeighted(int64(c.MaxOutstandingMessages)), bytes: semaphore.NewWeighted(int64(c.MaxOutstandingBytes)),
		most: c,
	}
}

// take waits until so much may be sent as well; what is larger than a limit waits until it is alone.
func (l *bundles) take(ctx context.Context, b *Bundle) (release func(), err error) {
	messages, bytes := int64(min(b.messages, l.most.MaxOutstandingMessages)), int64(min(len(b.wire), l.most.MaxOutstandingBytes))
	if err := l.messages.Acquire(ctx, messages); err != nil {
		return nil, err //nolint:wrapcheck // the caller names the topic
	}
	if err := l.bytes.Acquire(ctx, bytes); err != nil {
		l.messages.Release(messages)
		return nil, err //nolint:wrapcheck // the caller names the topic
	}
	return func() {
		l.messages.Release(messages)
		l.bytes.Release(bytes)
	}, nil
}

// PublishBundle begins to send a bundle, whose Wait tells the outcome. It blocks while the bundles under way are at the
// limits of Config, until ctx ends. What is under way goes on after that, for as long as Config.PublishTimeout.
func (b *Bus) PublishBundle(ctx context.Context, bundle *Bundle) {
	if err := b.begin(bundle.topic); err != nil {
		bundle.end(err)
		return
	}
	release, err := b.bundles.take(ctx, bundle)
	if err != nil {
		b.sending.Done()
		bundle.end(publishError(bundle.topic, err))
		return
	}
	b.sent.bundled(bundle)
	go func() {
		defer b.sending.Done()
		defer release()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.cfg.PublishTimeout)
		defer cancel()
		request := &pubsubpb.PublishRequest{Topic: b.fullName("topics", bundle.topic)}
		request.ProtoReflect().SetUnknown(bundle.wire) // is written out as it is: the messages
		answer, err := b.client.TopicAdminClient.Publish(ctx, request)
		switch {
		case err != nil:
			err = publishError(bundle.topic, err)
		case len(answer.GetMessageIds()) != bundle.messages: // whoever carried it may have let go of fields that it did not know
			err = pix.E(pix.Unexpected, "publish to "+bundle.topic,
				fmt.Errorf("%d of %d messages acknowledged", len(answer.GetMessageIds()), bundle.messages))
		}
		bundle.end(err)
	}()
}

// begin enters a bundle among what Close waits for.
func (b *Bus) begin(topic string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return pix.E(pix.Cancelled, "publish to "+topic, errClosed)
	}
	b.sending.Add(1)
	return nil
}

// bundled counts the messages of a bundle as published counts one.
func (m *metrics) bundled(b *Bundle) {
	m.messages.WithLabelValues(b.topic).Add(float64(b.messages))
	m.bytes.WithLabelValues(b.topic).Add(float64(b.bytes))
}
