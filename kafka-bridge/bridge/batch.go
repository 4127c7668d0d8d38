package bridge

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// A worker takes between so many records at once, which become one request to Pub/Sub: the more, the less a request costs
// each, but the workers of a small poll should end together.
const (
	minChunk      = 64
	maxChunk      = 256
	chunksAWorker = 4
)

// attributesBytes is what the attributes of a payment take on the wire beside its data, most often.
const attributesBytes = 224

// Pauses between the rounds in which a batch's failed messages are published again.
const (
	backoffInitial = 100 * time.Millisecond
	backoffMax     = 5 * time.Second
)

// item is one record on its way. The record is kept until it is acknowledged: a message that the bus refuses for good
// becomes a dead letter, which needs it.
type item struct {
	record    *kgo.Record
	message   message
	span      trace.Span // of consume, then of publish; nil where its trace is not kept
	sending   acknowledgement
	published bool      // Pub/Sub acknowledged it
	delivery  *delivery // to the tokenised topic, of a published payment where there is one
	head      *item     // whose letter stands for this record as well, nil when it has a message of its own
	done      bool
}

// acknowledgement is a publication's future outcome.
type acknowledgement interface {
	Wait(ctx context.Context) error
}

// span is the part of a batch that belongs to one partition, in offset order.
type span struct {
	partition *partition
	first     int64  // number of the first record in the assignment
	items     []item // a window of the batch's items
	passed    int    // leading items that left the ledger
}

// batch is one poll on its way.
type batch struct {
	items   []item
	chunk   int // how many items a worker takes at once
	spans   []span
	sentAt  []time.Time // one per chunk
	stamped time.Time   // the latest moment at which a broker stamped one of them; zero when none did
	span    trace.Span  // from the first publication to the last acknowledgement
}

// newBatch enters the records of a poll in the ledger. It is called before rebalances are allowed again.
func newBatch(fetches kgo.Fetches, l *ledger) *batch {
	b := &batch{items: make([]item, 0, fetches.NumRecords())}
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		start := len(b.items)
		for _, r := range p.Records {
			b.items = append(b.items, item{record: r, done: r.Attrs.IsControl()}) // a marker has nothing to publish
			if at := serverStamp(r); at.After(b.stamped) {
				b.stamped = at
			}
		}
		owner, first := l.enter(partitionKey{p.Topic, p.Partition}, p.Records, p.HighWatermark)
		b.spans = append(b.spans, span{partition: owner, first: first, items: b.items[start:len(b.items):len(b.items)]})
	})
	b.chunk = min(max(len(b.items)/(chunksAWorker*runtime.GOMAXPROCS(0)), minChunk), maxChunk)
	b.sentAt = make([]time.Time, (len(b.items)+b.chunk-1)/b.chunk)
	return b
}

// send converts and publishes every record on as many workers as there are processors. It blocks while the bus is at
// its limits, until ctx ends.
func (b *Bridge) send(ctx context.Context, batch *batch) {
	began, workers := time.Now(), min(runtime.GOMAXPROCS(0), len(batch.sentAt))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				chunk := int(next.Add(1)) - 1
				if chunk >= len(batch.sentAt) {
					return
				}
				b.sendChunk(ctx, batch, chunk)
			}
		})
	}
	wg.Wait()
	b.sendNoise(ctx, batch)
	_, batch.span = obs.StartBatch(ctx, "publish batch", batch.spansOf(), trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindProducer))
}

// sendChunk holds noise back, which is put together when the whole batch is converted.
func (b *Bridge) sendChunk(ctx context.Context, batch *batch, chunk int) {
	items := batch.items[chunk*batch.chunk : min((chunk+1)*batch.chunk, len(batch.items))]
	on := sheetFor(len(items))
	for i := range items {
		if !items[i].done {
			b.consume(ctx, &items[i], on)
		}
	}
	batch.sentAt[chunk] = time.Now()
	b.publishAll(ctx, items)
}

// publishAll publishes payments in as few requests as hold them, and letters one by one.
func (b *Bridge) publishAll(ctx context.Context, items []item) {
	bundle := b.bundle(items)
	var attributes []bus.Attribute
	for i := range items {
		it := &items[i]
		if it.done || it.message.noise() {
			continue
		}
		it.traced(ctx)
		if it.message.letter != nil {
			it.sending = b.publish(ctx, &it.message)
			continue
		}
		if !bundle.Fits(len(it.message.data) + attributesBytes) {
			b.bus.PublishBundle(ctx, bundle)
			bundle = b.bundle(items[i:])
		}
		attributes = it.message.attributes(attributes[:0])
		it.sending = bundle
		if bundle.Add(it.message.data, attributes) != nil {
			it.sending = b.publish(ctx, &it.message) // is told the same
		}
	}
	if bundle.Len() > 0 {
		b.bus.PublishBundle(ctx, bundle)
	}
}

// bundle begins one with room for the payments of items.
func (b *Bridge) bundle(items []item) *bus.Bundle {
	size := 0
	for i := range items {
		size += len(items[i].message.data) + attributesBytes
	}
	return bus.NewBundle(b.cfg.PublishTopic, size)
}

func (b *Bridge) publish(ctx context.Context, m *message) *bus.Result {
	if m.letter != nil {
		return b.bus.DeadLetterAsync(ctx, m.topic, *m.letter)
	}
	return b.bus.PublishAsync(ctx, m.topic, m.envelope())
}

// finish waits until every record of the batch is acknowledged, publishing again what failed, for as long as it takes.
// When ctx ends first, what was acknowledged by then leaves the ledger all the same.
func (b *Bridge) finish(ctx context.Context, batch *batch, mark func(heads)) {
	defer batch.span.End()
	pause := backoffInitial
	for round := 0; ; round++ {
		started := time.Now()
		failed := b.await(ctx, batch, round == 0)
		undelivered, cause := b.awaitDeliveries(ctx, batch)
		b.ledger.advance(batch.progress(), mark)
		if failed+undelivered == 0 || ctx.Err() != nil {
			return
		}
		b.metrics.retries.Add(float64(failed))
		if failed > 0 {
			b.health.publishing.failed(started)
			b.log.WarnContext(ctx, "publishing failed, trying again", "records", failed, "pause_ms", pause.Milliseconds())
		}
		if undelivered > 0 {
			b.health.tokenising.failed(started)
			b.log.WarnContext(ctx, "the tokenised topic does not acknowledge, trying again", "records", undelivered, "error", cause)
		}
		if !sleep(ctx, pause) {
			return
		}
		pause = min(2*pause, backoffMax)
		b.resend(ctx, batch)
	}
}

// await waits for the outstanding results of Pub/Sub in order and returns how many failed.
func (b *Bridge) await(ctx context.Context, batch *batch, observe bool) (failed int) {
	for i := range batch.items {
		it := &batch.items[i]
		if !it.done && !b.acknowledged(ctx, it) {
			failed++
		}
		if last := i%batch.chunk == batch.chunk-1 || i == len(batch.items)-1; last && observe {
			b.metrics.latency.Observe(time.Since(batch.sentAt[i/batch.chunk]).Seconds())
		}
	}
	return failed
}

// acknowledged waits for one result. A message that the bus refuses for good turns into a dead letter, which the next
// round publishes.
func (b *Bridge) acknowledged(ctx context.Context, it *item) bool {
	if it.head != nil {
		if it.done = it.head.done; it.done {
			b.metrics.count(it.message.result)
		}
		return it.done
	}
	if it.published {
		return true
	}
	err := it.sending.Wait(ctx)
	if err == nil {
		it.published = true
		it.endSpan()
		b.health.publishing.worked()
		b.metrics.count(it.message.result)
		b.deliver(ctx, it)
		return true
	}
	if it.message.letter == nil && pix.KindOf(err).Disposition().DeadLetter {
		it.dies(b.converter.deadLetter(it.record, err))
	}
	return false
}

// resend publishes again what failed. Records of a partition that is no longer ours are given up: its new owner reads
// them from the last commit.
func (b *Bridge) resend(ctx context.Context, batch *batch) {
	for i := range batch.spans {
		s := &batch.spans[i]
		revoked := b.ledger.isRevoked(s.partition)
		for j := range s.items {
			it := &s.items[j]
			if it.done {
				continue
			}
			if revoked {
				it.done = true
				it.endSpan()
				continue
			}
			b.again(ctx, it)
		}
	}
}

// again sends one item to whichever of the two did not take it.
func (b *Bridge) again(ctx context.Context, it *item) {
	switch {
	case it.head != nil:
	case !it.published:
		it.sending = b.publish(ctx, &it.message)
	case it.delivery.failed():
		b.metrics.retries.Inc()
		b.deliver(ctx, it)
	}
}

// progress returns for each span the leading records that are done since the last call.
func (batch *batch) progress() []advance {
	list := make([]advance, 0, len(batch.spans))
	for i := range batch.spans {
		s := &batch.spans[i]
		from := s.passed
		out := advance{partition: s.partition, first: s.first + int64(from)}
		for s.passed < len(s.items) && s.items[s.passed].done {
			out.bytes += weight(s.items[s.passed].record)
			s.passed++
		}
		if out.records = s.passed - from; out.records == 0 {
			continue
		}
		last := s.items[s.passed-1].record
		out.head = kgo.EpochOffset{Epoch: last.LeaderEpoch, Offset: last.Offset + 1}
		list = append(list, out)
	}
	return list
}

// sleep waits for d and up to a half more, so that many bridges do not come back at once. It returns false when ctx
// ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d + rand.N(d/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
