package bridge_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestEveryRecordArrivesOnce(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	list := submissions(t, 1, 3000)
	c.produce(t, list)
	m := c.join(t, options{})
	eventually(t, "all published", c.complete)
	if err := m.leave(t); err != nil {
		t.Fatal(err)
	}
	c.exact(t)
	for p, ids := range c.at {
		if got := c.committed()[p]; got != int64(len(ids)) {
			t.Errorf("partition %d is committed to %d of %d after a clean stop", p, got, len(ids))
		}
	}
	want := map[pix.EndToEndID]pix.Transaction{}
	for i := range list {
		want[list[i].ID] = tokenizer(t).Tokenize(&list[i])
	}
	for _, message := range c.messages(event.TopicTransactions) {
		got, err := event.DecodeTransaction(event.Envelope{Data: message.Data, Attributes: message.Attributes}, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		expected := want[got.ID]
		if !pix.SamePayment(&got, &expected) {
			t.Fatalf("%s arrived as another payment", got.ID)
		}
		attributes := map[string]string{
			event.AttrSchema: event.SchemaTransaction, event.AttrEncoding: event.EncodingProto, event.AttrEventID: string(got.ID),
		}
		if diff := cmp.Diff(attributes, message.Attributes); diff != "" || message.OrderingKey != "" {
			t.Fatalf("attributes: %s, ordering key %q", diff, message.OrderingKey)
		}
	}
}

// The bridge carries every record: telling a repeated payment from a new one is the consumers' work, by EndToEndId.
func TestSameRecordTwice(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	list := submissions(t, 2, 50)
	c.produce(t, list)
	c.produce(t, list)
	m := c.join(t, options{})
	eventually(t, "all published", func() bool { return len(c.messages(event.TopicTransactions)) >= 100 })
	_ = m.leave(t)
	c.exact(t)
}

func TestTraceIsContinued(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	list := submissions(t, 3, 2)
	for i, header := range []string{parent, "Maria da Silva"} {
		data, err := event.EncodeSubmissionJSON(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		c.write(t, []*kgo.Record{{Value: data, Headers: []kgo.RecordHeader{
			{Key: event.AttrTraceparent, Value: []byte(header)}, {Key: "customer", Value: []byte("Maria da Silva")},
		}}})
	}
	c.join(t, options{})
	eventually(t, "both published", func() bool { return len(c.messages(event.TopicTransactions)) == 2 })
	for _, m := range c.messages(event.TopicTransactions) {
		want := ""
		if m.Attributes[event.AttrEventID] == string(list[0].ID) {
			want = parent
		}
		if got := m.Attributes[event.AttrTraceparent]; got != want {
			t.Errorf("traceparent %q, want %q", got, want)
		}
		if len(m.Attributes) > 4 {
			t.Errorf("attributes %v hold more than ours", m.Attributes)
		}
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	idle, err := bridge.New(bridge.Config{Brokers: []string{"localhost:1"}}, deps(t))
	if err != nil {
		t.Fatal(err)
	}
	if code, _ := (&member{Bridge: idle}).get("/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz before the first assignment: %d", code)
	}
	c.produce(t, submissions(t, 4, 10))
	m := c.join(t, options{})
	eventually(t, "ready", func() bool { code, _ := m.get("/readyz"); return code == http.StatusOK })
	if code, _ := m.get("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz: %d", code)
	}
	eventually(t, "all published", c.complete)
	_ = m.leave(t)
	_, metrics := m.get("/metrics")
	for _, want := range []string{
		`pix_bridge_records_total{result="published"} 10`, "pix_bridge_in_flight_bytes 0", "pix_bridge_in_flight_records 0",
		"pix_bridge_publish_latency_seconds_count", "pix_bridge_publish_failing_seconds 0", `pix_bridge_rebalances_total{event="assigned"} 1`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestLagIsReported(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.produce(t, submissions(t, 5, 40))
	m := c.join(t, options{})
	eventually(t, "no lag on any partition", func() bool {
		_, metrics := m.get("/metrics")
		return strings.Count(metrics, `pix_bridge_lag_records{`) == partitions &&
			strings.Count(metrics, `"} 0`) >= partitions && c.complete()
	})
}
