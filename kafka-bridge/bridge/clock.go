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
func (b *Bridge) awaitClock(ctx context.Context, batch *batch) bool {
	slow := b.clockError(batch)
	if slow == nil {
		return true
	}
	started, said := time.Now(), time.Time{}
	for ; slow != nil; slow = b.clockError(batch) {
		if time.Since(said) >= clockReminder {
			said = time.Now()
			b.log.ErrorContext(ctx, "payments wait: set the clock right", "error", slow, "records", len(batch.items))
		}
		if !sleep(ctx, clockPause) {
			return false
		}
	}
	b.log.InfoContext(ctx, "the clock is right again: payments go on", "waited_s", int64(time.Since(started).Seconds()))
	b.giveUp(batch)
	return true
}

// clockError says that the clock is behind. The watch forgets a stamp in time; what waits is shown to it again, until our
// clock has passed it. By then these payments are not of the future for us either, so a broker whose clock was fast for a
// while does not stop a bridge for good.
func (b *Bridge) clockError(batch *batch) error {
	if err := b.clock.Err(); err != nil {
		return err
	}
	b.clock.Saw(batch.stamped)
	return b.clock.Err()
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
