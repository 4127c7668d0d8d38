package memory

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

var _ engine.Store = (*Store)(nil)

// Each payment looks at so many rows, decisions and marks for what has become too old: nobody waits for all of them.
const (
	sweptRows = 16 // a payment makes about three
	sweptIDs  = 4
)

// retention is how long events, decisions and marks of unpublished payments stay, in milliseconds of event time.
const retention = int64(feature.Retention / time.Millisecond)

// Store keeps everything in maps under one lock. It is safe for concurrent use.
type Store struct {
	clock func() time.Time

	mu        sync.Mutex
	rows      map[string]*row
	archive   archive // first-ever facts of entities without a row
	decisions map[pix.EndToEndID]*pix.Decision
	pending   map[place]recordings
	values    map[string]string // of the register
	watermark int64             // newest event time, milliseconds

	due     map[int64][]string // rows by the day of event time on which to look at them, each row once
	dueNext int64              // the first day with rows that were not looked at
}

// New returns an empty store. The clock stamps the marks of unpublished payments.
func New(clock func() time.Time) *Store {
	return &Store{
		clock: clock, rows: map[string]*row{}, archive: archive{},
		decisions: map[pix.EndToEndID]*pix.Decision{}, pending: map[place]recordings{},
		values: map[string]string{}, due: map[int64][]string{},
	}
}

// Record implements engine.Store.
func (s *Store) Record(ctx context.Context, tx *pix.Transaction) error {
	const op = "record payment"
	if err := stopped(ctx, op); err != nil {
		return err
	}
	if tx.ID == "" || tx.Moment().UnixMilli() < 0 {
		return pix.E(pix.Invalid, op, errors.New("event time or id out of bounds"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(tx.Moment().UnixMilli())
	for _, w := range feature.Writes(tx) {
		s.record(&w)
	}
	rows := feature.Rows(tx)
	for _, names := range [...]feature.Row{rows.Payer, rows.Payee, rows.Device, rows.Pair, rows.Reverse} {
		s.carry(names)
	}
	s.mark(tx)
	return nil
}

// Withdraw implements engine.Store.
func (s *Store) Withdraw(ctx context.Context, tx, standing *pix.Transaction) error {
	if err := stopped(ctx, "withdraw payment"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := feature.Writes(standing)
	for _, w := range feature.Writes(tx) {
		for _, name := range [...]string{w.Previous, w.Row} {
			if r := s.rows[name]; r != nil {
				r.withdraw(name, &w, kept)
			}
		}
	}
	rows := feature.Rows(tx)
	for _, names := range [...]feature.Row{rows.Payer, rows.Payee, rows.Device, rows.Pair} {
		s.carry(names)
	}
	return nil
}

// MarkStatus implements engine.Store.
func (s *Store) MarkStatus(ctx context.Context, tx *pix.Transaction, status *pix.Status) error {
	if err := stopped(ctx, "mark status"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range feature.StatusWrites(tx, status) {
		s.row(w.Row).log(w.Family).mark(&w.Note)
	}
	return nil
}

// MarkFraud implements engine.Store.
func (s *Store) MarkFraud(ctx context.Context, tx *pix.Transaction, l *pix.Label) error {
	if err := stopped(ctx, "mark fraud"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range feature.MarkWrites(tx, l) {
		r := s.row(w.Row)
		r.marks = feature.SortMarks(append(slices.Clone(r.marks), w.Mark))
	}
	return nil
}

// Read implements engine.Store.
func (s *Store) Read(ctx context.Context, tx *pix.Transaction) (feature.Histories, *pix.Decision, error) {
	if err := stopped(ctx, "read payment's rows"); err != nil {
		return feature.Histories{}, nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.histories(tx, true), clone(s.decisions[tx.ID]), nil
}

// View calls f with what Read would return, without copying it: it is valid until f returns, and f must not use the store.
func (s *Store) View(tx *pix.Transaction, f func(*feature.Histories)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.histories(tx, false)
	f(&h)
}

func (s *Store) histories(tx *pix.Transaction, keeps bool) feature.Histories {
	rows := feature.Rows(tx)
	by := reader{feature.Event{At: tx.Moment().UnixMilli(), ID: tx.ID}, keeps}
	return feature.Histories{
		Payer: s.history(rows.Payer, &by), Payee: s.history(rows.Payee, &by), Device: s.history(rows.Device, &by),
		Pair: s.history(rows.Pair, &by), Reverse: s.history(rows.Reverse, &by),
	}
}

// Commit implements engine.Store.
func (s *Store) Commit(ctx context.Context, d *pix.Decision) (*pix.Decision, error) {
	if err := stopped(ctx, "commit decision"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.Unrecorded {
		s.mark(&d.Transaction)
	}
	if standing := s.decisions[d.ID()]; standing != nil {
		return clone(standing), nil
	}
	stored := clone(d)
	stored.Unrecorded, stored.Published = false, false
	s.decisions[d.ID()] = stored
	return d, nil
}

// Decision implements engine.Store.
func (s *Store) Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	if err := stopped(ctx, "read decision"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return clone(s.decisions[id]), nil
}

// Rows is how many entities have live events: memory is proportional to it and to their events.
func (s *Store) Rows() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

// advance moves the watermark and drops some of what nobody touches any more. Where a map is looked at, its order is
// random, so that what is too old is found in time.
func (s *Store) advance(at int64) {
	s.watermark = max(s.watermark, at)
	s.sweep()
	left := sweptIDs
	for id, d := range s.decisions {
		if s.watermark-d.Transaction.EventTime.UnixMilli() > retention {
			delete(s.decisions, id)
		}
		if left--; left == 0 {
			break
		}
	}
	left = sweptIDs
	for p := range s.pending {
		if s.watermark-p.minute*minute > retention {
			delete(s.pending, p)
		}
		if left--; left == 0 {
			break
		}
	}
}

// clone copies a decision, so that what stands never changes with what a caller holds.
func clone(d *pix.Decision) *pix.Decision {
	if d == nil {
		return nil
	}
	c := *d
	return &c
}

// stopped reports an ended context as a real store's client would.
func stopped(ctx context.Context, op string) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return pix.E(pix.Timeout, op, err)
	default:
		return pix.E(pix.Cancelled, op, err)
	}
}
