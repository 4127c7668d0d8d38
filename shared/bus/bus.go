package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	vkit "cloud.google.com/go/pubsub/v2/apiv1"
	"github.com/googleapis/gax-go/v2"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/conn"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config says where to publish and how much may wait for an acknowledgement. Zero fields take the defaults named.
type Config struct {
	ProjectID string
	// MaxOutstandingBytes and MaxOutstandingMessages bound what one topic holds unacknowledged: 64 MiB and 10,000.
	// A publisher blocks at either. Bundles have as much again, over all topics.
	MaxOutstandingBytes    int
	MaxOutstandingMessages int
	// Delay is how long a message waits for company in a batch: 1 ms.
	Delay time.Duration
	// PublishTimeout is how long one batch is tried before its messages fail with Timeout or Unavailable: 10 s.
	PublishTimeout time.Duration
	// Metrics receives pix_connections_replaced_total and what was published; nil means none.
	Metrics prometheus.Registerer
}

// Defaults of Config.
const (
	defaultOutstandingBytes    = 64 << 20
	defaultOutstandingMessages = 10_000
	defaultDelay               = time.Millisecond
	defaultPublishTimeout      = 10 * time.Second
)

// Bounds of the client's own retries of a batch. The longest pause also bounds how long Close can outlive its context.
const (
	retryInitial = 50 * time.Millisecond
	retryMax     = 500 * time.Millisecond
)

// errClosed is the cause of every publish after Close.
var errClosed = errors.New("bus is closed")

// Bus is a Pub/Sub client with one bounded publisher per topic. It is safe for concurrent use.
type Bus struct {
	client *pubsub.Client
	cfg    Config
	watch  *conn.Watch
	sent   *metrics

	bundles bundles
	sending sync.WaitGroup // bundles under way

	mu         sync.Mutex
	publishers map[string]*pubsub.Publisher // by topic name; the set is configuration, so it stays small
	closed     bool
}

// Open connects to Pub/Sub. The options are the SDK's own, so an emulator is invisible to the caller's code.
func Open(ctx context.Context, cfg Config, opts ...option.ClientOption) (*Bus, error) {
	cfg = cfg.withDefaults()
	sent, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, pix.E(pix.Invalid, "open bus", err)
	}
	// Half the time of a batch: what was caught on a dead connection still arrives on the next one.
	watch, err := conn.New(conn.Config{Client: "pubsub", Limit: cfg.PublishTimeout / 2, Metrics: cfg.Metrics})
	if err != nil {
		return nil, pix.E(pix.Invalid, "open bus", err)
	}
	client, err := pubsub.NewClientWithConfig(ctx, cfg.ProjectID, clientConfig(),
		append(opts[:len(opts):len(opts)], watch.Options()...)...)
	if err != nil {
		return nil, pix.E(pix.Unavailable, "open bus", err)
	}
	return &Bus{client: client, cfg: cfg, watch: watch, sent: sent, bundles: newBundles(cfg), publishers: map[string]*pubsub.Publisher{}}, nil
}

// withDefaults fills what was left zero.
func (c Config) withDefaults() Config {
	if c.MaxOutstandingBytes == 0 {
		c.MaxOutstandingBytes = defaultOutstandingBytes
	}
	if c.MaxOutstandingMessages == 0 {
		c.MaxOutstandingMessages = defaultOutstandingMessages
	}
	if c.Delay == 0 {
		c.Delay = defaultDelay
	}
	if c.PublishTimeout == 0 {
		c.PublishTimeout = defaultPublishTimeout
	}
	return c
}

// clientConfig replaces the SDK's retry of Publish, whose pauses grow to a minute and which retries a cancelled call:
// closing the connection must end a publish at once.
func clientConfig() *pubsub.ClientConfig {
	retry := gax.WithRetry(func() gax.Retryer {
		return gax.OnCodes(
			[]codes.Code{codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.Internal, codes.Unknown},
			gax.Backoff{Initial: retryInitial, Max: retryMax, Multiplier: 2},
		)
	})
	return &pubsub.ClientConfig{TopicAdminCallOptions: &vkit.TopicAdminCallOptions{Publish: []gax.CallOption{retry}}}
}

// Publish sends one envelope and returns once Pub/Sub has acknowledged it. It blocks while the topic is at its limits.
// An error says nothing about delivery: the message may have arrived, so publishing it again may duplicate it.
func (b *Bus) Publish(ctx context.Context, topic string, e event.Envelope) error {
	return b.PublishAsync(ctx, topic, e).Wait(ctx)
}

// PublishAsync queues one envelope and returns its future acknowledgement. It blocks while the topic is at its limits,
// until ctx ends. The envelope must not be changed before the result is known.
func (b *Bus) PublishAsync(ctx context.Context, topic string, e event.Envelope) *Result {
	if err := check(topic, e); err != nil {
		return &Result{topic: topic, err: err}
	}
	p, err := b.publisher(topic)
	if err != nil {
		return &Result{topic: topic, err: err}
	}
	b.sent.published(topic, e)
	return &Result{topic: topic, pending: p.Publish(ctx, &pubsub.Message{Data: e.Data, Attributes: e.Attributes})}
}

// Result is the future acknowledgement of one envelope.
type Result struct {
	topic   string
	pending *pubsub.PublishResult
	err     error
}

// Wait returns nil once Pub/Sub has acknowledged the envelope, or the reason why it did not, with its pix.Kind.
func (r *Result) Wait(ctx context.Context) error {
	if r.err != nil {
		return r.err
	}
	if _, err := r.pending.Get(ctx); err != nil {
		return publishError(r.topic, err)
	}
	return nil
}

// publisher returns the publisher of a topic and starts it on first use.
func (b *Bus) publisher(topic string) (*pubsub.Publisher, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, pix.E(pix.Cancelled, "publish to "+topic, errClosed)
	}
	if p, ok := b.publishers[topic]; ok {
		return p, nil
	}
	p := b.client.Publisher(topic)
	p.PublishSettings.DelayThreshold = b.cfg.Delay
	p.PublishSettings.CountThreshold = pubsub.MaxPublishRequestCount
	p.PublishSettings.Timeout = b.cfg.PublishTimeout
	p.PublishSettings.FlowControlSettings = pubsub.FlowControlSettings{
		MaxOutstandingMessages: b.cfg.MaxOutstandingMessages,
		MaxOutstandingBytes:    b.cfg.MaxOutstandingBytes,
		LimitExceededBehavior:  pubsub.FlowControlBlock,
	}
	b.publishers[topic] = p
	return p, nil
}

// Reachable tells operators whether connections died and none has answered since. It answers from memory.
func (b *Bus) Reachable() error { return b.watch.Err() }

// Close sends what is queued, as far as ctx allows, then cuts the connections; what was not sent by then fails with its
// own error. It returns ctx's error when the time did not suffice. No goroutine of the publishers outlives it.
func (b *Bus) Close(ctx context.Context) error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	done := b.stopAll()
	b.mu.Unlock()

	var late error
	select {
	case <-done:
	case <-ctx.Done():
		late = pix.E(kindOf(ctx.Err()), "close bus", ctx.Err())
	}
	err := b.watch.Close(ctx, b.client.Close)
	<-done
	if err != nil {
		err = fmt.Errorf("close bus: %w", err)
	}
	return errors.Join(late, err)
}

// stopAll stops every publisher at once and closes the channel when the last has stopped; b.mu is held.
func (b *Bus) stopAll() <-chan struct{} {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, p := range b.publishers {
		wg.Go(p.Stop)
	}
	wg.Go(b.sending.Wait)
	go func() {
		wg.Wait()
		close(done)
	}()
	return done
}
