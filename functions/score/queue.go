package score

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of the queue. A decision with the bytes that were stored of it is some ten kilobytes, so a full queue is some ten
// megabytes.
const (
	queueDecisions = 1024
	queueWorkers   = 128 // publications in flight, each of which waits for company
	sendTimeout    = 15 * time.Second
)

// queue publishes the decisions that were answered over HTTP. Losing one costs nothing but time: it stays marked as
// unpublished in the store until the sweep finds it.
type queue struct {
	outbox  Sender
	logger  *slog.Logger
	metrics *metrics

	decisions chan queued
	cancel    context.CancelFunc
	workers   sync.WaitGroup

	mu      sync.Mutex
	waiting map[pix.EndToEndID]bool // queued or being published
	closed  bool
}

// queued is a decision with the span of the call that it answered.
type queued struct {
	decision *pix.Decision
	asked    trace.SpanContext
}

func newQueue(outbox Sender, logger *slog.Logger, m *metrics) *queue {
	q := &queue{
		outbox: outbox, logger: logger, metrics: m,
		decisions: make(chan queued, queueDecisions), waiting: map[pix.EndToEndID]bool{},
	}
	life, cancel := context.WithCancel(context.Background())
	q.cancel = cancel
	for range queueWorkers {
		q.workers.Go(func() { q.work(life) })
	}
	return q
}

// add queues d unless it waits already for a caller that asked before (and owes no event of its own), or leaves it to the
// sweep when the queue is full or closed.
func (q *queue) add(ctx context.Context, d *pix.Decision) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting[d.ID()] && !d.Unrecorded {
		return
	}
	if !q.closed {
		select {
		case q.decisions <- queued{d, trace.SpanContextFromContext(ctx)}:
			q.waiting[d.ID()] = true
			q.metrics.queued.Inc()
			return
		default:
		}
	}
	q.metrics.overflow.Inc()
	q.logger.WarnContext(ctx, "decision left to the sweep", "end_to_end_id", string(d.ID()), "error", "the queue is full or closed")
}

func (q *queue) work(life context.Context) {
	for waiting := range q.decisions {
		q.publish(trace.ContextWithSpanContext(life, waiting.asked), waiting.decision)
		q.metrics.queued.Dec()
		q.done(waiting.decision.ID())
	}
}

func (q *queue) done(id pix.EndToEndID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, id)
}

func (q *queue) publish(life context.Context, d *pix.Decision) {
	ctx, cancel := context.WithTimeout(life, sendTimeout)
	defer cancel()
	if err := q.outbox.Send(ctx, d); err != nil {
		q.metrics.overflow.Inc()
		q.logger.WarnContext(ctx, "decision left to the sweep", "end_to_end_id", string(d.ID()), "error", err.Error())
	}
}

// close publishes what is queued. When ctx ends first the rest is left to the sweep; either way no worker remains.
func (q *queue) close(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.decisions)
	}
	q.mu.Unlock()
	defer q.cancel()
	done := make(chan struct{})
	go func() {
		q.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		q.cancel()
		<-done
		return ctx.Err() //nolint:wrapcheck // Service.Close wraps it
	}
}
