package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of a Backlog. An event is about a kilobyte, so a full backlog is some ten megabytes.
const (
	DefaultBacklog = 10_000
	backlogWorkers = 16 // writes in flight
	backlogCall    = 2 * time.Second
)

// Backlog holds the events of payments that were decided while the store did not take their event, and writes them when
// it does. It is bounded: what finds no place is refused and counted, and whoever brought it must bring it again. It is
// safe for concurrent use. A nil Backlog refuses everything.
type Backlog struct {
	store    Store
	limit    int
	degraded func(error)
	refused  atomic.Uint64

	mu      sync.Mutex
	queue   []*pix.Transaction
	waiting map[pix.EndToEndID]struct{} // of the queue and of what is being written
}

// NewBacklog returns an empty backlog of at most limit events; zero means DefaultBacklog. degraded hears of writes that
// failed again and of what was given up at the end; it may be nil.
func NewBacklog(store Store, limit int, degraded func(error)) (*Backlog, error) {
	if store == nil || limit < 0 {
		return nil, pix.E(pix.Invalid, "new backlog", errors.New("a store and a limit are required"))
	}
	if limit == 0 {
		limit = DefaultBacklog
	}
	if degraded == nil {
		degraded = func(error) {}
	}
	return &Backlog{store: store, limit: limit, degraded: degraded, waiting: map[pix.EndToEndID]struct{}{}}, nil
}

// Add queues a payment's event, and reports whether there was a place.
func (b *Backlog) Add(tx *pix.Transaction) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, waits := b.waiting[tx.ID]; waits {
		return true
	}
	if len(b.waiting) >= b.limit {
		b.refused.Add(1)
		return false
	}
	c := *tx
	b.queue = append(b.queue, &c)
	b.waiting[tx.ID] = struct{}{}
	return true
}

// Len is how many events wait.
func (b *Backlog) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

// Refused is how many events found no place so far.
func (b *Backlog) Refused() uint64 { return b.refused.Load() }

// Run writes what waits at every tick until ctx ends; then it tries once more and returns nil.
func (b *Backlog) Run(ctx context.Context, ticks <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			if err := b.Flush(last); err != nil {
				b.degraded(err)
			}
			return nil
		case <-ticks:
			if err := b.Flush(ctx); err != nil {
				b.degraded(err)
			}
		}
	}
}

// Flush writes what waits, oldest first. The oldest goes alone: while the store is away a flush asks it once, as a probe
// does. It stops at the first batch in which a write fails: what was not written waits on, in its old place.
func (b *Backlog) Flush(ctx context.Context) error {
	for size := 1; ; size = backlogWorkers {
		batch := b.take(size)
		if len(batch) == 0 {
			return nil
		}
		failed, err := b.write(ctx, batch)
		b.settle(batch, failed)
		if err != nil {
			return failure("write queued events", err)
		}
	}
}

func (b *Backlog) take(n int) []*pix.Transaction {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = min(n, len(b.queue))
	batch := b.queue[:n:n]
	if b.queue = b.queue[n:]; len(b.queue) == 0 {
		b.queue = nil
	}
	return batch
}

// settle puts what failed before all others and forgets the rest of the batch.
func (b *Backlog) settle(batch, failed []*pix.Transaction) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, tx := range batch {
		delete(b.waiting, tx.ID)
	}
	for _, tx := range failed {
		b.waiting[tx.ID] = struct{}{}
	}
	b.queue = append(failed, b.queue...)
}

// write writes a batch and returns what the store did not take. An event that the store refuses for good is dropped.
func (b *Backlog) write(ctx context.Context, batch []*pix.Transaction) ([]*pix.Transaction, error) {
	errs := make([]error, len(batch))
	var wg sync.WaitGroup
	for i, tx := range batch {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, backlogCall)
			defer cancel()
			errs[i] = b.store.Record(ctx, tx)
		})
	}
	wg.Wait()
	var failed []*pix.Transaction
	var first error
	for i, err := range errs {
		if err == nil || pix.KindOf(err) == pix.Invalid {
			continue
		}
		failed = append(failed, batch[i])
		if first == nil {
			first = err
		}
	}
	return failed, first
}
