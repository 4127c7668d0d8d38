package push

import (
	"context"
	"fmt"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

const (
	pullBatch   = 1000
	ackBatch    = 1000
	gather      = 5 * time.Millisecond // between two pulls: each has the test server look at every message that is outstanding
	minIdle     = time.Millisecond
	maxIdle     = 16 * time.Millisecond
	rpcTimeout  = 10 * time.Second
	leaseEvery  = time.Second
	leaseAge    = 4 * time.Second // below the service's smallest deadline of 10 s
	leaseLength = 60 * time.Second
)

// pullLoop takes messages while there is room, and asks less often while there are none.
func (d *Dispatcher) pullLoop(ctx context.Context) {
	idle := minIdle
	for ctx.Err() == nil {
		free := d.policy.MaxOutstanding - d.Outstanding()
		if free <= 0 {
			d.wait(ctx, maxIdle)
			continue
		}
		if n := d.pullOnce(ctx, min(free, pullBatch)); n > 0 {
			idle = minIdle
			if n < min(free, pullBatch) {
				pause(ctx, gather)
			}
			continue
		}
		d.wait(ctx, idle)
		idle = min(2*idle, maxIdle)
	}
}

// wait ends early when a slot becomes free or the dispatcher stops.
func (d *Dispatcher) wait(ctx context.Context, atMost time.Duration) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-d.freed:
	case <-timer.C:
	}
}

// pause ends early when the dispatcher stops.
func pause(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (d *Dispatcher) pullOnce(ctx context.Context, n int) int {
	response, err := d.subscriber.Pull(ctx, &pubsubpb.PullRequest{
		Subscription: d.target.subscription, MaxMessages: int32(n),
		ReturnImmediately: true, //nolint:staticcheck // pstest would sleep 500 ms without noticing a new message
	})
	if err != nil {
		return 0 // away or stopping: ask again after the idle wait
	}
	now := time.Now()
	for _, m := range response.GetReceivedMessages() {
		if v := d.hold(m, now); v != nil {
			d.later(v, v.plan.delay)
		}
	}
	return len(response.GetReceivedMessages())
}

// hold registers a pulled message. One whose lease ran out while we hold it only gets its new acknowledgement id.
func (d *Dispatcher) hold(m *pubsubpb.ReceivedMessage, now time.Time) *delivery {
	id := m.GetMessage().GetMessageId()
	d.mu.Lock()
	defer d.mu.Unlock()
	if v := d.held[id]; v != nil {
		v.ackID, v.leasedAt = m.GetAckId(), now
		return nil
	}
	v := &delivery{
		message: m.GetMessage(), ackID: m.GetAckId(), leasedAt: now, plan: d.policy.Faults.plan(id),
	}
	d.held[id] = v
	return v
}

// ackLoop sends the acknowledgements that have gathered while the last batch was under way.
func (d *Dispatcher) ackLoop(ctx context.Context) {
	batch := make([]string, 0, ackBatch)
	for id := range d.acks {
		batch = append(batch[:0], id)
		for len(batch) < ackBatch {
			select {
			case id, open := <-d.acks:
				if open {
					batch = append(batch, id)
					continue
				}
			default:
			}
			break
		}
		d.acknowledge(ctx, batch)
	}
}

// acknowledge is best effort: what is lost is delivered again, as the contract of Pub/Sub allows.
func (d *Dispatcher) acknowledge(ctx context.Context, ids []string) {
	ctx, cancel := context.WithTimeout(ctx, rpcTimeout)
	defer cancel()
	_, _ = d.subscriber.Acknowledge(ctx, &pubsubpb.AcknowledgeRequest{
		Subscription: d.target.subscription, AckIds: ids,
	})
}

// leaseLoop extends the leases of what is held for long: slow requests and retries.
func (d *Dispatcher) leaseLoop(ctx context.Context) {
	ticker := time.NewTicker(leaseEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if ids := d.aging(now); len(ids) > 0 {
				_ = d.modifyDeadline(ctx, ids, leaseLength) // failed: redelivered, and hold knows it
			}
		}
	}
}

// aging returns the leases to extend and notes them as extended: the next time is half a lease later.
func (d *Dispatcher) aging(now time.Time) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []string
	for _, v := range d.held {
		if v.ackID != "" && now.Sub(v.leasedAt) >= leaseAge {
			ids = append(ids, v.ackID)
			v.leasedAt = now.Add(leaseLength/2 - leaseAge)
		}
	}
	return ids
}

func (d *Dispatcher) modifyDeadline(ctx context.Context, ids []string, deadline time.Duration) error {
	for start := 0; start < len(ids); start += ackBatch {
		_, err := d.subscriber.ModifyAckDeadline(ctx, &pubsubpb.ModifyAckDeadlineRequest{
			Subscription: d.target.subscription, AckIds: ids[start:min(start+ackBatch, len(ids))],
			AckDeadlineSeconds: int32(deadline / time.Second),
		})
		if err != nil {
			return fmt.Errorf("modify deadline: %w", err)
		}
	}
	return nil
}
