package bridge_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// Commits fail until the first member is gone, as if it had been killed between publish and commit: its successor
// publishes everything again and nothing is lost.
func TestNothingIsLostWithoutItsCommit(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.produce(t, submissions(t, 11, 500))
	refuse := c.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Err: kerr.InvalidCommitOffsetSize, Count: -1})
	first := c.join(t, options{})
	eventually(t, "all published", c.complete)
	_ = first.leave(t)
	if got := c.committed(); len(got) != 0 {
		t.Fatalf("committed %v although every commit failed", got)
	}
	if _, metrics := first.get("/metrics"); strings.Contains(metrics, "pix_bridge_commit_failures_total 0") {
		t.Error("failed commits are not counted")
	}
	refuse.Remove()
	second := c.join(t, options{})
	eventually(t, "all published again", func() bool { return len(c.messages(event.TopicTransactions)) >= 1000 })
	_ = second.leave(t)
	if got := c.lossless(t); got != 500 {
		t.Errorf("%d duplicates, want every record once more", got)
	}
}

// Pub/Sub refuses for a while: memory is bounded, nothing is committed or skipped, readiness tells of it and stays true,
// since another bridge would fare no better, and all resumes.
func TestPubSubAway(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.gate.set(codes.Unavailable)
	c.produce(t, submissions(t, 12, 2000))
	const limit, poll = 200, 100
	m := c.join(t, options{
		bridge: bridge.Config{MaxInFlightRecords: limit, MaxPollRecords: poll},
		bus:    bus.Config{PublishTimeout: 200 * time.Millisecond, MaxOutstandingMessages: 150},
	})
	eventually(t, "told", func() bool {
		code, body := m.get("/readyz")
		return code == http.StatusOK && strings.Contains(body, "every publish fails for 1s")
	})
	if gauge(t, m, "pix_bridge_publish_failing_seconds") == 0 {
		t.Error("no metric tells")
	}
	for range 50 {
		if n := gauge(t, m, "pix_bridge_in_flight_records"); n >= limit+poll {
			t.Fatalf("%v records in flight, limit %d and one poll of %d", n, limit, poll)
		}
		time.Sleep(10 * time.Millisecond)
	}
	for p, offset := range c.committed() {
		if offset != 0 {
			t.Errorf("partition %d is committed to %d although nothing was published", p, offset)
		}
	}
	if n := len(c.messages(event.TopicTransactions)); n != 0 {
		t.Fatalf("%d messages published", n)
	}
	c.gate.set(codes.OK)
	eventually(t, "all published", c.complete)
	eventually(t, "well again", func() bool { _, body := m.get("/readyz"); return !strings.Contains(body, "every publish") })
	_ = m.leave(t)
	c.lossless(t)
	if gauge(t, m, "pix_bridge_publish_retries_total") == 0 {
		t.Error("no retry counted")
	}
}

// Pub/Sub comes and goes while records flow.
func TestFlappingPubSub(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			dice := rand.New(rand.NewPCG(seed, 0))
			m := c.join(t, options{bridge: bridge.Config{MaxPollRecords: 50}, bus: bus.Config{PublishTimeout: 100 * time.Millisecond}})
			list := submissions(t, 100+seed, 1000)
			failures := []codes.Code{codes.OK, codes.Unavailable, codes.InvalidArgument, codes.PermissionDenied, codes.ResourceExhausted}
			for len(list) > 0 {
				n := min(len(list), 1+dice.IntN(200))
				c.produce(t, list[:n])
				list = list[n:]
				c.gate.set(failures[dice.IntN(len(failures))])
				time.Sleep(time.Duration(dice.IntN(150)) * time.Millisecond)
				c.verify(t)
			}
			c.gate.set(codes.OK)
			eventually(t, "all published", c.complete)
			_ = m.leave(t)
			c.lossless(t)
			if n := len(c.messages(event.TopicDeadLetter)); n != 0 {
				t.Errorf("%d good records became dead letters", n)
			}
		})
	}
}

// Members come and go in mid-batch. Without a crash every partition is handed over with its acknowledged offset.
func TestRebalance(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.gate.pause.Store(int64(2 * time.Millisecond))
			dice := rand.New(rand.NewPCG(seed, 1))
			o := options{bridge: bridge.Config{MaxPollRecords: 40}}
			members := []*member{c.join(t, o)}
			list := submissions(t, 200+seed, 4000)
			for len(list) > 0 {
				n := min(len(list), 100+dice.IntN(300))
				c.produce(t, list[:n])
				list = list[n:]
				time.Sleep(time.Duration(dice.IntN(100)) * time.Millisecond)
				switch {
				case len(members) < 2 || len(members) < 3 && dice.IntN(2) == 0:
					members = append(members, c.join(t, o))
				case dice.IntN(2) == 0:
					_ = members[0].leave(t)
					members = members[1:]
				}
				c.verify(t)
			}
			eventually(t, "all published", c.complete)
			for _, m := range members {
				_ = m.leave(t)
			}
			if n := c.lossless(t); n != 0 {
				t.Errorf("%d duplicates although every hand-over was clean", n)
			}
		})
	}
}

// The coordinator throws the member out in mid-batch: its partitions are lost, not revoked.
func TestPartitionsLost(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.gate.pause.Store(int64(2 * time.Millisecond))
	m := c.join(t, options{bridge: bridge.Config{MaxPollRecords: 40}})
	list := submissions(t, 13, 2000)
	c.produce(t, list[:1000])
	eventually(t, "some published", func() bool { return len(c.messages(event.TopicTransactions)) > 100 })
	c.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID})
	eventually(t, "lost", func() bool { _, metrics := m.get("/metrics"); return strings.Contains(metrics, `event="lost"`) })
	c.produce(t, list[1000:])
	eventually(t, "all published", c.complete)
	_ = m.leave(t)
	c.lossless(t)
}

// While Pub/Sub is away a second member joins: the first hands over within its bound and gives up what it holds of the
// partitions it lost, so a rebalance never waits for an outage to end.
func TestRebalanceDuringAnOutage(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.gate.set(codes.Unavailable)
	c.produce(t, submissions(t, 14, 400))
	o := options{
		bridge: bridge.Config{RevokeTimeout: 200 * time.Millisecond, MaxPollRecords: 50},
		bus:    bus.Config{PublishTimeout: 200 * time.Millisecond},
	}
	first := c.join(t, o)
	eventually(t, "in flight", func() bool { return gauge(t, first, "pix_bridge_in_flight_records") > 0 })
	second := c.join(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	_, err := c.kafka.WaitGroupInfo(ctx, group, func(g *kfake.GroupInfo) bool {
		return g.State == "Stable" && len(g.Members) == 2 && g.Members[0].NumAssigned() == 2 && g.Members[1].NumAssigned() == 2
	})
	if err != nil {
		t.Fatal("the group did not come to rest during the outage")
	}
	c.gate.set(codes.OK)
	eventually(t, "all published", c.complete)
	_, _ = first.leave(t), second.leave(t)
	c.lossless(t)
}

// A clean stop under load loses nothing and repeats nothing.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.gate.pause.Store(int64(time.Millisecond))
			dice := rand.New(rand.NewPCG(seed, 2))
			c.produce(t, submissions(t, 300+seed, 3000))
			stop := 100 + dice.IntN(1500)
			m := c.join(t, options{bridge: bridge.Config{MaxPollRecords: 100, CommitInterval: time.Hour}})
			eventually(t, "under load", func() bool { return len(c.messages(event.TopicTransactions)) > stop })
			_ = m.leave(t)
			c.verify(t)
			if c.complete() {
				t.Skip("it was faster than the stop")
			}
			c.join(t, options{})
			eventually(t, "all published", c.complete)
			c.exact(t)
		})
	}
}

// Stopping while Pub/Sub is away ends within the drain time and commits nothing that was not acknowledged.
func TestStopDuringAnOutage(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.gate.set(codes.Unavailable)
	c.produce(t, submissions(t, 15, 300))
	m := c.join(t, options{bridge: bridge.Config{DrainTimeout: 300 * time.Millisecond}, bus: bus.Config{PublishTimeout: time.Minute}})
	eventually(t, "in flight", func() bool { return gauge(t, m, "pix_bridge_in_flight_records") > 0 })
	started := time.Now()
	_ = m.leave(t)
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("stopping took %v with 300ms to drain", took)
	}
	c.verify(t)
	closing, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = m.bus.Close(closing)
	c.gate.set(codes.OK)
	c.join(t, options{})
	eventually(t, "all published", c.complete)
	c.lossless(t)
}

// One record is never acknowledged while those after it are, and then the process stops: their acknowledgements must
// not carry the commit past the gap.
func TestStopWithAGap(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	list := submissions(t, 17, 101)
	c.gate.poison.Store(&list[0].ID)
	c.produce(t, list[:1])
	m := c.join(t, options{bridge: bridge.Config{DrainTimeout: 300 * time.Millisecond}})
	eventually(t, "the first one failed", func() bool { return gauge(t, m, "pix_bridge_publish_retries_total") > 0 })
	c.produce(t, list[1:])
	eventually(t, "the others published", func() bool { return len(c.published()) == 100 })
	_ = m.leave(t)
	c.verify(t)
	c.gate.poison.Store(nil)
	c.join(t, options{})
	eventually(t, "all published", c.complete)
	c.lossless(t)
}

// Since franz-go 1.22 a topic that was deleted and created again stops the client for good: the process must end, so
// that its successor reads the new topic.
func TestRecreatedTopicEndsTheProcess(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.produce(t, submissions(t, 16, 10))
	m := c.join(t, options{kafka: []kgo.Opt{kgo.ConsiderMissingTopicDeletedAfter(100 * time.Millisecond), kgo.MetadataMaxAge(200 * time.Millisecond)}})
	eventually(t, "all published", c.complete)
	if err := c.kafka.DeleteTopic(kafkaTopic); err != nil {
		t.Fatal(err)
	}
	if err := c.kafka.CreateTopic(kafkaTopic, partitions, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-m.done:
		if m.err == nil {
			t.Error("Run returned no error")
		}
	case <-time.After(within):
		t.Error("the bridge goes on as if the topic were there")
	}
}

// gauge reads one unlabelled metric.
func gauge(tb testing.TB, m *member, name string) float64 {
	tb.Helper()
	_, metrics := m.get("/metrics")
	for line := range strings.Lines(metrics) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				tb.Fatal(err)
			}
			return v
		}
	}
	tb.Fatalf("no metric %s", name)
	return 0
}
