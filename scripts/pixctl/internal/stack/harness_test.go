package stack_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/bq"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// patience is how long a test waits for something that must happen; only a failing test waits it out. Beside the laws of this
// package on a busy machine a payment has taken more than a minute.
const patience = 4 * time.Minute

func start(t *testing.T, o stack.Options) *stack.Stack {
	t.Helper()
	o.Warehouse = bq.Start
	return startAs(t, o)
}

// startAs starts a stack with exactly these options.
func startAs(t *testing.T, o stack.Options) *stack.Stack {
	t.Helper()
	s, err := stack.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

// eagerPolicy writes a pack that stops many payments, and returns its location.
func eagerPolicy(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(name, enginetest.WithEagerThresholds(policy.Shipped()), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// await polls until the condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not come about within %s", what, patience)
		}
	}
}

// producer writes to Kafka as core banking does.
type producer struct{ client *kgo.Client }

func newProducer(t *testing.T, s *stack.Stack) producer {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Cloud.KafkaBrokers...), kgo.DefaultProduceTopic(stack.KafkaTopic),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.ProducerBatchMaxBytes(16<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return producer{client}
}

func (p producer) send(t *testing.T, sub *pix.Submission) {
	t.Helper()
	data, err := event.EncodeSubmissionJSON(sub)
	if err != nil {
		t.Fatal(err)
	}
	p.raw(t, &kgo.Record{Value: data})
}

func (p producer) raw(t *testing.T, r *kgo.Record) {
	t.Helper()
	p.client.Produce(t.Context(), r, func(_ *kgo.Record, err error) {
		if err != nil {
			t.Errorf("produce: %v", err)
		}
	})
}

// decisionsOf waits until every payment has a stored decision and returns them in order.
func decisionsOf(t *testing.T, s *stack.Stack, sent []*pix.Transaction) []*pix.Decision {
	t.Helper()
	decisions := make([]*pix.Decision, len(sent))
	for i, tx := range sent {
		await(t, "the decision on "+string(tx.ID), func() bool {
			d, err := s.Store.Decision(t.Context(), tx.ID)
			decisions[i] = d
			return err == nil && d != nil
		})
	}
	return decisions
}

// column reads one column of a view, sorted.
func column(t *testing.T, s *stack.Stack, view, name string) []string {
	t.Helper()
	sql := "SELECT " + name + " FROM `" + s.Reader.Dataset() + "." + view + "` AS t WHERE event_time > TIMESTAMP '2020-01-01 00:00:00+00'"
	answer, err := s.Reader.Query(t.Context(), sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(answer.Rows))
	for i, row := range answer.Rows {
		out[i] = row[0]
	}
	slices.Sort(out)
	return out
}

// collector keeps the messages pushed from topics.
type collector struct {
	mu       sync.Mutex
	messages map[string][]event.Envelope
}

func newCollector() *collector { return &collector{messages: map[string][]event.Envelope{}} }

func (c *collector) handler(topic string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Message struct {
				Data       []byte
				Attributes map[string]string
			}
		}
		data, err := io.ReadAll(r.Body)
		if err != nil || json.NewDecoder(bytes.NewReader(data)).Decode(&body) != nil {
			http.Error(w, "no envelope", http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.messages[topic] = append(c.messages[topic], event.Envelope{Data: body.Message.Data, Attributes: body.Message.Attributes})
		w.WriteHeader(http.StatusNoContent)
	})
}

func (c *collector) of(topic string) []event.Envelope {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.messages[topic])
}

func (c *collector) count(topic string) int { return len(c.of(topic)) }
