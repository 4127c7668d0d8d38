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
	markBatch  = 200    // queued marks that are removed without waiting for a tick
	maxMarks   = 10_000 // queued marks; what comes on top keeps its mark and is published once more by a sweep
	lastFlush  = 5 * time.Second
	recordCall = 2 * time.Second // for an event that is still owed
	// recordWorkers is how many owed events are tried at once beside their publications. What finds no place is left to the
	// sweep: a store that takes no events must not hold up what is published.
	recordWorkers = 4
)

// DefaultOrphanAge is after how long a mark without a decision is dropped when OutboxDeps does not say.
const DefaultOrphanAge = time.Hour

// OutboxDeps are the ports and settings of an Outbox. Store and Publisher are required.
type OutboxDeps struct {
	Store     Store
	Publisher Publisher
	// OrphanAge is how long before a sweep's moment a mark without a decision must have been written last to be dropped.
	// Its payment was recorded and never decided: its message was not acknowledged and comes back, or its caller got no
	// answer. Zero means DefaultOrphanAge.
	OrphanAge time.Duration
	Degraded  func(error) // hears of marks that could not be removed and of events that could not be written; may be nil
}

// Outbox publishes decisions, writes the events that they still owe and removes their pending marks, so that what is
// stored is published at least once and its event is in the histories. What it knows to be published, by itself or by the
// store, it does not publish again. It is safe for concurrent use.
type Outbox struct {
	deps  OutboxDeps
	full  chan struct{} // capacity 1: a batch is waiting
	owing chan struct{} // one for each owed event that is tried

	mu    sync.Mutex
	marks []Mark
	told  [2]map[pix.EndToEndID]bool // what was published: with marks that are queued, and with those of the last flush

	sweeping sync.Mutex // guards what follows: one sweep at a time
	walk     *walk      // what an earlier sweep had no time for; nil when it walked to the end
	looked   map[time.Time]time.Time
	stuck    time.Time // the oldest mark that the last whole walk could not resolve
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
	return &Outbox{
		deps: deps, full: make(chan struct{}, 1), owing: make(chan struct{}, recordWorkers),
		told: [2]map[pix.EndToEndID]bool{{}, {}},
	}, nil
}

// Send publishes d and, once the bus has acknowledged it, queues the removal of its pending mark. On an error the mark
// stays, and a redelivery or a sweep publishes d again. Of an Unrecorded decision the mark goes only after its event was
// written; where the store still does not take it the mark stays, which is no error: a sweep writes it.
func (o *Outbox) Send(ctx context.Context, d *pix.Decision) error {
	if d.Provisional { // nobody stored it: consumers would take it for the one decision
		return pix.E(pix.Unexpected, "publish decision", errors.New("the decision is provisional"))
	}
	if err := o.publish(ctx, d); err != nil {
		return err
	}
	if d.Unrecorded && !o.recorded(ctx, d) {
		return nil
	}
	o.queue(MarkOf(&d.Transaction))
	return nil
}

// publish puts d on the bus. A sender that asks again finds a decision that got there long ago: to publish it once more
// would be another audit row and another alert for each question.
func (o *Outbox) publish(ctx context.Context, d *pix.Decision) error {
	if d.Published || o.knows(d.ID()) {
		return nil
	}
	if err := o.deps.Publisher.PublishDecision(ctx, d); err != nil {
		return failure("publish decision", err)
	}
	return nil
}

// knows reports whether this process published a decision of which the store may not say so yet.
func (o *Outbox) knows(id pix.EndToEndID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.told[0][id] || o.told[1][id]
}

// recorded tries to write an owed event, if there is a place.
func (o *Outbox) recorded(ctx context.Context, d *pix.Decision) bool {
	select {
	case o.owing <- struct{}{}:
		defer func() { <-o.owing }()
	default:
		return false
	}
	err := o.record(ctx, d)
	if err != nil {
		o.deps.Degraded(err)
	}
	return err == nil
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
func (o *Outbox) queue(marks ...Mark) {
	o.mu.Lock()
	defer o.mu.Unlock()
	marks = marks[:min(len(marks), maxMarks-len(o.marks))]
	o.marks = append(o.marks, marks...)
	for i := range marks {
		o.told[0][marks[i].ID] = true
	}
	if len(o.marks) >= markBatch {
		select {
		case o.full <- struct{}{}:
		default:
		}
	}
}

// Flush removes the marks that are queued. What could not be removed is queued again.
func (o *Outbox) Flush(ctx context.Context) error {
	marks := o.take()
	if len(marks) == 0 {
		return nil
	}
	if err := o.deps.Store.MarkPublished(ctx, marks); err != nil {
		o.queue(marks...)
		return failure("remove pending marks", err)
	}
	return nil
}

// take empties the queue. Of what was published the ids stay until the next flush with marks: a decision that was read
// before this one may be sent after it.
func (o *Outbox) take() []Mark {
	o.mu.Lock()
	defer o.mu.Unlock()
	marks := o.marks
	if len(marks) > 0 {
		o.marks, o.told = nil, [2]map[pix.EndToEndID]bool{{}, o.told[0]}
	}
	return marks
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
