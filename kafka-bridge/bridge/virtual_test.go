package bridge_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/transcript"
)

// bubble is a Kafka and a Pub/Sub without sockets, so that a whole bridge lives in synctest's virtual time: minutes pass
// at once, and what is measured does not depend on the machine.
type bubble struct {
	kafka    *kfake.Cluster
	network  *kfake.VirtualNetwork
	pubsub   *publisher
	producer *kgo.Client
	cloud    *cloud // only its notes of what was produced
	listener *bufconn.Listener
	cut      bool // bridges that join find the brokers away
}

// publisher is a Pub/Sub that takes every publish and keeps it.
type publisher struct {
	pubsubpb.UnimplementedPublisherServer
	away atomic.Bool

	mu       sync.Mutex
	messages map[string][]*pubsubpb.PubsubMessage // by the last part of the topic's name
}

func (p *publisher) Publish(_ context.Context, req *pubsubpb.PublishRequest) (*pubsubpb.PublishResponse, error) {
	if p.away.Load() {
		return nil, status.Error(codes.Unavailable, "away")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	topic := req.GetTopic()[strings.LastIndex(req.GetTopic(), "/")+1:]
	ids := make([]string, len(req.GetMessages()))
	for i, m := range req.GetMessages() {
		p.messages[topic] = append(p.messages[topic], m)
		ids[i] = strconv.Itoa(len(p.messages[topic]))
	}
	return &pubsubpb.PublishResponse{MessageIds: ids}, nil
}

func (p *publisher) count(topic string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.messages[topic])
}

func (p *publisher) published() map[pix.EndToEndID]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := map[pix.EndToEndID]int{}
	for _, m := range p.messages[event.TopicTransactions] {
		ids[pix.EndToEndID(m.GetAttributes()[event.AttrEventID])]++
	}
	return ids
}

// newBubble starts both; call it inside synctest.Test.
func newBubble(t *testing.T) *bubble {
	t.Helper()
	time.Sleep(time.Until(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))) // no payment of the simulated world is in the future
	b := &bubble{
		network: &kfake.VirtualNetwork{}, pubsub: &publisher{messages: map[string][]*pubsubpb.PubsubMessage{}},
		listener: bufconn.Listen(1 << 20),
	}
	var err error
	b.kafka, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(b.network.Listen), kfake.SeedTopics(partitions, kafkaTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.kafka.Close)
	server := grpc.NewServer()
	pubsubpb.RegisterPublisherServer(server, b.pubsub)
	go func() { _ = server.Serve(b.listener) }()
	t.Cleanup(server.Stop)
	b.producer = b.newProducer(t)
	b.cloud = &cloud{producer: b.producer, produced: map[pix.EndToEndID]int{}, at: map[int32][]pix.EndToEndID{}, secrets: map[pix.EndToEndID][]string{}}
	return b
}

func (b *bubble) newProducer(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	p, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(b.kafka.ListenAddrs()...), kgo.Dialer(b.network.DialContext), kgo.DefaultProduceTopic(kafkaTopic),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// resident is a bridge that runs in a bubble.
type resident struct {
	member
	wire *wireState
}

// join starts a bridge with the settings of production, but for the periodic commit: one that waits for a join, or a join
// that waits for one, holds a lock of the client on which virtual time does not pass. It commits when it hands over.
func (b *bubble) join(t *testing.T, cfg bridge.Config, now func() time.Time, opts ...kgo.Opt) *resident {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///bubble", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return b.listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	pubsub, err := bus.Open(t.Context(), bus.Config{ProjectID: "test"}, option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	r := &resident{member: member{logs: &transcript.Buffer{}, bus: pubsub, done: make(chan struct{})}, wire: &wireState{}}
	r.wire.dead.Store(b.cut)
	cfg.Brokers, cfg.CommitInterval = b.kafka.ListenAddrs(), 24*time.Hour
	r.Bridge, err = bridge.New(cfg, bridge.Deps{
		Bus: pubsub, Tokenizer: tokenizer(t), Registry: obs.NewRegistry(), Now: now,
		Log: obs.Logger(r.logs, slog.LevelDebug, obs.Service{Name: "test"}),
		KafkaOptions: append(opts, kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			return r.wire.dial(ctx, func() (net.Conn, error) { return b.network.DialContext(ctx, network, address) })
		})),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	go func() {
		defer close(r.done)
		r.err = r.Run(ctx)
	}()
	t.Cleanup(func() {
		_ = r.leave(t)
		_ = pubsub.Close(context.Background())
		if t.Failed() {
			t.Logf("the bridge returned %v; its log:\n%.6000s", r.err, r.logs)
		}
	})
	return r
}

// wireState is what a bridge's connections to Kafka are like.
type wireState struct {
	dead   atomic.Bool   // what is sent is swallowed, nothing comes, new connections hang
	broken atomic.Uint64 // connections made before it was raised are dead; new ones are not
	opened atomic.Uint64
}

func (w *wireState) dial(ctx context.Context, dial func() (net.Conn, error)) (net.Conn, error) {
	if w.dead.Load() { // as the client's own dialer, which gives up after its time
		ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
		defer cancel()
		<-ctx.Done()
		return nil, fmt.Errorf("dial: %w", ctx.Err())
	}
	conn, err := dial()
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return &wireConn{Conn: conn, state: w, number: w.opened.Add(1)}, nil
}

// swallow kills the connections that are open now. Nobody is told.
func (w *wireState) swallow() { w.broken.Store(w.opened.Load()) }

type wireConn struct {
	net.Conn
	state  *wireState
	number uint64
}

func (c *wireConn) swallows() bool { return c.state.dead.Load() || c.number <= c.state.broken.Load() }

func (c *wireConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.swallows() {
			return n, err
		}
	}
}

func (c *wireConn) Write(p []byte) (int, error) {
	if c.swallows() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// await lets virtual time pass until ok, and returns how much.
func await(t *testing.T, what string, limit time.Duration, ok func() bool) time.Duration {
	t.Helper()
	started := time.Now()
	for ; !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Since(started) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
	return time.Since(started)
}

// ready is the answer of /readyz.
func (r *resident) ready() (bool, string) {
	code, body := r.get("/readyz")
	return code == http.StatusOK, body
}

// sum adds up a metric over its labels.
func (r *resident) sum(t *testing.T, name string) (total float64) {
	t.Helper()
	_, metrics := r.get("/metrics")
	found := false
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		found, total = true, total+number(t, line)
	}
	if !found {
		t.Fatalf("no metric %s", name)
	}
	return total
}

// number is the value of one line of metrics.
func number(t *testing.T, line string) float64 {
	t.Helper()
	fields := strings.Fields(line)
	v, err := strconv.ParseFloat(fields[len(fields)-1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
