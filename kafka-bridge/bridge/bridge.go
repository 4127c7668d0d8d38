package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/clock"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// queueLength is how many batches may wait behind the one that is being finished. The ledger's limits bound their size.
const queueLength = 8

// Bounds of the end, after the time to drain: one for the request that leaves the group, and one for everything. Then
// every request of the client is cut off, so that no state of the brokers or the connections holds the process.
const (
	leaveTimeout  = time.Second
	finishTimeout = commitTimeout + leaveTimeout
)

// Deps is what a Bridge works with. All but Tracer, KafkaOptions and Now is required.
type Deps struct {
	Bus          *bus.Bus
	Tokenizer    *pix.Tokenizer
	Log          *slog.Logger
	Registry     *prometheus.Registry
	Tracer       trace.Tracer     // nil means none
	KafkaOptions []kgo.Opt        // added to the client's own, for tests
	Now          func() time.Time // the machine's clock; nil is time.Now
}

// Bridge is one member of the consumer group. Run it once.
type Bridge struct {
	cfg          Config
	bus          *bus.Bus
	log          *slog.Logger
	registry     *prometheus.Registry
	kafkaOptions []kgo.Opt
	converter    *converter
	tracing      tracing
	ledger       *ledger
	metrics      *metrics
	health       *health
	unpacker     *unpacker
	poison       *poison
	clock        *clock.Watch
	tokenised    *tokenised // nil without a tokenised topic, and until Run has found it
}

// New prepares a bridge without connecting.
func New(cfg Config, deps Deps) (*Bridge, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, pix.E(pix.Invalid, "new bridge", err)
	}
	unpacker, err := newUnpacker(&cfg)
	if err != nil {
		return nil, pix.E(pix.Invalid, "new bridge", err)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	b := &Bridge{
		cfg: cfg, bus: deps.Bus, log: deps.Log, registry: deps.Registry, kafkaOptions: deps.KafkaOptions,
		converter: &converter{
			tokenizer: deps.Tokenizer, topic: cfg.PublishTopic, deadLetterTopic: cfg.DeadLetterTopic, now: deps.Now,
			replay: cfg.Replay,
		},
		tracing:  newTracing(deps.Tracer),
		ledger:   newLedger(),
		unpacker: unpacker,
		poison:   newPoison(),
		health:   newHealth(),
		clock:    clock.NewWatch(0, deps.Now),
	}
	b.metrics = newMetrics(b)
	b.converter.unknown = func(field string) { b.metrics.unknown.WithLabelValues(field).Inc() }
	return b, nil
}

// Run carries records until ctx ends, then stops polling, lets what is in flight be acknowledged for DrainTimeout,
// commits, and leaves the group. It returns an error when only a new process can go on. It returns within DrainTimeout
// and finishTimeout of the end of ctx, whatever Kafka and Pub/Sub do then.
func (b *Bridge) Run(ctx context.Context) error {
	soft, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(soft, b.health.drain)
	if err := b.findTokenised(soft); err != nil || soft.Err() != nil {
		return err
	}
	// Work that was polled goes on under hard, the client's requests under life.
	hard, giveUp := after(soft, b.cfg.DrainTimeout)
	defer giveUp()
	life, cut := after(hard, finishTimeout)

	client, err := kgo.NewClient(append(b.options(hard), kgo.WithContext(life))...)
	if err != nil {
		cut()
		return pix.E(pix.Invalid, "open kafka client", err)
	}
	b.tokenised = newTokenised(client, b.cfg.TokenisedTopic)
	var asking, finishing sync.WaitGroup
	defer asking.Wait() // after life has ended, which also ends a dial
	defer cut()
	asking.Go(func() { b.askEnds(soft, client) })
	queue := make(chan *batch, queueLength)
	finishing.Go(func() {
		for batch := range queue {
			b.finish(hard, batch, client.MarkCommitOffsets)
		}
	})
	err = b.poll(soft, client, func(batch *batch) {
		b.send(hard, batch)
		queue <- batch
	})
	stop()
	close(queue)
	finishing.Wait()
	giveUp()
	b.leave(client)
	if err != nil {
		return fmt.Errorf("run bridge: %w", err)
	}
	return nil
}

// after returns a context that ends when d has passed since the end of parent, or when it is cancelled.
func after(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	timer := time.AfterFunc(math.MaxInt64, cancel)
	stop := context.AfterFunc(parent, func() { timer.Reset(d) })
	return ctx, func() {
		stop()
		timer.Stop()
		cancel()
	}
}

// poll is the loop. It reads ahead of the acknowledgements until the ledger is full.
func (b *Bridge) poll(ctx context.Context, client *kgo.Client, forward func(*batch)) error {
	for b.ledger.awaitRoom(ctx, b.cfg.MaxInFlightRecords, b.cfg.MaxInFlightBytes) {
		fetches := b.fetch(ctx, client)
		batch := newBatch(fetches, b.ledger)
		b.skipUnreadable(ctx, client, fetches)
		client.AllowRebalance()
		if len(batch.items) > 0 {
			if !b.awaitClock(ctx, batch) {
				return nil
			}
			forward(batch)
		}
		if err := b.fetchErrors(ctx, fetches); err != nil {
			return err
		}
		if fetches.IsClientClosed() {
			return nil
		}
	}
	return nil
}

// fetch waits for records, but no longer than until a partition is to be looked at.
func (b *Bridge) fetch(ctx context.Context, client *kgo.Client) kgo.Fetches {
	ctx, cancel := context.WithTimeout(ctx, b.poison.wait())
	defer cancel()
	return client.PollRecords(ctx, b.cfg.MaxPollRecords)
}

// leave commits and leaves the group, each within its bound. Leaving calls the revoke callback once more. What fails here
// costs duplicates and the time of a session, never a record.
func (b *Bridge) leave(client *kgo.Client) {
	b.commit(client)
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	if err := client.LeaveGroupContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
		b.log.Warn("leaving the group failed: it will time us out", "error", err)
	}
	client.CloseAllowingRebalance()
	client.AllowRebalance() // closing polls once more, and what it still holds would keep a goroutine waiting
}
