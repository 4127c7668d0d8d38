package bridge_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
)

// stable waits until n members share the partitions.
func (b *bubble) stable(t *testing.T, n int) {
	t.Helper()
	await(t, fmt.Sprintf("%d members share the partitions", n), 2*time.Minute, func() bool {
		info := b.kafka.GroupInfo(group)
		if info == nil || info.State != "Stable" || len(info.Members) != n {
			return false
		}
		assigned := 0
		for _, m := range info.Members {
			assigned += m.NumAssigned()
		}
		return assigned == partitions
	})
}

// flow writes one payment into each partition and returns when all have been published, and how long it took.
func (b *bubble) flow(t *testing.T, seed uint64, limit time.Duration) time.Duration {
	t.Helper()
	parts := b.kafka.PartitionInfos(kafkaTopic)
	list := submissions(t, seed, len(parts))
	b.cloud.write(t, encoded(t, list, 0)) // one after the other to each partition
	return await(t, "payments of all partitions published", limit, func() bool {
		ids := b.pubsub.published()
		for i := range list {
			if ids[list[i].ID] == 0 {
				return false
			}
		}
		return true
	})
}

// A bridge that is killed or cut off says nothing. Its partitions are read by another within 15 s.
func TestTakeover(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		session, limit time.Duration
	}{
		"as shipped":          {0, 15 * time.Second},
		"the longest allowed": {12 * time.Second, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				killed := b.join(t, bridge.Config{SessionTimeout: tc.session}, nil)
				b.stable(t, 1)
				_ = b.join(t, bridge.Config{SessionTimeout: tc.session}, nil)
				b.stable(t, 2)
				b.flow(t, 51, time.Minute)
				killed.wire.dead.Store(true)
				took := b.flow(t, 52, 2*time.Minute)
				t.Logf("the partitions stood still for %v", took)
				if took > tc.limit {
					t.Errorf("the partitions stood still for %v, want at most %v", took, tc.limit)
				}
				killed.wire.dead.Store(false)
				b.stable(t, 2) // before the end, which commits
			})
		})
	}
}

// The topic grows: the first record of a new partition is read soon.
func TestNewPartition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		_ = b.join(t, bridge.Config{}, nil)
		_ = b.join(t, bridge.Config{}, nil)
		b.stable(t, 2)
		b.flow(t, 53, time.Minute)
		req := kmsg.NewPtrCreatePartitionsRequest()
		topic := kmsg.NewCreatePartitionsRequestTopic()
		topic.Topic, topic.Count = kafkaTopic, partitions+2
		req.Topics = append(req.Topics, topic)
		req.TimeoutMillis = 1000
		if _, err := req.RequestWith(t.Context(), b.producer); err != nil {
			t.Fatal(err)
		}
		b.producer.ForceMetadataRefresh()
		time.Sleep(100 * time.Millisecond)
		took := b.flow(t, 54, 10*time.Minute)
		t.Logf("the first records of new partitions waited %v", took)
		if took > 30*time.Second {
			t.Errorf("the first records of new partitions waited %v, want at most 30s", took)
		}
	})
}

// The connections to Kafka swallow everything and nobody is told: they are replaced before the session ends.
func TestDeadConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		r := b.join(t, bridge.Config{}, nil)
		b.stable(t, 1)
		b.flow(t, 55, time.Minute)
		r.wire.swallow()
		took := b.flow(t, 56, 2*time.Minute)
		t.Logf("payments waited %v", took)
		if took > 15*time.Second {
			t.Errorf("payments waited %v", took)
		}
		time.Sleep(time.Minute)
		if _, metrics := r.get("/metrics"); strings.Contains(metrics, `event="lost"`) {
			t.Error("the membership was lost")
		}
		if ok, body := r.ready(); !ok {
			t.Errorf("not ready: %s", body)
		}
	})
}

// A silence of the network that is shorter than the session costs no rebalance.
func TestShortSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		var all []*resident
		for n := range 3 {
			all = append(all, b.join(t, bridge.Config{}, nil))
			b.stable(t, n+1)
		}
		time.Sleep(5 * time.Second)
		before := 0.0
		for _, r := range all {
			before += r.sum(t, "pix_bridge_rebalances_total")
		}
		for range 10 {
			for _, r := range all {
				r.wire.dead.Store(true)
			}
			time.Sleep(2 * time.Second)
			for _, r := range all {
				r.wire.dead.Store(false)
			}
			time.Sleep(10 * time.Second)
		}
		after := 0.0
		for _, r := range all {
			after += r.sum(t, "pix_bridge_rebalances_total")
		}
		if after != before {
			t.Errorf("%v rebalance callbacks for silences of 2s", after-before)
		}
	})
}

// What a longer session and static membership would give and cost, beside what is shipped: the figures of
// docs/adr/0010-bridge-membership.md.
func TestMembershipFigures(t *testing.T) {
	t.Parallel()
	for _, session := range []time.Duration{45 * time.Second, 10 * time.Second, 6 * time.Second} {
		for _, static := range []bool{false, true} {
			t.Run(fmt.Sprintf("session of %v, static %v", session, static), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					got := measureMembership(t, session, static)
					t.Logf("payments of some partition waited %v for a restart within 3s, %v for one bridge less, %v for a kill; "+
						"two members silent for 20s: %v callbacks", got.restart, got.less, got.kill, got.callbacks)
					if session == 10*time.Second && !static && (got.restart > 5*time.Second || got.less > 5*time.Second || got.kill > 15*time.Second) {
						t.Error("as shipped, that is too long")
					}
				})
			})
		}
	}
}

// membershipFigures are how long payments waited, and how often partitions moved.
type membershipFigures struct {
	restart, less, kill time.Duration
	callbacks           float64
}

func measureMembership(t *testing.T, session time.Duration, static bool) (got membershipFigures) {
	t.Helper()
	b := newBubble(t)
	join := func(n int) *resident {
		opts := []kgo.Opt{kgo.SessionTimeout(session), kgo.HeartbeatInterval(min(session/10, 3*time.Second))}
		if static {
			opts = append(opts, kgo.InstanceID(fmt.Sprint("bridge-", n)))
		}
		return b.join(t, bridge.Config{}, nil, opts...)
	}
	var all []*resident
	for n := range 3 {
		all = append(all, join(n))
		time.Sleep(10 * time.Second)
	}
	b.stable(t, 3)
	_ = all[0].leave(t)
	time.Sleep(3 * time.Second)
	all[0] = join(0)
	got.restart = b.flow(t, 101, 3*time.Minute)
	time.Sleep(time.Minute)
	_ = all[1].leave(t)
	got.less = b.flow(t, 102, 3*time.Minute)
	time.Sleep(time.Minute)
	all[2].wire.dead.Store(true)
	got.kill = b.flow(t, 103, 3*time.Minute)
	all[2].wire.dead.Store(false)
	time.Sleep(2 * time.Minute)
	callbacks := func() float64 {
		return all[0].sum(t, "pix_bridge_rebalances_total") + all[2].sum(t, "pix_bridge_rebalances_total")
	}
	before := callbacks()
	for _, r := range []*resident{all[0], all[2]} {
		r.wire.dead.Store(true)
		time.Sleep(20 * time.Second)
		r.wire.dead.Store(false)
		time.Sleep(time.Minute)
	}
	got.callbacks = callbacks() - before
	return got
}

// A rolling restart: each member leaves and comes back. Nothing stands still for long, and no member loses the group.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		var all []*resident
		for n := range 3 {
			all = append(all, b.join(t, bridge.Config{}, nil))
			b.stable(t, n+1)
		}
		b.flow(t, 60, time.Minute)
		var worst time.Duration
		for i := range 3 {
			_ = all[i].leave(t)
			worst = max(worst, b.flow(t, 61+2*uint64(i), time.Minute))
			all = append(all, b.join(t, bridge.Config{}, nil))
			worst = max(worst, b.flow(t, 62+2*uint64(i), time.Minute))
			b.stable(t, 3)
		}
		callbacks := 0.0
		for _, r := range all {
			callbacks += r.sum(t, "pix_bridge_rebalances_total")
			if _, metrics := r.get("/metrics"); strings.Contains(metrics, `event="lost"`) {
				t.Error("a member lost the group")
			}
		}
		t.Logf("the longest wait was %v; %v rebalance callbacks in 6 members", worst, callbacks)
		if worst > 5*time.Second {
			t.Errorf("payments waited %v", worst)
		}
	})
}

// The group throws the member out and does not take it back: that is the process's own fault, and heals.
func TestUnreadyOutsideTheGroup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		early := b.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.GroupAuthorizationFailed, Count: -1})
		r := b.join(t, bridge.Config{}, nil)
		time.Sleep(time.Second)
		if ok, body := r.ready(); ok || !strings.Contains(body, "starting: not in the group") {
			t.Errorf("at the start: ready %v, %s", ok, body)
		}
		early.Remove()
		b.stable(t, 1)
		time.Sleep(time.Second)
		if ok, body := r.ready(); !ok {
			t.Fatalf("not ready in the group: %s", body)
		}
		refuse := b.kafka.Fault(
			kfake.Fault{Keys: []kmsg.Key{kmsg.JoinGroup}, Err: kerr.GroupAuthorizationFailed, Count: -1},
			kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID},
		)
		took := await(t, "unready", time.Minute, func() bool { ok, _ := r.ready(); return !ok })
		if took > 15*time.Second {
			t.Errorf("it took %v to tell", took)
		}
		if _, body := r.ready(); !strings.Contains(body, "outside the group for") || !strings.Contains(body, "GROUP_AUTHORIZATION_FAILED") {
			t.Errorf("it does not say why: %s", body)
		}
		if r.sum(t, "pix_bridge_outside_group_seconds") == 0 {
			t.Error("no metric tells")
		}
		refuse.Remove()
		await(t, "ready again", time.Minute, func() bool { ok, _ := r.ready(); return ok })
		b.flow(t, 57, time.Minute)
	})
}

// A member that is thrown out and comes back at once, as after a hand-over that took too long, stays ready.
func TestReadyWhileRejoining(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		r := b.join(t, bridge.Config{}, nil)
		b.stable(t, 1)
		time.Sleep(10 * time.Second)
		b.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.UnknownMemberID})
		for range 200 {
			time.Sleep(50 * time.Millisecond)
			if ok, body := r.ready(); !ok {
				t.Fatalf("unready: %s", body)
			}
		}
		if _, metrics := r.get("/metrics"); !strings.Contains(metrics, `event="lost"`) {
			t.Error("the member was not thrown out: the test shows nothing")
		}
	})
}

// No broker answers anybody: a bridge that was in the group is as good as any other, one that starts is not ready.
func TestReadyWhileKafkaIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		r := b.join(t, bridge.Config{}, nil)
		b.stable(t, 1)
		time.Sleep(10 * time.Second)
		r.wire.dead.Store(true)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			if ok, body := r.ready(); !ok {
				t.Fatalf("unready: %s", body)
			}
		}
		if _, body := r.ready(); !strings.Contains(body, "no broker answers for") {
			t.Errorf("it does not tell: %s", body)
		}
		if v := r.sum(t, "pix_bridge_kafka_silent_seconds"); v < 55 || v > 65 {
			t.Errorf("silent for %v s after a minute", v)
		}
		b.cut = true
		late := b.join(t, bridge.Config{}, nil)
		time.Sleep(time.Minute)
		if ok, _ := late.ready(); ok {
			t.Error("a bridge that never was in the group is ready")
		}
		late.wire.dead.Store(false)
		r.wire.dead.Store(false)
		for range 600 {
			time.Sleep(100 * time.Millisecond)
			if ok, body := r.ready(); !ok {
				t.Fatalf("unready when the brokers are back: %s", body)
			}
		}
		b.flow(t, 58, time.Minute)
		if _, body := r.ready(); strings.Contains(body, "no broker") {
			t.Errorf("it still tells: %s", body)
		}
	})
}
