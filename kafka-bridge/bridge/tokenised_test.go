package bridge_test

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// newTokenisedCloud is a cloud whose Kafka has the tokenised topic.
func newTokenisedCloud(t *testing.T) *cloud {
	t.Helper()
	return newCloud(t, kfake.SeedTopics(partitions, event.KafkaTokenised))
}

// refuseCopies lets every write to the tokenised topic fail as it does while too few of its replicas are in sync.
func refuseCopies(kafka *kfake.Cluster) *kfake.FaultHandle {
	return kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: event.KafkaTokenised, Err: kerr.NotEnoughReplicas, Count: -1})
}

// copies reads the whole tokenised topic.
func copies(tb testing.TB, kafka *kfake.Cluster, opts ...kgo.Opt) []*kgo.Record {
	tb.Helper()
	want := int64(0)
	for _, p := range kafka.PartitionInfos(event.KafkaTokenised) {
		want += p.HighWatermark
	}
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(kafka.ListenAddrs()...), kgo.ConsumeTopics(event.KafkaTokenised),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(50 * time.Millisecond)}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(tb.Context(), within)
	defer cancel()
	var out []*kgo.Record
	for int64(len(out)) < want {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			tb.Fatal(err)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}

func countKeys(records []*kgo.Record) map[pix.EndToEndID]int {
	ids := map[pix.EndToEndID]int{}
	for _, r := range records {
		ids[pix.EndToEndID(r.Key)]++
	}
	return ids
}

// verifyCopies proves the law that holds at any moment: what is committed is in the tokenised topic. It returns what is.
func (c *cloud) verifyCopies(t *testing.T) map[pix.EndToEndID]int {
	t.Helper()
	c.verify(t)
	offsets := c.committed() // before the copies, so that one in between cannot excuse a commit
	ids := countKeys(copies(t, c.kafka))
	c.mu.Lock()
	defer c.mu.Unlock()
	for p, offset := range offsets {
		for o := range min(offset, int64(len(c.at[p]))) {
			if id := c.at[p][o]; id != "" && ids[id] == 0 {
				t.Errorf("partition %d is committed to %d, but offset %d is not in the tokenised topic", p, offset, o)
				break
			}
		}
	}
	return ids
}

// copied tells whether every payment is in the tokenised topic.
func (c *cloud) copied() bool {
	n := int64(0)
	for _, p := range c.kafka.PartitionInfos(event.KafkaTokenised) {
		n += p.HighWatermark
	}
	return n >= int64(len(c.wanted()))
}

// What Pub/Sub got lies in the tokenised topic, byte for byte, keyed by payment; no dead letter does, and nothing raw.
func TestTokenisedTopicHoldsWhatWasPublished(t *testing.T) {
	t.Parallel()
	c := newTokenisedCloud(t)
	list := submissions(t, 81, 300)
	c.produce(t, list[:150])
	poison, bad := list[0], records(t, list[:1])[0]
	bad.Value = bytes.ReplaceAll(bad.Value, []byte(poison.ID), []byte("E0"))
	c.write(t, []*kgo.Record{{Value: []byte("{")}, bad, {Value: nil}})
	c.produce(t, list[150:])
	m := c.join(t, options{bridge: bridge.Config{TokenisedTopic: event.KafkaTokenised, Replay: true}})
	eventually(t, "all are copied", c.copied)
	eventually(t, "the letters", func() bool { return len(c.messages(event.TopicDeadLetter)) >= 2 })
	_ = m.leave(t)
	c.exact(t)

	want := map[string]map[string]string{}
	for _, message := range c.messages(event.TopicTransactions) {
		want[string(message.Data)] = message.Attributes
	}
	got := map[string]map[string]string{}
	for _, r := range copies(t, c.kafka) {
		headers := map[string]string{}
		for _, h := range r.Headers {
			headers[h.Key] = string(h.Value)
		}
		if string(r.Key) != headers[event.AttrEventID] || headers[event.AttrReplay] != event.ReplayTrue || headers[event.AttrSchema] != event.SchemaTransaction {
			t.Errorf("key %s with headers %v", r.Key, headers)
		}
		got[string(r.Value)] = headers
		for _, raw := range c.secrets[pix.EndToEndID(r.Key)] {
			if bytes.Contains(r.Value, []byte(raw)) || slices.Contains(slices.Collect(maps.Values(headers)), raw) {
				t.Errorf("a raw value of %d characters is in the tokenised topic", len(raw))
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("copies (-published +copied):\n%.2000s", diff)
	}
	if n := c.verifyCopies(t); len(n) != 300 {
		t.Errorf("%d payments are in the topic, want 300", len(n))
	}
	if n := gauge(t, m, "pix_bridge_tokenised_records_total"); n != 300 {
		t.Errorf("%v counted, want 300", n)
	}
}

// A payment goes to the tokenised topic when Pub/Sub has it, never before.
func TestTokenisedAfterPublished(t *testing.T) {
	t.Parallel()
	c := newTokenisedCloud(t)
	c.gate.set(codes.Unavailable)
	c.produce(t, submissions(t, 82, 100))
	m := c.join(t, options{bridge: bridge.Config{TokenisedTopic: event.KafkaTokenised}, bus: bus.Config{PublishTimeout: 200 * time.Millisecond}})
	eventually(t, "publishing failed", func() bool { return gauge(t, m, "pix_bridge_publish_retries_total") > 0 })
	if n := len(copies(t, c.kafka)); n != 0 {
		t.Errorf("%d payments are in the topic before they are published", n)
	}
	c.gate.set(codes.OK)
	eventually(t, "all are copied", c.copied)
	_ = m.leave(t)
	if diff := cmp.Diff(c.wanted(), c.verifyCopies(t)); diff != "" {
		t.Errorf("copies (-want +got):\n%.2000s", diff)
	}
}

// The process ends when Pub/Sub has acknowledged and the tokenised topic has not: nothing is committed, and its successor
// does all of it again.
func TestEndBetweenAcknowledgements(t *testing.T) {
	t.Parallel()
	c := newTokenisedCloud(t)
	refused := refuseCopies(c.kafka)
	c.produce(t, submissions(t, 83, 200))
	o := options{bridge: bridge.Config{TokenisedTopic: event.KafkaTokenised, DrainTimeout: 300 * time.Millisecond}}
	first := c.join(t, o)
	eventually(t, "all published", c.complete)
	_ = first.leave(t)
	for p, offset := range c.committed() {
		if offset != 0 {
			t.Errorf("partition %d is committed to %d without the second acknowledgement", p, offset)
		}
	}
	if n := len(c.verifyCopies(t)); n != 0 {
		t.Fatalf("%d payments are in a topic that takes none", n)
	}
	refused.Remove()
	second := c.join(t, o)
	eventually(t, "all are copied", c.copied)
	_ = second.leave(t)
	if diff := cmp.Diff(c.wanted(), c.verifyCopies(t)); diff != "" {
		t.Errorf("copies (-want +got):\n%.2000s", diff)
	}
	if n := c.lossless(t); n != 200 {
		t.Errorf("%d published again, want every one", n)
	}
}

// The tokenised topic is away for five minutes: what is in flight is bounded, no position moves, readiness tells and stays
// true, and then each payment is copied once.
func TestTokenisedTopicAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const payments, limit, poll = 1000, 200, 100
		b := newBubble(t)
		if err := b.kafka.CreateTopic(event.KafkaTokenised, partitions, nil); err != nil {
			t.Fatal(err)
		}
		refused := refuseCopies(b.kafka)
		b.cloud.produce(t, submissions(t, 84, payments))
		r := b.join(t, bridge.Config{TokenisedTopic: event.KafkaTokenised, MaxInFlightRecords: limit, MaxPollRecords: poll}, nil)
		for range 30 {
			time.Sleep(10 * time.Second)
			if n := r.sum(t, "pix_bridge_in_flight_records"); n == 0 || n >= limit+poll {
				t.Fatalf("%v records in flight, limit %d and one poll of %d", n, limit, poll)
			}
			if n := r.sum(t, "pix_bridge_lag_records"); n != payments {
				t.Fatalf("%v records are not acknowledged, want all", n)
			}
		}
		if ready, body := r.ready(); !ready || !strings.Contains(body, event.KafkaTokenised+" acknowledges nothing for ") || strings.Contains(body, "every publish fails") {
			t.Errorf("readiness tells %v: %s", ready, body)
		}
		if d := r.sum(t, "pix_bridge_publish_failing_seconds"); d < 200 {
			t.Errorf("the metric tells of %v s", d)
		}
		if n := b.pubsub.count(event.TopicTransactions); n >= limit+poll {
			t.Errorf("%d published, which is more than may be in flight", n)
		}
		refused.Remove()
		await(t, "everything is acknowledged", time.Minute, func() bool { return r.sum(t, "pix_bridge_lag_records") == 0 })
		if _, body := r.ready(); strings.Contains(body, "acknowledges nothing") {
			t.Errorf("readiness still tells: %s", body)
		}
		if diff := cmp.Diff(b.cloud.wanted(), countKeys(copies(t, b.kafka, kgo.Dialer(b.network.DialContext)))); diff != "" {
			t.Errorf("copies (-want +got):\n%.2000s", diff)
		}
	})
}

// Members come and go in mid-batch, and a hand-over that is clean copies nothing twice.
func TestTokenisedRebalance(t *testing.T) {
	t.Parallel()
	c := newTokenisedCloud(t)
	dice := rand.New(rand.NewPCG(85, 0))
	o := options{bridge: bridge.Config{TokenisedTopic: event.KafkaTokenised, MaxPollRecords: 40}}
	members := []*member{c.join(t, o)}
	for list := submissions(t, 85, 1500); len(list) > 0; {
		n := min(len(list), 100+dice.IntN(200))
		c.produce(t, list[:n])
		list = list[n:]
		if len(members) < 3 {
			members = append(members, c.join(t, o))
		} else {
			_ = members[0].leave(t)
			members = members[1:]
		}
		c.verifyCopies(t)
	}
	eventually(t, "all are copied", c.copied)
	for _, m := range members {
		_ = m.leave(t)
	}
	if diff := cmp.Diff(c.wanted(), c.verifyCopies(t)); diff != "" {
		t.Errorf("copies (-want +got):\n%.2000s", diff)
	}
}

// A rebalance does not wait for the tokenised topic: what it did not take is the new owner's.
func TestRebalanceWhileTokenisedTopicIsAway(t *testing.T) {
	t.Parallel()
	c := newTokenisedCloud(t)
	refused := refuseCopies(c.kafka)
	c.produce(t, submissions(t, 86, 400))
	o := options{bridge: bridge.Config{TokenisedTopic: event.KafkaTokenised, RevokeTimeout: 200 * time.Millisecond, MaxPollRecords: 50}}
	first := c.join(t, o)
	eventually(t, "in flight", func() bool { return gauge(t, first, "pix_bridge_in_flight_records") > 0 })
	second := c.join(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if _, err := c.kafka.WaitGroupStable(ctx, group, 2); err != nil {
		t.Fatal("the group did not come to rest")
	}
	refused.Remove()
	eventually(t, "all are copied", func() bool { return len(countKeys(copies(t, c.kafka))) == 400 })
	_, _ = first.leave(t), second.leave(t)
	c.lossless(t)
	c.verifyCopies(t)
}

// A topic that is not there ends the process with its name: a bridge without it would publish and never commit.
func TestMissingTokenisedTopic(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.produce(t, submissions(t, 87, 10))
	m := c.join(t, options{bridge: bridge.Config{TokenisedTopic: event.KafkaTokenised}})
	select {
	case <-m.done:
	case <-time.After(within):
		t.Fatal("the bridge runs")
	}
	if pix.KindOf(m.err) != pix.Invalid || !strings.Contains(m.err.Error(), "TOKENISED_TOPIC "+event.KafkaTokenised) {
		t.Errorf("got %v", m.err)
	}
	if n := len(c.published()); n != 0 {
		t.Errorf("%d payments published", n)
	}
	if code, _ := m.get("/readyz"); code == http.StatusOK {
		t.Error("ready")
	}
}

// The bridge must not read what it writes. Were another one told to, it would refuse every record: tokens are not taken
// from outside.
func TestTokenisedTopicIsNotRead(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]bridge.Config{
		"by default": {Brokers: []string{"kafka:9092"}, TokenisedTopic: kafkaTopic},
		"by name":    {Brokers: []string{"kafka:9092"}, Topic: "t", TokenisedTopic: "t"},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "TOKENISED_TOPIC: must not be KAFKA_TOPIC") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	s := submissions(t, 88, 1)[0]
	e, _ := bridge.Convert(tokenizer(t), &kgo.Record{Value: wire(t, &s, event.EncodingProto), Headers: []kgo.RecordHeader{{
		Key: event.AttrEncoding, Value: []byte(event.EncodingProto),
	}}})
	r := &kgo.Record{Value: e.Data}
	for k, v := range e.Attributes {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: k, Value: []byte(v)})
	}
	if _, dead := bridge.Convert(tokenizer(t), r); !dead {
		t.Error("a tokenised payment is taken as a raw one")
	}
}

// The lake reads the topic under the name that it has here.
func TestLakeReadsTheTokenisedTopic(t *testing.T) {
	t.Parallel()
	holds(t, "../../models/src/sentinela_lake/tables.py", "TOPIC = "+strconv.Quote(event.KafkaTokenised)+"\n")
}

func holds(t *testing.T, file, text string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(data, []byte(text)) {
		t.Errorf("%s does not hold %q", file, text)
	}
}
