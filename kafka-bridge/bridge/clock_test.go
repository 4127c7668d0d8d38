package bridge_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/appendtime"
)

// skewed is a machine's clock that is wrong by what it holds, and can be set right.
type skewed struct{ by atomic.Int64 }

func (s *skewed) now() time.Time { return time.Now().Add(time.Duration(s.by.Load())) }

// now returns payments that happen at a moment.
func now(t *testing.T, seed uint64, n int, at time.Time) []pix.Submission {
	t.Helper()
	list := submissions(t, seed, n)
	for i := range list {
		id := string(list[i].ID) // E, ISPB, minute, and what tells it apart
		list[i].ID, list[i].EventTime = pix.EndToEndID(id[:9]+at.UTC().Format("200601021504")+id[21:]), at
	}
	return list
}

// logAppendTime makes the cluster stamp what is produced.
func (b *bubble) logAppendTime() { appendtime.Stamp(b.kafka) }

// committed adds up the group's offsets.
func (b *bubble) committed() (total int64) {
	if info := b.kafka.GroupInfo(group); info != nil {
		for _, c := range info.Commits[kafkaTopic] {
			total += c.Offset
		}
	}
	return total
}

// The machine's clock is six minutes slow, so that every payment looks like one of the future. The broker's stamps show
// whose clock is wrong: payments wait, nothing is refused or committed, and all goes on when the clock is set right.
func TestSlowClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.logAppendTime()
		clock := &skewed{}
		clock.by.Store(int64(-6 * time.Minute))
		r := b.join(t, bridge.Config{MaxPollRecords: 20}, clock.now)
		b.stable(t, 1)
		b.cloud.produce(t, now(t, 71, 200, time.Now()))
		time.Sleep(9 * time.Minute)
		if n := b.pubsub.count(event.TopicDeadLetter); n != 0 {
			t.Fatalf("%d payments became dead letters", n)
		}
		if n := len(b.pubsub.published()); n != 0 {
			t.Errorf("%d payments were published by a clock that is known to be wrong", n)
		}
		if n := r.sum(t, "pix_bridge_in_flight_records"); n > 20 {
			t.Errorf("%v records wait, want at most one poll of 20", n)
		}
		if ok, body := r.ready(); ok || !strings.Contains(body, "this machine's clock is 6m0s behind") {
			t.Errorf("ready %v: %s", ok, body)
		}
		if v := r.sum(t, "pix_bridge_clock_behind_seconds"); v < 359 || v > 361 {
			t.Errorf("the clock is %v s behind, by the metric", v)
		}
		if _, metrics := r.get("/metrics"); strings.Contains(metrics, `event="lost"`) || strings.Contains(metrics, `event="revoked"`) {
			t.Error("the membership was lost")
		}
		if n := strings.Count(r.logs.String(), "payments wait"); n < 5 || n > 10 {
			t.Errorf("said %d times in nine minutes", n)
		}
		clock.by.Store(0)
		await(t, "all published", time.Minute, func() bool { return len(b.pubsub.published()) == 200 })
		if ok, body := r.ready(); !ok {
			t.Errorf("not ready when the clock is right: %s", body)
		}
		_ = r.leave(t)
		if n := b.committed(); n != 200 || b.pubsub.count(event.TopicDeadLetter) != 0 {
			t.Errorf("%d committed, %d dead letters", n, b.pubsub.count(event.TopicDeadLetter))
		}
	})
}

// The clock is an hour slow, and stays so for longer than the watch remembers a stamp: what waits reminds it.
func TestVerySlowClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.logAppendTime()
		clock := &skewed{}
		clock.by.Store(int64(-time.Hour))
		r := b.join(t, bridge.Config{}, clock.now)
		b.stable(t, 1)
		b.cloud.produce(t, now(t, 72, 20, time.Now()))
		time.Sleep(30 * time.Second)
		for range 30 {
			time.Sleep(time.Minute)
			if ok, _ := r.ready(); ok {
				t.Fatalf("ready at %v", time.Now())
			}
		}
		clock.by.Store(0)
		await(t, "all published", time.Minute, func() bool { return len(b.pubsub.published()) == 20 })
		if n := b.pubsub.count(event.TopicDeadLetter); n != 0 {
			t.Errorf("%d dead letters", n)
		}
	})
}

// The process is stopped while payments wait: it ends at once and has committed nothing.
func TestStopWhilePaymentsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.logAppendTime()
		clock := &skewed{}
		clock.by.Store(int64(-6 * time.Minute))
		r := b.join(t, bridge.Config{}, clock.now)
		b.stable(t, 1)
		b.cloud.produce(t, now(t, 73, 40, time.Now()))
		await(t, "payments wait", time.Minute, func() bool { return r.sum(t, "pix_bridge_in_flight_records") > 0 })
		started := time.Now()
		if err := r.leave(t); err != nil {
			t.Error(err)
		}
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("stopping took %v", took)
		}
		if n := b.committed(); n != 0 || len(b.pubsub.published()) != 0 {
			t.Errorf("%d committed, %d published", n, len(b.pubsub.published()))
		}
		_ = b.join(t, bridge.Config{}, nil) // on a machine whose clock is right
		await(t, "all published", time.Minute, func() bool { return len(b.pubsub.published()) == 40 })
	})
}

// Another bridge takes a partition over while its payments wait: the one whose clock was slow leaves them to it.
func TestTakeoverWhilePaymentsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.logAppendTime()
		clock := &skewed{}
		clock.by.Store(int64(-6 * time.Minute))
		slow := b.join(t, bridge.Config{}, clock.now)
		b.stable(t, 1)
		list := now(t, 74, partitions, time.Now())
		b.cloud.write(t, encoded(t, list, 0))
		await(t, "payments wait", time.Minute, func() bool { return slow.sum(t, "pix_bridge_in_flight_records") > 0 })
		_ = b.join(t, bridge.Config{}, nil)
		b.stable(t, 2)
		await(t, "half published", time.Minute, func() bool { return len(b.pubsub.published()) == partitions/2 })
		clock.by.Store(0)
		await(t, "all published", time.Minute, func() bool { return len(b.pubsub.published()) == partitions })
		time.Sleep(time.Minute)
		for id, n := range b.pubsub.published() {
			if n != 1 {
				t.Errorf("%s was published %d times", id, n)
			}
		}
	})
}

// In a topic with CreateTime a stamp is the producer's own word: one whose clock is fast loses its own payments and
// stops nobody else.
func TestFastProducer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		r := b.join(t, bridge.Config{}, nil)
		b.stable(t, 1)
		ahead := time.Now().Add(time.Hour)
		fast, good := now(t, 75, 30, ahead)[20:], now(t, 75, 20, time.Now())
		for i := range good {
			b.cloud.write(t, encoded(t, good[i:i+1], 0))
			if i < len(fast) {
				rec := encoded(t, fast[i:i+1], 0)[0]
				rec.Timestamp = ahead
				b.cloud.write(t, []*kgo.Record{rec})
			}
		}
		await(t, "the others published", time.Minute, func() bool { return len(b.pubsub.published()) == len(good) })
		await(t, "its own refused", time.Minute, func() bool { return b.pubsub.count(event.TopicDeadLetter) == len(fast) })
		if ok, body := r.ready(); !ok {
			t.Errorf("not ready: %s", body)
		}
		if age := r.sum(t, "pix_bridge_oldest_unacknowledged_seconds"); age < 0 {
			t.Errorf("an age of %v s", age)
		}
	})
}

// A marker that ends a transaction is stamped by a broker in a topic with CreateTime too.
func TestMarkersShowASlowClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		clock := &skewed{}
		clock.by.Store(int64(-6 * time.Minute))
		r := b.join(t, bridge.Config{}, clock.now)
		b.stable(t, 1)
		p := b.newTransactional(t, "core")
		begin(t, p, encoded(t, now(t, 76, 5, time.Now()), 1))
		end(t, p, kgo.TryCommit)
		time.Sleep(time.Minute)
		if ok, _ := r.ready(); ok {
			t.Error("ready")
		}
		clock.by.Store(0)
		await(t, "published", time.Minute, func() bool { return len(b.pubsub.published()) == 5 })
	})
}
