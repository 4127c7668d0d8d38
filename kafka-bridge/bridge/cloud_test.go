package bridge_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/transcript"
	"github.com/sentinela-pix/sentinela/shared/world"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The Pub/Sub SDK's metrics library starts it in an init and never ends it.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
	)
}

const (
	kafkaTopic = "pix.transactions"
	group      = "kafka-bridge"
	partitions = 4
	within     = 60 * time.Second // for what takes a fraction of it
)

// gate is a Pub/Sub that can refuse or dawdle: while code is not OK every publish gets it, and a request with the
// payment poison is always refused.
type gate struct {
	code   atomic.Uint32
	pause  atomic.Int64
	poison atomic.Pointer[pix.EndToEndID]
}

func (g *gate) set(c codes.Code) { g.code.Store(uint32(c)) }

func (g *gate) React(req any) (bool, any, error) {
	time.Sleep(time.Duration(g.pause.Load()))
	if id := g.poison.Load(); id != nil && slices.ContainsFunc(req.(*pubsubpb.PublishRequest).GetMessages(),
		func(m *pubsubpb.PubsubMessage) bool { return m.GetAttributes()[event.AttrEventID] == string(*id) }) {
		return true, &pubsubpb.PublishResponse{}, status.Error(codes.PermissionDenied, "not this one") // at once: the client tries nothing again
	}
	if c := codes.Code(g.code.Load()); c != codes.OK {
		return true, &pubsubpb.PublishResponse{}, status.Error(c, "away")
	}
	return false, &pubsubpb.PublishResponse{}, nil
}

// cloud is a Kafka, a Pub/Sub, and what was written into the first.
type cloud struct {
	kafka    *kfake.Cluster // nil when Kafka is a real one
	pubsub   *pstest.Server
	gate     *gate
	producer *kgo.Client

	mu       sync.Mutex
	produced map[pix.EndToEndID]int
	at       map[int32][]pix.EndToEndID  // by partition and offset
	secrets  map[pix.EndToEndID][]string // raw values of each payment, which must not appear anywhere
}

func newCloud(tb testing.TB, opts ...kfake.Opt) *cloud {
	tb.Helper()
	kafka, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, kafkaTopic),
		kfake.GroupMinSessionTimeout(100 * time.Millisecond)}, opts...)...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(kafka.Close)
	g := &gate{}
	pubsub := pstest.NewServer(pstest.ServerReactorOption{FuncName: "Publish", Reactor: g})
	tb.Cleanup(func() { _ = pubsub.Close() })
	producer, err := kgo.NewClient(kgo.SeedBrokers(kafka.ListenAddrs()...), kgo.DefaultProduceTopic(kafkaTopic),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(producer.Close)
	return &cloud{
		kafka: kafka, pubsub: pubsub, gate: g, producer: producer,
		produced: map[pix.EndToEndID]int{}, at: map[int32][]pix.EndToEndID{}, secrets: map[pix.EndToEndID][]string{},
	}
}

// submissions returns the first n payments of a seeded world.
func submissions(tb testing.TB, seed uint64, n int) []pix.Submission {
	tb.Helper()
	w := world.New(world.Params{Seed: seed, Accounts: 500, Days: 60})
	list := make([]pix.Submission, 0, n)
	for len(list) < n {
		e, ok := w.Next()
		if !ok {
			tb.Fatalf("the world ended after %d payments", len(list))
		}
		list = append(list, e.Submission)
	}
	return list
}

// produce writes payments into Kafka and remembers their ids and every raw value in them.
func (c *cloud) produce(tb testing.TB, list []pix.Submission) {
	tb.Helper()
	records := make([]*kgo.Record, len(list))
	for i := range list {
		data, err := event.EncodeSubmissionJSON(&list[i])
		if err != nil {
			tb.Fatal(err)
		}
		c.hide(&list[i])
		records[i] = &kgo.Record{Value: data}
	}
	c.write(tb, records)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range records {
		c.produced[list[i].ID]++
		c.remember(r, list[i].ID)
	}
}

// remember notes which payment lies at an offset; empty for a record that is none. c.mu is held.
func (c *cloud) remember(r *kgo.Record, id pix.EndToEndID) {
	for int64(len(c.at[r.Partition])) <= r.Offset {
		c.at[r.Partition] = append(c.at[r.Partition], "")
	}
	c.at[r.Partition][r.Offset] = id
}

func (c *cloud) write(tb testing.TB, records []*kgo.Record) {
	tb.Helper()
	if err := c.producer.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		tb.Fatal(err)
	}
}

func (c *cloud) hide(s *pix.Submission) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, raw := range []pix.Secret{
		s.Payer.Document, s.Payer.Key, s.Payer.Name, s.Payee.Document, s.Payee.Key, s.Payee.Name, s.DeviceID,
	} {
		if v := raw.Reveal(); len(v) >= 6 {
			c.secrets[s.ID] = append(c.secrets[s.ID], v)
		}
	}
}

// published counts the payments on the transactions topic by id.
func (c *cloud) published() map[pix.EndToEndID]int {
	ids := map[pix.EndToEndID]int{}
	for _, m := range c.messages(event.TopicTransactions) {
		ids[pix.EndToEndID(m.Attributes[event.AttrEventID])]++
	}
	return ids
}

func (c *cloud) messages(topic string) []*pstest.Message {
	return slices.DeleteFunc(c.pubsub.Messages(), func(m *pstest.Message) bool { return !strings.HasSuffix(m.Topic, "/"+topic) })
}

// committed returns the group's offset per partition.
func (c *cloud) committed() map[int32]int64 {
	offsets := map[int32]int64{}
	if c.kafka == nil {
		return offsets
	}
	if info := c.kafka.GroupInfo(group); info != nil {
		for p, commit := range info.Commits[kafkaTopic] {
			offsets[p] = commit.Offset
		}
	}
	return offsets
}

// verify proves the two laws that hold at any moment: what is committed is published, and nothing raw is on the bus.
func (c *cloud) verify(tb testing.TB) {
	tb.Helper()
	offsets := c.committed() // before published, so that a publish in between cannot excuse a commit
	ids := c.published()
	c.mu.Lock()
	defer c.mu.Unlock()
	for p, offset := range offsets {
		for o := range min(offset, int64(len(c.at[p]))) {
			if id := c.at[p][o]; id != "" && ids[id] == 0 {
				tb.Errorf("partition %d is committed to %d, but offset %d was never published", p, offset, o)
				break
			}
		}
	}
	for _, m := range c.pubsub.Messages() {
		text := string(m.Data)
		for k, v := range m.Attributes {
			text += "\n" + k + "=" + v
		}
		for _, raw := range c.secrets[pix.EndToEndID(m.Attributes[event.AttrEventID])] {
			if strings.Contains(text, raw) {
				tb.Errorf("a raw value of %d characters is in a message of %s", len(raw), m.Topic)
				return
			}
		}
	}
}

// exact compares the published payments with what was produced; extra allows duplicates.
func (c *cloud) exact(tb testing.TB) {
	tb.Helper()
	if diff := cmp.Diff(c.wanted(), c.published()); diff != "" {
		tb.Errorf("published payments (-want +got):\n%.2000s", diff)
	}
	c.verify(tb)
}

// lossless is exact, but forgives duplicates.
func (c *cloud) lossless(tb testing.TB) (duplicates int) {
	tb.Helper()
	got := c.published()
	for id, n := range c.wanted() {
		if got[id] < n {
			tb.Errorf("%s: published %d times, produced %d times", id, got[id], n)
		}
		duplicates += got[id] - n
		delete(got, id)
	}
	for id := range got {
		tb.Errorf("%s was published and never produced", id)
	}
	c.verify(tb)
	return duplicates
}

func (c *cloud) wanted() map[pix.EndToEndID]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.produced)
}

// complete tells whether everything produced so far was published at least once.
func (c *cloud) complete() bool {
	got := c.published()
	for id := range c.wanted() {
		if got[id] == 0 {
			return false
		}
	}
	return true
}

// member is a running bridge.
type member struct {
	*bridge.Bridge
	logs *transcript.Buffer
	bus  *bus.Bus
	stop context.CancelFunc
	done chan struct{}
	err  error
}

// options are what a test changes of a member.
type options struct {
	bridge bridge.Config
	bus    bus.Config
	kafka  []kgo.Opt
	watch  time.Duration // of quiet partitions
}

// join starts a member, which is stopped with the test.
func (c *cloud) join(tb testing.TB, o options) *member {
	tb.Helper()
	o.bus.ProjectID = "test"
	pubsub, err := bus.Open(tb.Context(), o.bus, option.WithEndpoint(c.pubsub.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		tb.Fatal(err)
	}
	for _, topic := range []string{event.TopicTransactions, event.TopicDeadLetter} {
		if err := pubsub.EnsureTopic(tb.Context(), topic); err != nil {
			tb.Fatal(err)
		}
	}
	o.bridge.Brokers = c.kafka.ListenAddrs()
	if o.bridge.CommitInterval == 0 {
		o.bridge.CommitInterval = 100 * time.Millisecond
	}
	o.bridge.SessionTimeout = 2 * time.Second
	m := &member{logs: &transcript.Buffer{}, bus: pubsub, done: make(chan struct{})}
	m.Bridge, err = bridge.New(o.bridge, bridge.Deps{
		Bus: pubsub, Tokenizer: tokenizer(tb), Registry: obs.NewRegistry(),
		Log: obs.Logger(m.logs, slog.LevelDebug, obs.Service{Name: "test"}),
		KafkaOptions: append([]kgo.Opt{
			kgo.FetchMaxWait(50 * time.Millisecond), kgo.RebalanceTimeout(3 * time.Second), kgo.MetadataMinAge(50 * time.Millisecond),
		}, o.kafka...),
	})
	if err != nil {
		tb.Fatal(err)
	}
	if o.watch > 0 {
		m.QuietEvery(o.watch)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() {
		defer close(m.done)
		m.err = m.Run(ctx)
	}()
	tb.Cleanup(func() {
		m.leave(tb)
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = pubsub.Close(closing)
		if tb.Failed() {
			tb.Logf("the member returned %v; its log:\n%.4000s", m.err, m.logs)
		}
	})
	return m
}

// leave stops the member, checks that it took at most the time a process has, and returns what Run did.
func (m *member) leave(tb testing.TB) error {
	tb.Helper()
	started := time.Now()
	m.stop()
	select {
	case <-m.done:
	case <-time.After(10 * time.Second):
		tb.Fatal("the bridge did not stop within 10s")
	}
	if took := time.Since(started); took > 9*time.Second {
		tb.Errorf("stopping took %v", took)
	}
	return m.err
}

// get asks the member's HTTP side.
func (m *member) get(path string) (int, string) {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func tokenizer(tb testing.TB) *pix.Tokenizer {
	tb.Helper()
	tok, err := pix.NewTokenizer(pix.TokenKey{Version: 2, Secret: bytes.Repeat([]byte("k"), 32)},
		&pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("j"), 32)})
	if err != nil {
		tb.Fatal(err)
	}
	return tok
}

// eventually waits for ok.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("%s: not within %v", what, within)
		}
	}
}
