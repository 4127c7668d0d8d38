package warehouse

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of group commit. BigQuery refuses an append above 10 MB and closes the stream with it, so a batch stays below.
const (
	maxBatchRows  = 500
	maxBatchBytes = 8 << 20
	maxRowBytes   = maxBatchBytes
	maxInFlight   = 4    // appends of one table at a time
	queueRows     = 4096 // rows waiting for an append; a caller above it waits for room or for its deadline
)

// ErrClosed is the cause of every append after Close.
var ErrClosed = errors.New("warehouse is closed")

// pendingRow is one encoded row and the caller that waits for it.
type pendingRow struct {
	data []byte
	done chan error // capacity 1: an answer never blocks, even when the caller has left
	span trace.Span // of the caller
}

// group gathers the rows of concurrent callers into appends.
type group struct {
	send   func(ctx context.Context, rows []pendingRow) // answers every row
	linger time.Duration

	queue    chan pendingRow
	inFlight chan struct{}

	once    sync.Once
	closing chan struct{}   // closed when no more rows are taken
	life    context.Context //nolint:containedctx // bounds the sends
	cancel  context.CancelFunc
	done    chan struct{} // closed when every row that was taken is answered
}

func newGroup(life context.Context, linger time.Duration, send func(context.Context, []pendingRow)) *group {
	g := &group{
		send: send, linger: linger,
		queue:    make(chan pendingRow, queueRows),
		inFlight: make(chan struct{}, maxInFlight),
		closing:  make(chan struct{}),
		done:     make(chan struct{}),
	}
	g.life, g.cancel = context.WithCancel(life)
	go g.run()
	return g
}

// append queues one row and waits for its answer.
func (g *group) append(ctx context.Context, data []byte) error {
	row := pendingRow{data: data, done: make(chan error, 1), span: trace.SpanFromContext(ctx)}
	select {
	case <-g.closing:
		return errEnded()
	default:
	}
	select {
	case g.queue <- row:
	case <-g.closing:
		return errEnded()
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // table.append wraps it with the operation and its kind
	}
	select {
	case err := <-row.done:
		return err
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // table.append wraps it with the operation and its kind
	case <-g.done: // the row came too late to be taken, unless it was the last to be answered
	}
	select {
	case err := <-row.done:
		return err
	default:
		return errEnded()
	}
}

func errEnded() error { return pix.E(pix.Cancelled, "enqueue", ErrClosed) }

// run forms batches until nothing more is taken and the queue is empty, or Close has given up. It waits for a free append
// before it takes the first row: while the appends are busy, company gathers in the queue.
func (g *group) run() {
	var sends sync.WaitGroup
	defer close(g.done)
	defer sends.Wait()
	var left *pendingRow
	for {
		select {
		case g.inFlight <- struct{}{}:
		case <-g.life.Done():
			return
		}
		batch, next := g.gather(left)
		if len(batch) == 0 {
			return
		}
		left = next
		sends.Go(func() {
			g.send(g.life, batch)
			<-g.inFlight
		})
	}
}

// gather takes rows until the batch is full, the queue is empty for good or the linger is over. A row that would make
// the batch too large is returned as the first of the next one. Without any row, it is the end.
func (g *group) gather(left *pendingRow) (batch []pendingRow, next *pendingRow) {
	if left == nil {
		row, ok := g.take(nil)
		if !ok {
			return nil, nil
		}
		left = &row
	}
	batch = append(batch, *left)
	size := len(left.data)
	timer := time.NewTimer(g.linger)
	defer timer.Stop()
	for len(batch) < maxBatchRows {
		row, ok := g.take(timer.C)
		if !ok {
			break
		}
		if size+len(row.data) > maxBatchBytes {
			return batch, &row
		}
		batch, size = append(batch, row), size+len(row.data)
	}
	return batch, nil
}

// take returns the next row, or none when the time is up or, while closing, when the queue is empty.
func (g *group) take(timeUp <-chan time.Time) (pendingRow, bool) {
	select {
	case row := <-g.queue:
		return row, true
	default:
	}
	select {
	case row := <-g.queue:
		return row, true
	case <-timeUp:
	case <-g.closing:
		select {
		case row := <-g.queue:
			return row, true
		default:
		}
	case <-g.life.Done():
	}
	return pendingRow{}, false
}

// close takes no more rows and waits until every row is answered. When ctx ends first it gives up: what is in flight is
// cancelled, and every caller gets an error.
func (g *group) close(ctx context.Context) error {
	g.once.Do(func() { close(g.closing) })
	defer g.cancel()
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		g.cancel()
		<-g.done         // sends end with their context
		return ctx.Err() //nolint:wrapcheck // table.close wraps it
	}
}
