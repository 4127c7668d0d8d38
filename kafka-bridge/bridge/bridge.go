package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// queueLength is how many batches may wait behind the one that is being settled. The ledger's limits bound their size.
const queueLength = 8

// leaveTimeout bounds the request that leaves the group.
const leaveTimeout = time.Second

// Deps is what a Bridge works with. All but KafkaOptions is required.
type Deps struct {
	Bus          *bus.Bus
	Tokenizer    *pix.Tokenizer
	Log          *slog.Logger
	Registry     *prometheus.Registry
	KafkaOptions []kgo.Opt // added to the client's own, for tests
}

// Bridge is one member of the consumer group. Run it once.
type Bridge struct {
	cfg          Config
	bus          *bus.Bus
	log          *slog.Logger
	registry     *prometheus.Registry
	kafkaOptions []kgo.Opt
	converter    *converter
	ledger       *ledger
	metrics      *metrics
	health       *health
	unpacker     *unpacker
	poison       *poison
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
	b := &Bridge{
		cfg: cfg, bus: deps.Bus, log: deps.Log, registry: deps.Registry, kafkaOptions: deps.KafkaOptions,
		converter: &converter{
			tokenizer: deps.Tokenizer, topic: cfg.PublishTopic, deadLetterTopic: cfg.DeadLetterTopic, now: time.Now,
		},
		ledger:   newLedger(),
		unpacker: unpacker,
		poison:   newPoison(),
		health:   &health{unreadyAfter: cfg.UnreadyAfter},
	}
	b.metrics = newMetrics(deps.Registry, b.ledger, b.health)
	return b, nil
}

// Run carries records until ctx ends, then stops polling, lets what is in flight be acknowledged for DrainTimeout,
// commits, and leaves the group. It returns an error when only a new process can go on.
func (b *Bridge) Run(ctx context.Context) error {
	// Work that was polled goes on under hard when ctx has ended, until the time to drain is over.
	hard, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	soft, stop := context.WithCancel(ctx)
	defer stop()
	drain := time.AfterFunc(math.MaxInt64, cancel)
	defer drain.Stop()
	context.AfterFunc(soft, func() { drain.Reset(b.cfg.DrainTimeout) })

	client, err := kgo.NewClient(b.options(hard)...)
	if err != nil {
		return pix.E(pix.Invalid, "open kafka client", err)
	}
	queue, settled := make(chan *batch, queueLength), make(chan struct{})
	go func() {
		defer close(settled)
		for batch := range queue {
			b.settle(hard, batch, client.MarkCommitOffsets)
		}
	}()
	err = b.poll(soft, client, func(batch *batch) {
		b.send(hard, batch)
		queue <- batch
	})
	stop()
	close(queue)
	<-settled
	cancel()
	b.leave(client)
	if err != nil {
		return fmt.Errorf("run bridge: %w", err)
	}
	return nil
}

// poll is the loop. It reads ahead of the acknowledgements until the ledger is full.
func (b *Bridge) poll(ctx context.Context, client *kgo.Client, forward func(*batch)) error {
	for b.ledger.awaitRoom(ctx, b.cfg.MaxInFlightRecords, b.cfg.MaxInFlightBytes) {
		fetches := b.fetch(ctx, client)
		batch := newBatch(fetches, b.ledger)
		b.skipUnreadable(ctx, client, fetches)
		client.AllowRebalance()
		if len(batch.items) > 0 {
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

// leave commits and leaves the group, each within its bound. Leaving calls the revoke callback once more.
func (b *Bridge) leave(client *kgo.Client) {
	b.commit(client)
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout+commitTimeout)
	defer cancel()
	if err := client.LeaveGroupContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
		b.log.Warn("leaving the group failed: it will time us out", "error", err)
	}
	client.CloseAllowingRebalance()
}
