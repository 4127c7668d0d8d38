package bridge_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// encoded returns payments as records of one partition.
func encoded(t *testing.T, list []pix.Submission, partition int32) []*kgo.Record {
	t.Helper()
	out := make([]*kgo.Record, len(list))
	for i := range list {
		data, err := event.EncodeSubmissionJSON(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		out[i] = &kgo.Record{Value: data, Partition: partition}
	}
	return out
}

// newTransactional returns a producer that places records by their Partition.
func (b *bubble) newTransactional(t *testing.T, id string) *kgo.Client {
	t.Helper()
	return b.newProducer(t, kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionTimeout(10*time.Minute))
}

func begin(t *testing.T, p *kgo.Client, list []*kgo.Record) {
	t.Helper()
	if err := p.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := p.ProduceSync(t.Context(), list...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func end(t *testing.T, p *kgo.Client, how kgo.TransactionEndTry) {
	t.Helper()
	if err := p.EndTransaction(t.Context(), how); err != nil {
		t.Fatal(err)
	}
}

// caughtUp tells whether every partition is committed to the end of its log.
func (b *bubble) caughtUp() bool {
	info := b.kafka.GroupInfo(group)
	for _, p := range b.kafka.PartitionInfos(kafkaTopic) {
		if info == nil || p.HighWatermark > 0 && info.Commits[kafkaTopic][p.Partition].Offset != p.HighWatermark {
			return false
		}
	}
	return true
}

// A transaction ends with a marker, which is no payment and takes an offset. Behind it there is nothing left to do.
func TestNoLagAfterATransaction(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		how  kgo.TransactionEndTry
		want int
	}{"committed": {kgo.TryCommit, 40}, "aborted": {kgo.TryAbort, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				r := b.join(t, bridge.Config{}, nil)
				p := b.newTransactional(t, "core")
				list := submissions(t, 41, 40)
				for i := range int32(partitions) {
					begin(t, p, encoded(t, list[i*10:(i+1)*10], i))
					end(t, p, tc.how)
				}
				time.Sleep(10 * time.Second)
				if lag := r.sum(t, "pix_bridge_lag_records"); lag != 0 {
					t.Errorf("a lag of %v records", lag)
				}
				if age := r.sum(t, "pix_bridge_oldest_unacknowledged_seconds"); age != 0 {
					t.Errorf("an unacknowledged record of %v s", age)
				}
				if n := len(b.pubsub.published()); n != tc.want || b.pubsub.count(event.TopicDeadLetter) != 0 {
					t.Errorf("%d payments, want %d, and %d dead letters", n, tc.want, b.pubsub.count(event.TopicDeadLetter))
				}
				again := b.join(t, bridge.Config{}, nil) // finds everything committed
				_ = r.leave(t)
				if !b.caughtUp() {
					t.Error("the group's offset is not at the end of the log")
				}
				time.Sleep(10 * time.Second)
				if lag := again.sum(t, "pix_bridge_lag_records"); lag != 0 {
					t.Errorf("after a hand-over, a lag of %v records", lag)
				}
			})
		})
	}
}

// A producer hangs in its transaction: nothing arrives of what lies behind it, and everything says so. The bridge itself
// is well.
func TestHangingTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		r := b.join(t, bridge.Config{}, nil)
		list := submissions(t, 42, 30)
		b.cloud.write(t, encoded(t, list[:10], 0))
		await(t, "published", time.Minute, func() bool { return len(b.pubsub.published()) == 10 })
		p := b.newTransactional(t, "hangs")
		begin(t, p, encoded(t, list[10:15], 2))
		behind := b.newProducer(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for i, record := range encoded(t, list[15:30], 2) {
			if err := behind.ProduceSync(t.Context(), record).FirstErr(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			if n := len(b.pubsub.published()); n != 10 {
				t.Fatalf("%d payments overtook the transaction", n-10)
			}
			if lag := r.sum(t, "pix_bridge_lag_records"); i > 2 && lag < float64(5+i) {
				t.Errorf("after %d more records a lag of %v", i+1, lag)
			}
		}
		time.Sleep(30 * time.Second)
		if lag := r.sum(t, "pix_bridge_lag_records"); lag != 20 {
			t.Errorf("a lag of %v, want 20", lag)
		}
		for _, name := range []string{"pix_bridge_oldest_unacknowledged_seconds", "pix_bridge_transaction_pending_seconds"} {
			if v := r.sum(t, name); v < 55 || v > 65 {
				t.Errorf("%s is %v after a minute", name, v)
			}
		}
		if ok, body := r.ready(); !ok || !strings.Contains(body, "a transaction is pending on partition 2 of "+kafkaTopic) {
			t.Errorf("ready %v: %s", ok, body)
		}
		end(t, p, kgo.TryAbort)
		await(t, "the others published", time.Minute, func() bool { return len(b.pubsub.published()) == 25 })
		time.Sleep(5 * time.Second)
		for _, name := range []string{
			"pix_bridge_lag_records", "pix_bridge_oldest_unacknowledged_seconds", "pix_bridge_transaction_pending_seconds",
		} {
			if v := r.sum(t, name); v != 0 {
				t.Errorf("%s is %v when all is done", name, v)
			}
		}
		if _, body := r.ready(); strings.Contains(body, "pending") {
			t.Errorf("readiness still tells of it: %s", body)
		}
	})
}

// A busy transactional producer has a transaction open at any moment. None of them hangs.
func TestBusyTransactionsAreNotPending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		r := b.join(t, bridge.Config{}, nil)
		p := b.newTransactional(t, "busy")
		list := submissions(t, 43, 60)
		for i := range list {
			begin(t, p, encoded(t, list[i:i+1], 1))
			time.Sleep(900 * time.Millisecond)
			if v := r.sum(t, "pix_bridge_transaction_pending_seconds"); v > 4 {
				t.Fatalf("a transaction is said to be pending for %v s", v)
			}
			end(t, p, kgo.TryCommit)
		}
		await(t, "published", time.Minute, func() bool { return len(b.pubsub.published()) == 60 })
	})
}

// Pub/Sub is away: the age is that of the oldest record by the record's own time, and nothing when all is acknowledged.
func TestAgeOfTheOldestRecord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.pubsub.away.Store(true)
		list := submissions(t, 44, 20)
		b.cloud.write(t, encoded(t, list[:10], 0))
		time.Sleep(time.Minute) // in Kafka before the bridge starts
		r := b.join(t, bridge.Config{}, nil)
		time.Sleep(time.Minute)
		b.cloud.write(t, encoded(t, list[10:], 0))
		time.Sleep(30 * time.Second)
		_, metrics := r.get("/metrics")
		oldest := 0.0
		for line := range strings.Lines(metrics) {
			if strings.HasPrefix(line, "pix_bridge_oldest_unacknowledged_seconds{") {
				oldest = max(oldest, number(t, line))
			}
		}
		if oldest < 150 || oldest > 152 {
			t.Errorf("the oldest record is %v s old, want 150", oldest)
		}
		if backlog := r.sum(t, "pix_bridge_backlog_seconds"); backlog != oldest {
			t.Errorf("a backlog of %v s, want %v", backlog, oldest)
		}
		if lag := r.sum(t, "pix_bridge_lag_records"); lag != 20 {
			t.Errorf("a lag of %v, want 20", lag)
		}
		b.pubsub.away.Store(false)
		await(t, "published", time.Minute, func() bool { return len(b.pubsub.published()) == 20 })
		time.Sleep(3 * time.Second)
		if age := r.sum(t, "pix_bridge_oldest_unacknowledged_seconds"); age != 0 {
			t.Errorf("%v s when all is acknowledged", age)
		}
		if backlog := r.sum(t, "pix_bridge_backlog_seconds"); backlog != 0 {
			t.Errorf("a backlog of %v s when all is acknowledged", backlog)
		}
	})
}

// What retention deleted before it was read is gone: it is no lag.
func TestDeletedRecordsAreNoLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.cloud.write(t, encoded(t, submissions(t, 45, 20), 0))
		for _, p := range b.kafka.PartitionInfos(kafkaTopic) {
			if err := b.kafka.DeleteRecords(kafkaTopic, p.Partition, p.HighWatermark); err != nil {
				t.Fatal(err)
			}
		}
		r := b.join(t, bridge.Config{}, nil)
		time.Sleep(10 * time.Second)
		if lag := r.sum(t, "pix_bridge_lag_records"); lag != 0 {
			t.Errorf("a lag of %v", lag)
		}
	})
}
