package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of an Outbox.
const (
	markBatch    = 200    // queued marks that are removed without waiting for a tick
	maxMarks     = 10_000 // queued marks; what comes on top keeps its mark and is published once more by a sweep
	sweepPage    = 1_000  // marks listed at once
	sweepWorkers = 16     // republications in flight
	lastFlush    = 5 * time.Second
	recordCall   = 2 * time.Second // for an event that is still owed
)

// DefaultOrphanAge is after how long a mark without a decision is dropped when OutboxDeps does not say.
const DefaultOrphanAge = time.Hour

// OutboxDeps are the ports and settings of an Outbox. Store and Publisher are required.
type OutboxDeps struct {
	Store     Store
	Publisher Publisher
	// OrphanAge is how long before a sweep's moment a mark without a decision must have been written to be dropped. Its
	// payment was recorded and never decided: its message was not acknowledged and comes back, or its caller got no
	// answer. Zero means DefaultOrphanAge.
	OrphanAge time.Duration
	Degraded  func(error) // hears of marks that could not be removed and of events that could not be written; may be nil
}

// Outbox publishes decisions, writes the events that they still owe and removes their pending marks, so that what is
// stored is published at least once and its event is in the histories. It is safe for concurrent use.
type Outbox struct {
	deps OutboxDeps
	full chan struct{} // capacity 1: a batch is waiting

	mu    sync.Mutex
	marks []pix.EndToEndID
}

// NewOutbox checks deps and builds an Outbox.
func NewOutbox(deps OutboxDeps) (*Outbox, error) {
	if deps.Store == nil || deps.Publisher == nil {
		return nil, pix.E(pix.Invalid, "new outbox", errors.New("Store and Publisher are required"))
	}
	if deps.OrphanAge == 0 {
		deps.OrphanAge = DefaultOrphanAge
	}
	if deps.Degraded == nil {
		deps.Degraded = func(error) {}
	}
	return &Outbox{deps: deps, full: make(chan struct{}, 1)}, nil
}

// Send publishes d and, once the bus has acknowledged it, queues the removal of its pending mark. On an error the mark
// stays, and a redelivery or a sweep publishes d again. Of an Unrecorded decision the mark goes only after its event was
// written; where the store still does not take it the mark stays, which is no error: a sweep writes it.
func (o *Outbox) Send(ctx context.Context, d *pix.Decision) error {
	if d.Provisional { // nobody stored it: consumers would take it for the one decision
		return pix.E(pix.Unexpected, "publish decision", errors.New("the decision is provisional"))
	}
	if err := o.deps.Publisher.PublishDecision(ctx, d); err != nil {
		return failure("publish decision", err)
	}
	if d.Unrecorded {
		if err := o.record(ctx, d); err != nil {
			o.deps.Degraded(err)
			return nil
		}
	}
	o.queue(d.ID())
	return nil
}

// record writes the event of a decided payment. One that the store refuses for good is owed no longer.
func (o *Outbox) record(ctx context.Context, d *pix.Decision) error {
	ctx, cancel := context.WithTimeout(ctx, recordCall)
	defer cancel()
	if err := o.deps.Store.Record(ctx, &d.Transaction); err != nil && pix.KindOf(err) != pix.Invalid {
		return failure("write owed event", err)
	}
	return nil
}

// queue remembers marks to remove. It never blocks and never grows above maxMarks.
func (o *Outbox) queue(ids ...pix.EndToEndID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids = ids[:min(len(ids), maxMarks-len(o.marks))]
	o.marks = append(o.marks, ids...)
	if len(o.marks) >= markBatch {
		select {
		case o.full <- struct{}{}:
		default:
		}
	}
}

// Flush removes the marks that are queued. What could not be removed is queued again.
func (o *Outbox) Flush(ctx context.Context) error {
	o.mu.Lock()
	marks := o.marks
	o.marks = nil
	o.mu.Unlock()
	if len(marks) == 0 {
		return nil
	}
	if err := o.deps.Store.MarkPublished(ctx, marks); err != nil {
		o.queue(marks...)
		return failure("remove pending marks", err)
	}
	return nil
}

// Run removes queued marks at every tick, and when a batch is full, until ctx ends; then it flushes what is left and
// returns nil. Nothing is lost when it is not run or a flush fails: a mark that stays costs one duplicate publication.
func (o *Outbox) Run(ctx context.Context, ticks <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			o.flush(last)
			return nil
		case <-ticks:
			o.flush(ctx)
		case <-o.full:
			if !o.flush(ctx) {
				o.await(ctx, ticks)
			}
		}
	}
}

func (o *Outbox) flush(ctx context.Context) bool {
	err := o.Flush(ctx)
	if err != nil {
		o.deps.Degraded(err)
	}
	return err == nil
}

// await keeps a store that refuses marks from being asked again before the next tick.
func (o *Outbox) await(ctx context.Context, ticks <-chan time.Time) {
	select {
	case <-ctx.Done():
	case <-ticks:
	}
}

// Sweep republishes the decisions whose mark was written before the given moment, removes the marks and returns how
// many it published. Of a decision without features it writes the event first: it may be what is owed. It drops marks without a decision that are older than OrphanAge then. A decision may be published
// twice: every consumer is idempotent. It stops at the first error.
func (o *Outbox) Sweep(ctx context.Context, before time.Time) (int, error) {
	total := 0
	for {
		page, err := o.deps.Store.Unpublished(ctx, before, sweepPage)
		if err != nil {
			return total, failure("list unpublished", err)
		}
		published, settled, err := o.sweep(ctx, page, before.Add(-o.deps.OrphanAge))
		total += published
		if len(settled) > 0 {
			if markErr := o.deps.Store.MarkPublished(ctx, settled); markErr != nil {
				err = errors.Join(err, failure("remove pending marks", markErr))
			}
		}
		if err != nil || len(settled) == 0 || len(page) < sweepPage {
			return total, err
		}
	}
}

// swept collects what the workers of one page did.
type swept struct {
	mu        sync.Mutex
	published int
	settled   []pix.EndToEndID // marks to remove
	err       error            // the first
}

// sweep settles one page of marks with bounded concurrency.
func (o *Outbox) sweep(ctx context.Context, page []Unpublished, orphaned time.Time) (int, []pix.EndToEndID, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var s swept
	var wg sync.WaitGroup
	slots := make(chan struct{}, sweepWorkers)
	for _, u := range page {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-slots }()
			published, settled, err := o.settle(ctx, u, orphaned)
			if err != nil {
				cancel()
			}
			s.add(u.ID, published, settled, err)
		})
	}
	wg.Wait()
	if s.err == nil && ctx.Err() != nil {
		s.err = failure("sweep", ctx.Err())
	}
	return s.published, s.settled, s.err
}

func (s *swept) add(id pix.EndToEndID, published, settled bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if published {
		s.published++
	}
	if settled {
		s.settled = append(s.settled, id)
	}
	if s.err == nil {
		s.err = err
	}
}

// settle publishes the decision of one mark, or drops the mark of a payment that nobody will decide.
func (o *Outbox) settle(ctx context.Context, u Unpublished, orphaned time.Time) (published, settled bool, err error) {
	d, err := o.deps.Store.Decision(ctx, u.ID)
	if err != nil {
		return false, false, failure("read decision", err)
	}
	if d == nil {
		return false, u.RecordedAt.Before(orphaned), nil
	}
	if d.FeaturesMissing {
		if err := o.record(ctx, d); err != nil {
			return false, false, err
		}
	}
	if err := o.deps.Publisher.PublishDecision(ctx, d); err != nil {
		return false, false, failure("publish decision", err)
	}
	return true, true, nil
}
