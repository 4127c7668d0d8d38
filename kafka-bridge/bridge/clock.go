package bridge

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// How often a bridge whose clock is slow looks whether it was set right, and how often it says so.
const (
	clockPause    = 500 * time.Millisecond
	clockReminder = time.Minute
)

// serverStamp returns when a broker wrote the record, zero when only its producer says: a broker stamps the records of a
// topic with LogAppendTime, and every marker that ends a transaction.
func serverStamp(r *kgo.Record) time.Time {
	if r.Attrs.TimestampType() == 1 || r.Attrs.IsControl() {
		return r.Timestamp
	}
	return time.Time{}
}

// awaitClock blocks while this machine's clock is behind the brokers': it would take payments of now for payments of the
// future and refuse them for good. What was polled waits, nothing more is polled, and the member stays in its group. It
// returns false when ctx ended first.
//
// The stamp is shown to the watch again each time, because the watch forgets: what waits is itself the proof.
func (b *Bridge) awaitClock(ctx context.Context, batch *batch) bool {
	b.clock.Saw(batch.stamped)
	slow := b.clock.Err()
	if slow == nil {
		return true
	}
	started, said := time.Now(), time.Time{}
	for ; slow != nil; slow = b.clock.Err() {
		if time.Since(said) >= clockReminder {
			said = time.Now()
			b.log.ErrorContext(ctx, "payments wait: set the clock right", "error", slow, "records", len(batch.items))
		}
		if !sleep(ctx, clockPause) {
			return false
		}
		b.clock.Saw(batch.stamped)
	}
	b.log.InfoContext(ctx, "the clock is right again: payments go on", "waited_s", int64(time.Since(started).Seconds()))
	b.giveUp(batch)
	return true
}

// giveUp takes out of a batch that waited the records of partitions that are no longer ours: their owner reads them.
func (b *Bridge) giveUp(batch *batch) {
	for _, s := range batch.spans {
		if !b.ledger.isRevoked(s.partition) {
			continue
		}
		for i := range s.items {
			s.items[i].done = true
		}
	}
}
