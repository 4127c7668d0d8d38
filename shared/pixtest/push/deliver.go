package push

import (
	"context"
	"errors"
	"io"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// work delivers until the dispatcher stops.
func (d *Dispatcher) work(pulling, posting context.Context) {
	for {
		select {
		case <-pulling.Done():
			return
		default:
		}
		select {
		case <-pulling.Done():
			return
		case v := <-d.ready:
			d.attempt(posting, v)
		}
	}
}

// attempt posts once and decides what follows. A message that is older than the retention is lost, as at Pub/Sub.
func (d *Dispatcher) attempt(ctx context.Context, v *delivery) {
	if time.Since(v.message.GetPublishTime().AsTime()) > d.retention {
		d.dropped.Add(1)
		d.done(v, false)
		return
	}
	v.attempts++
	ok := d.post(ctx, v)
	switch {
	case ok && v.plan.loseAck:
		v.plan.loseAck = false
		d.redelivered.Add(1)
		d.later(v, v.plan.dupDelay)
	case ok:
		d.finish(v)
	default:
		d.later(v, d.policy.backoff(v.attempts))
	}
}

// post returns whether the endpoint acknowledged within the deadline.
func (d *Dispatcher) post(ctx context.Context, v *delivery) bool {
	ctx, cancel := context.WithTimeout(ctx, d.policy.AckDeadline)
	defer cancel()
	d.posted.Add(1)
	request, err := d.target.request(ctx, v.message)
	if err != nil {
		d.failed.Add(1)
		return false
	}
	response, err := d.client.Do(request)
	if err == nil {
		// The answer counts when it is complete; what it says beyond its status does not matter.
		_, err = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
		err = errors.Join(err, response.Body.Close())
	}
	if err != nil {
		d.failed.Add(1)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			d.expired.Add(1)
		}
		return false
	}
	if !acknowledges(response.StatusCode) {
		d.failed.Add(1)
		return false
	}
	return true
}

// finish acknowledges and, where the faults say so, lets a copy under another id follow.
func (d *Dispatcher) finish(v *delivery) {
	d.acked.Add(1)
	d.done(v, v.plan.republish)
}

// done ends a delivery.
func (d *Dispatcher) done(v *delivery, republish bool) {
	d.mu.Lock()
	delete(d.held, v.message.GetMessageId())
	ackID := v.ackID
	var copied *delivery
	if republish {
		copied = &delivery{message: republished(v.message)}
		d.held[copied.message.GetMessageId()] = copied
	}
	d.mu.Unlock()
	if copied != nil {
		d.republished.Add(1)
		d.later(copied, v.plan.dupDelay)
	}
	if ackID != "" {
		d.acks <- ackID
	}
	select {
	case d.freed <- struct{}{}:
	default:
	}
}

// republished is the message as a producer that retries would have published it again.
func republished(m *pubsubpb.PubsubMessage) *pubsubpb.PubsubMessage {
	again := &pubsubpb.PubsubMessage{
		Data: m.GetData(), Attributes: m.GetAttributes(), OrderingKey: m.GetOrderingKey(),
		MessageId: m.GetMessageId() + "-again", PublishTime: m.GetPublishTime(),
	}
	return proto.CloneOf(again)
}

// later queues the delivery after a wait. A stopped dispatcher drops it: Stop gives the message back.
func (d *Dispatcher) later(v *delivery, wait time.Duration) {
	if wait <= 0 {
		d.ready <- v
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	v.timer = time.AfterFunc(wait, func() { d.ready <- v })
}
