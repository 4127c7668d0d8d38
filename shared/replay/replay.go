package replay

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

// Config says how to replay. Zero fields take the defaults named beside them.
type Config struct {
	Tokenizer *pix.Tokenizer             // NewTokenizer(): the documented replay key
	Labels    Labels                     // none
	Weights   map[pix.EndToEndID]float64 // sampling weights other than 1
	MaxHeld   int                        // 1,000,000 payments that wait for their moment of arrival
	Workers   int                        // 2 goroutines that decode
	Progress  func(Stats)                // not called; otherwise after every 10,000 payments
}

const (
	defaultMaxHeld = 1_000_000
	defaultWorkers = 2
	progressEvery  = 10_000
	maxProblems    = 10
)

// replayKey is the key of every replay. It protects nothing: replays read raw identifiers and write none, and a fixed
// key makes two replays of one log equal. Production keys never come near it.
const replayKey = "sentinela-replay-key-not-a-secret-0001"

// NewTokenizer returns the tokeniser with the fixed replay key, version 1.
func NewTokenizer() (*pix.Tokenizer, error) {
	t, err := pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: []byte(replayKey)}, nil)
	if err != nil {
		return nil, fmt.Errorf("replay tokeniser: %w", err)
	}
	return t, nil
}

// Row is one payment as it would have been served. It is valid until visit returns.
type Row struct {
	Transaction *pix.Transaction
	Label       *pix.Label // nil when none was delivered
	Weight      float64    // payments that this one stands for
	Vector      []float64  // in the order of feature.Names
}

// Stats counts what a replay saw.
type Stats struct {
	Events     int // payments that became rows
	Malformed  int // lines that are no valid payment
	Duplicates int // payments seen before within a day or two: like the engine, a replay serves the first
	Disordered int // payments that became visible before one already replayed: their vectors know too much
	Labelled   int // rows with a label
	Fraud      int // rows whose label says fraud
	Problems   []Problem
}

// Problem is a malformed line. Its error never carries the line.
type Problem struct {
	Line int
	Err  error
}

// Run replays a log of payments in wire JSON, one a line, and calls visit for each. Malformed lines are counted and left
// out. The log is in order of event time; received_at may reorder it.
func Run(ctx context.Context, cfg Config, log io.Reader, visit func(*Row) error) (Stats, error) {
	r, err := newRun(cfg, visit)
	if err != nil {
		return Stats{}, err
	}
	err = decodeLines(ctx, log, r.cfg, func(batch []decoded) error {
		for i := range batch {
			if err := r.take(ctx, &batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
	for err == nil && len(r.held) > 0 {
		err = r.serve(ctx, r.held.pop())
	}
	return r.stats, err
}

type run struct {
	cfg       Config
	visit     func(*Row) error
	set       *feature.Set
	store     *memory.Store
	held      held
	seen      recent
	newest    int64 // newest event time of the log, milliseconds
	lastServe int64
	sequence  int
	vector    []float64
	stats     Stats
}

func newRun(cfg Config, visit func(*Row) error) (*run, error) {
	set, err := feature.NewSet()
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	if cfg.Tokenizer == nil {
		if cfg.Tokenizer, err = NewTokenizer(); err != nil {
			return nil, err
		}
	}
	if cfg.MaxHeld == 0 {
		cfg.MaxHeld = defaultMaxHeld
	}
	if cfg.Workers == 0 {
		cfg.Workers = defaultWorkers
	}
	r := &run{cfg: cfg, visit: visit, set: set, vector: make([]float64, set.Width())}
	// Marks of unpublished payments are stamped with the log's own time: a replay has no clock.
	r.store = memory.New(func() time.Time { return time.UnixMilli(r.lastServe) })
	return r, nil
}

// take puts a payment in line and serves every payment whose moment has come.
func (r *run) take(ctx context.Context, d *decoded) error {
	if d.err != nil {
		r.stats.Malformed++
		if len(r.stats.Problems) < maxProblems {
			r.stats.Problems = append(r.stats.Problems, Problem{Line: d.line, Err: d.err})
		}
		return nil
	}
	if r.seen.before(d.tx.ID, d.tx.EventTime) {
		r.stats.Duplicates++
		return nil
	}
	r.newest = max(r.newest, d.tx.EventTime.UnixMilli())
	r.sequence++
	r.held.push(waiting{visible: visibleAt(&d.tx).UnixMilli(), sequence: r.sequence, tx: &d.tx})
	if len(r.held) > r.cfg.MaxHeld {
		return fmt.Errorf("replay: more than %d payments wait for their arrival: the log is not in event-time order", r.cfg.MaxHeld)
	}
	for len(r.held) > 0 && r.held[0].visible <= r.newest {
		if err := r.serve(ctx, r.held.pop()); err != nil {
			return err
		}
	}
	return nil
}

// visibleAt is when a payment became visible to us.
func visibleAt(tx *pix.Transaction) time.Time {
	if tx.ReceivedAt.IsZero() {
		return tx.EventTime
	}
	return tx.ReceivedAt
}

// serve does what the engine does before it scores, in the same order: write, then read.
func (r *run) serve(ctx context.Context, w waiting) error {
	if w.visible < r.lastServe {
		r.stats.Disordered++
	}
	r.lastServe = max(r.lastServe, w.visible)
	if err := r.store.Record(ctx, w.tx); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	histories, _, err := r.store.Read(ctx, w.tx)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if err := r.store.MarkPublished(ctx, []pix.EndToEndID{w.tx.ID}); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	r.vector = r.set.Vector(r.vector, w.tx, &histories)
	row := Row{Transaction: w.tx, Weight: 1, Vector: r.vector}
	if weight, ok := r.cfg.Weights[w.tx.ID]; ok {
		row.Weight = weight
	}
	if label, ok := r.cfg.Labels[w.tx.ID]; ok {
		row.Label = &label
		r.stats.Labelled++
		if label.Fraud {
			r.stats.Fraud++
		}
	}
	if err := r.visit(&row); err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	r.stats.Events++
	if r.cfg.Progress != nil && r.stats.Events%progressEvery == 0 {
		r.cfg.Progress(r.stats)
	}
	return nil
}
