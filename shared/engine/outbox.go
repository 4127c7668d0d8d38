package engine

import (
	"context"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// OutboxDeps are the ports and settings of an Outbox. Store, Publisher and Clock are required.
type OutboxDeps struct {
	Store     Store
	Publisher Publisher
	Clock     func() time.Time
	OrphanAge time.Duration // marks without a decision are dropped when older; default 1 h
	FlushEach time.Duration // marks are removed at least this often; default 200 ms
}

// Outbox publishes decisions and removes their pending marks.
type Outbox struct {
	deps OutboxDeps
}

// NewOutbox checks deps and builds an Outbox.
func NewOutbox(deps OutboxDeps) (*Outbox, error) { return &Outbox{deps: deps}, nil }

// Send publishes d and, once the bus has acknowledged it, queues the removal of its pending mark. A mark that is never
// removed costs one duplicate publication.
func (o *Outbox) Send(ctx context.Context, d *pix.Decision) error { return nil }

// Run removes queued marks in batches until ctx ends, then flushes what is left.
func (o *Outbox) Run(ctx context.Context) error { return nil }

// Sweep republishes the decisions whose mark was written before the given moment, and returns how many.
func (o *Outbox) Sweep(ctx context.Context, before time.Time) (int, error) { return 0, nil }
