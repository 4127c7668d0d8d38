package warehouse

import (
	"context"
	"errors"
	"sync"
	"time"

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
}

// group gathers the rows of concurrent callers into appends.
type group struct {
	send   func(ctx context.Context, rows []pendingRow) // answers every row
	linger time.Duration

	queue    chan pendingRow
	inFlight chan struct{}

	cancel context.CancelFunc // when Close gives up: sends are bound by it
	done   chan struct{}      // closed when the last row is answered

	mu     sync.RWMutex // held for reading while a caller enqueues, so that the queue is closed exactly once and after them
	closed bool
}

func newGroup(life context.Context, linger time.Duration, send func(context.Context, []pendingRow)) *group {
	g := &group{
		send: send, linger: linger,
		queue:    make(chan pendingRow, queueRows),
		inFlight: make(chan struct{}, maxInFlight),
		done:     make(chan struct{}),
	}
	life, g.cancel = context.WithCancel(life)
	go g.run(life)
	return g
}

// append queues one row and waits for its answer.
func (g *group) append(ctx context.Context, data []byte) error {
	row := pendingRow{data: data, done: make(chan error, 1)}
	if err := g.enqueue(ctx, row); err != nil {
		return err
	}
	select {
	case err := <-row.done:
		return err
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // table.append wraps it with the operation and its kind
	}
}

func (g *group) enqueue(ctx context.Context, row pendingRow) error {
	g.mu.RLock()
	defer g.mu.RUnlock()
	if g.closed {
		return pix.E(pix.Cancelled, "enqueue", ErrClosed)
	}
	select {
	case g.queue <- row:
		return nil
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // table.append wraps it with the operation and its kind
	}
}

// run forms batches until the queue is closed and empty. It waits for a free append before it takes the first row:
// while the appends are busy, company gathers in the queue.
func (g *group) run(life context.Context) {
	var sends sync.WaitGroup
	defer close(g.done)
	defer sends.Wait()
	var left *pendingRow
	for {
		g.inFlight <- struct{}{}
		batch, next, open := g.gather(left)
		left = next
		if len(batch) > 0 {
			sends.Go(func() {
				g.send(life, batch)
				<-g.inFlight
			})
		} else {
			<-g.inFlight
		}
		if !open && left == nil {
			return
		}
	}
}

// gather takes rows until the batch is full, the queue is closed or the linger is over. A row that would make the
// batch too large is returned as the first of the next one.
func (g *group) gather(left *pendingRow) (batch []pendingRow, next *pendingRow, open bool) {
	size := 0
	if left == nil {
		row, ok := <-g.queue
		if !ok {
			return nil, nil, false
		}
		left = &row
	}
	batch = append(batch, *left)
	size = len(left.data)
	timer := time.NewTimer(g.linger)
	defer timer.Stop()
	for len(batch) < maxBatchRows {
		select {
		case row, ok := <-g.queue:
			if !ok {
				return batch, nil, false
			}
			if size+len(row.data) > maxBatchBytes {
				return batch, &row, true
			}
			batch, size = append(batch, row), size+len(row.data)
		case <-timer.C:
			return batch, nil, true
		}
	}
	return batch, nil, true
}

// close takes no more rows and waits until every row is answered. When ctx ends first it cancels what is in flight,
// which answers the rest with an error, and reports it.
func (g *group) close(ctx context.Context) error {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		close(g.queue)
	}
	g.mu.Unlock()
	defer g.cancel()
	select {
	case <-g.done:
		return nil
	case <-ctx.Done():
		g.cancel()
		<-g.done
		return ctx.Err() //nolint:wrapcheck // Warehouse.Close wraps it
	}
}
