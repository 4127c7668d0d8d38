package bridge

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of skipping unreadable batches. Rebalances wait meanwhile, so skipTimeout is well below a rebalance's.
const (
	skipTimeout  = 3 * time.Second
	lookBudget   = 500 * time.Millisecond // after which the other suspects wait for the next poll
	suspectPause = 50 * time.Millisecond  // between looks at whether a suspect has been acknowledged
)

// quietEvery is how often partitions that delivered nothing are looked at: the client says nothing of a batch whose
// records end early or whose length is wrong, and waits for ever.
const quietEvery = 10 * time.Second

// suspect is a partition that may stand before an unreadable batch. It is paused unless it is only quiet.
type suspect struct {
	quiet bool
	found *unreadable // what an inspection saw, kept while its letter is not acknowledged
	sent  bool        // the letter is acknowledged
	after time.Time   // of the next attempt
}

// poison keeps partitions going behind batches that cannot be read. Everything but assign and forget belongs to the loop
// that polls.
type poison struct {
	quietEvery time.Duration

	mu       sync.Mutex
	assigned map[partitionKey]bool // whether records came since the last watch
	suspects map[partitionKey]*suspect
	lookedAt time.Time
}

func newPoison() *poison {
	return &poison{quietEvery: quietEvery, assigned: map[partitionKey]bool{}, suspects: map[partitionKey]*suspect{}}
}

// assign notes partitions that are ours.
func (p *poison) assign(assigned map[string][]int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, ids := range assigned {
		for _, id := range ids {
			p.assigned[partitionKey{topic, id}] = false
		}
	}
}

// forget drops partitions that are ours no longer, and lets the client fetch them should they come back.
func (p *poison) forget(client *kgo.Client, gone map[string][]int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for topic, ids := range gone {
		for _, id := range ids {
			delete(p.assigned, partitionKey{topic, id})
			delete(p.suspects, partitionKey{topic, id})
		}
	}
	client.ResumeFetchPartitions(gone)
}

// wait is how long a poll may wait for records before there is something to look at.
func (p *poison) wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.suspects) > 0 {
		return suspectPause
	}
	return p.quietEvery
}

// observe takes from a poll which partitions delivered and which failed, and returns the suspects to look at now.
func (p *poison) observe(client *kgo.Client, fetches kgo.Fetches, now time.Time) []partitionKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		key := partitionKey{f.Topic, f.Partition}
		if _, ok := p.assigned[key]; !ok {
			return
		}
		if len(f.Records) > 0 { // an error beside records comes again without them
			p.assigned[key] = true
			return
		}
		if suspicious(f.Err) {
			client.PauseFetchPartitions(map[string][]int32{f.Topic: {f.Partition}})
			p.suspects[key] = &suspect{}
		}
	})
	if now.Sub(p.lookedAt) >= p.quietEvery {
		p.watch(now)
	}
	due := make([]partitionKey, 0, len(p.suspects))
	for key, s := range p.suspects {
		if !now.Before(s.after) {
			due = append(due, key)
		}
	}
	return due
}

// watch suspects what delivered nothing since the last time; p.mu is held.
func (p *poison) watch(now time.Time) {
	first := p.lookedAt.IsZero()
	p.lookedAt = now
	for key, delivered := range p.assigned {
		if !first && !delivered && p.suspects[key] == nil {
			p.suspects[key] = &suspect{quiet: true}
		}
		p.assigned[key] = false
	}
}

func (p *poison) get(key partitionKey) *suspect {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.suspects[key]
}

// release ends a suspicion.
func (p *poison) release(client *kgo.Client, key partitionKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.suspects, key)
	client.ResumeFetchPartitions(map[string][]int32{key.topic: {key.id}})
}

// suspicious tells whether an error may come from what lies in a partition, rather than from its broker or from us.
func suspicious(err error) bool {
	var broker *kerr.Error
	var loss *kgo.ErrDataLoss
	return err != nil && !errors.As(err, &broker) && !errors.As(err, &loss) && !errors.Is(err, errNoRoom) &&
		!errors.Is(err, kgo.ErrClientClosed) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// skipUnreadable looks at suspects of which nothing is in flight, and moves those that stand before an unreadable batch
// behind it. Rebalances must be blocked.
func (b *Bridge) skipUnreadable(ctx context.Context, client *kgo.Client, fetches kgo.Fetches) {
	due := b.poison.observe(client, fetches, time.Now())
	if len(due) == 0 || ctx.Err() != nil {
		return
	}
	inspector, err := b.newInspector()
	if err != nil {
		b.log.ErrorContext(ctx, "looking for an unreadable batch failed", "error", err)
		return
	}
	defer inspector.client.Close()
	ctx, cancel := context.WithTimeout(ctx, skipTimeout)
	defer cancel()
	for started := time.Now(); len(due) > 0 && time.Since(started) < lookBudget; due = due[1:] {
		s := b.poison.get(due[0])
		if s == nil || !b.ledger.idle(due[0]) {
			continue
		}
		if err := b.skip(ctx, skipping{client, inspector, due[0], s}); err != nil && !s.quiet {
			s.after = time.Now().Add(time.Second)
			b.log.WarnContext(ctx, "skipping an unreadable batch failed, trying again",
				"topic", due[0].topic, "partition", due[0].id, "error", err)
		}
	}
}

// skipping is what one attempt works with.
type skipping struct {
	client    *kgo.Client
	inspector *inspector
	key       partitionKey
	suspect   *suspect
}

// skip publishes the letter, commits, and moves the consumer, in this order: a process that dies in between writes the
// letter again, and never skips without one.
func (b *Bridge) skip(ctx context.Context, s skipping) error {
	if s.suspect.found == nil {
		found, err := s.inspector.inspect(ctx, s.key, position(s.client, s.key))
		if err != nil || found == nil {
			// The client tries again, and comes back to us when it fails again.
			b.poison.release(s.client, s.key)
			return err
		}
		s.client.PauseFetchPartitions(map[string][]int32{s.key.topic: {s.key.id}})
		s.suspect.found, s.suspect.quiet = found, false
	}
	found := s.suspect.found
	if !s.suspect.sent {
		if err := b.bus.DeadLetter(ctx, b.cfg.DeadLetterTopic, found.letter(s.key)); err != nil {
			return fmt.Errorf("publish letter: %w", err)
		}
		s.suspect.sent = true
		b.metrics.unreadable.WithLabelValues(pix.KindOf(found.cause).String()).Inc()
		b.log.ErrorContext(ctx, "batch skipped: it cannot be read", "topic", s.key.topic, "partition", s.key.id,
			"offset", found.first, "last_offset", found.last, "bytes", found.bytes, "error", found.cause)
	}
	next := kgo.EpochOffset{Epoch: found.epoch, Offset: found.last + 1}
	target := heads{s.key.topic: {s.key.id: next}}
	s.client.MarkCommitOffsets(target)
	if err := s.client.CommitMarkedOffsets(ctx); err != nil {
		b.metrics.commitFailures.Inc()
		return fmt.Errorf("commit behind an unreadable batch: %w", err)
	}
	s.client.SetOffsets(target)
	b.ledger.skipTo(s.key, next)
	b.poison.release(s.client, s.key)
	return nil
}

// letter says what cannot be read, where it lies and why. There is no payload: it cannot be tokenised.
func (u *unreadable) letter(key partitionKey) bus.Letter {
	return bus.Letter{
		Reason: pix.KindOf(u.cause).String(),
		Detail: fmt.Sprintf("a batch of %d bytes cannot be read: %v", u.bytes, u.cause),
		Source: source,
		Origin: map[string]string{
			event.AttrDeadLetterTopic:      key.topic,
			event.AttrDeadLetterPartition:  strconv.Itoa(int(key.id)),
			event.AttrDeadLetterOffset:     strconv.FormatInt(u.first, 10),
			event.AttrDeadLetterLastOffset: strconv.FormatInt(u.last, 10),
		},
	}
}

// position is where the consumer stands in a partition, without an offset when it never read from it.
func position(client *kgo.Client, key partitionKey) kgo.EpochOffset {
	if at, ok := client.UncommittedOffsets()[key.topic][key.id]; ok {
		return at
	}
	if at, ok := client.CommittedOffsets()[key.topic][key.id]; ok {
		return at
	}
	return kgo.EpochOffset{Epoch: -1, Offset: -1}
}
