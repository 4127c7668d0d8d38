package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// deliveryPatience is how long one round waits for the tokenised topic. The client goes on trying behind it; between the
// rounds partitions that were revoked are given up, and readiness learns of the outage.
const deliveryPatience = 10 * time.Second

var errUndelivered = errors.New("no acknowledgement yet")

// tokenised is the second output: a Kafka topic that holds, byte for byte, what Pub/Sub has acknowledged. A payment goes
// to it only then, so that what Pub/Sub refuses for good is not in it, and a dead letter never.
type tokenised struct {
	client *kgo.Client
	topic  string
}

// newTokenised returns nil for no topic.
func newTokenised(client *kgo.Client, topic string) *tokenised {
	if topic == "" {
		return nil
	}
	return &tokenised{client: client, topic: topic}
}

// delivery is one payment on its way to the topic.
type delivery struct {
	done chan struct{}
	err  error // to be read once done is closed
}

// produce never blocks: the client's buffer holds all that may be in flight, and what is too much for it, after partitions
// were revoked in an outage, fails and is tried again.
func (t *tokenised) produce(ctx context.Context, m *message) *delivery {
	d := &delivery{done: make(chan struct{})}
	t.client.TryProduce(ctx, t.record(m), func(_ *kgo.Record, err error) {
		d.err = err
		close(d.done)
	})
	return d
}

func (t *tokenised) record(m *message) *kgo.Record {
	attributes := m.attributes(make([]bus.Attribute, 0, 6))
	r := &kgo.Record{
		Topic: t.topic, Key: []byte(m.id), Value: m.data, Headers: make([]kgo.RecordHeader, 0, len(attributes)),
	}
	for _, a := range attributes {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: a.Name, Value: []byte(a.Value)})
	}
	return r
}

// wait returns nil once the topic acknowledged, and an error when it refused or ctx ended first.
func (d *delivery) wait(ctx context.Context) error {
	select {
	case <-d.done:
		return d.err
	default:
	}
	select {
	case <-d.done:
		return d.err
	case <-ctx.Done():
		return errUndelivered
	}
}

// failed tells whether the client gave it up; while it has not, the payment must not be produced again.
func (d *delivery) failed() bool {
	select {
	case <-d.done:
		return d.err != nil
	default:
		return false
	}
}

// deliver passes a published item on, which is done where nothing is to be passed on.
func (b *Bridge) deliver(ctx context.Context, it *item) {
	if b.tokenised == nil || it.message.letter != nil {
		it.done = true
		return
	}
	it.delivery = b.tokenised.produce(ctx, &it.message)
}

// awaitDeliveries waits for the tokenised topic for at most deliveryPatience. It returns how many published payments it has
// not acknowledged, and why the first of them.
func (b *Bridge) awaitDeliveries(ctx context.Context, batch *batch) (failed int, cause error) {
	ctx, cancel := context.WithTimeout(ctx, deliveryPatience)
	defer cancel()
	for i := range batch.items {
		it := &batch.items[i]
		if it.done || !it.published {
			continue
		}
		if err := it.delivery.wait(ctx); err != nil {
			if failed++; cause == nil {
				cause = err
			}
			continue
		}
		it.done = true
		b.health.tokenising.worked()
		b.metrics.tokenised.Inc()
	}
	return failed, cause
}

// findTokenised asks until a broker answers whether the tokenised topic is there. A bridge that cannot write it must not
// begin: it would publish and never commit.
func (b *Bridge) findTokenised(ctx context.Context) error {
	if b.cfg.TokenisedTopic == "" {
		return nil
	}
	inspector, err := b.newInspector()
	if err != nil {
		return err
	}
	defer inspector.client.Close()
	for {
		err := inspector.find(ctx, b.cfg.TokenisedTopic)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.InvalidTopicException):
			return pix.E(pix.Invalid, "find TOKENISED_TOPIC "+b.cfg.TokenisedTopic,
				fmt.Errorf("%w: create the topic and allow the bridge to write it, or leave the variable empty", err))
		}
		b.log.WarnContext(ctx, "looking for the tokenised topic failed, trying again", "error", err)
		if !sleep(ctx, backoffMax) {
			return nil
		}
	}
}

// find asks the brokers for a topic.
func (i *inspector) find(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, topic := kmsg.NewPtrMetadataRequest(), kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(name)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, i.client)
	if err != nil {
		return fmt.Errorf("ask for the topic: %w", err)
	}
	if len(resp.Topics) != 1 {
		return errors.New("ask for the topic: no answer")
	}
	return kerr.ErrorForCode(resp.Topics[0].ErrorCode) //nolint:wrapcheck // the caller names the topic
}
