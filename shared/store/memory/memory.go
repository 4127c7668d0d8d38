package memory

import (
	"cmp"
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

// sweepEvery is how far the watermark moves, in milliseconds, before rows that nobody touches are looked through.
const sweepEvery = int64(24 * time.Hour / time.Millisecond)

// Store keeps everything in maps under one lock. It is safe for concurrent use.
type Store struct {
	clock func() time.Time

	mu        sync.RWMutex
	rows      map[string]*feature.History
	decisions map[pix.EndToEndID]*pix.Decision
	pending   map[pix.EndToEndID]mark
	watermark int64 // newest event time, milliseconds
	swept     int64 // watermark at the last sweep
}

// mark is a payment that is not known to be published.
type mark struct {
	recordedAt time.Time // first
	eventAt    int64     // milliseconds
}

// New returns an empty store. The clock stamps the marks of unpublished payments.
func New(clock func() time.Time) *Store {
	return &Store{
		clock: clock, rows: map[string]*feature.History{},
		decisions: map[pix.EndToEndID]*pix.Decision{}, pending: map[pix.EndToEndID]mark{},
	}
}

// Record implements engine.Store.
func (s *Store) Record(ctx context.Context, tx *pix.Transaction) error {
	const op = "record payment"
	if err := stopped(ctx, op); err != nil {
		return err
	}
	if tx.ID == "" || tx.EventTime.UnixMilli() < 0 {
		return pix.E(pix.Invalid, op, errors.New("event time or id out of bounds"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(tx.EventTime.UnixMilli())
	for _, w := range feature.Writes(tx) {
		row := s.rows[w.Row]
		if row == nil {
			row = &feature.History{}
			s.rows[w.Row] = row
		}
		list := family(row, w.Family)
		*list = insert(s.live(*list), &w.Event)
		first := row.First.Of(w.Family)
		*first = first.Earlier(feature.First{At: w.Event.At, ID: w.Event.ID})
	}
	if _, marked := s.pending[tx.ID]; !marked {
		s.pending[tx.ID] = mark{s.clock(), tx.EventTime.UnixMilli()}
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
		row := s.rows[w.Row]
		if row == nil {
			continue
		}
		list := family(row, w.Family)
		*list = slices.Clone(*list)
		for i := range *list {
			if e := &(*list)[i]; e.At == w.Note.At && e.ID == w.Note.ID {
				e.Apply(&w.Note)
			}
		}
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
		row := s.rows[w.Row]
		if row == nil {
			row = &feature.History{}
			s.rows[w.Row] = row
		}
		row.Marks = feature.SortMarks(append(slices.Clone(row.Marks), w.Mark))
	}
	return nil
}

// Read implements engine.Store.
func (s *Store) Read(ctx context.Context, tx *pix.Transaction) (feature.Histories, *pix.Decision, error) {
	if err := stopped(ctx, "read payment's rows"); err != nil {
		return feature.Histories{}, nil, err
	}
	rows := feature.Rows(tx)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return feature.Histories{
		Payer: s.history(rows.Payer), Payee: s.history(rows.Payee), Device: s.history(rows.Device),
		Pair: s.history(rows.Pair), Reverse: s.history(rows.Reverse),
	}, clone(s.decisions[tx.ID]), nil
}

// Commit implements engine.Store.
func (s *Store) Commit(ctx context.Context, d *pix.Decision) (*pix.Decision, error) {
	if err := stopped(ctx, "commit decision"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if standing := s.decisions[d.ID()]; standing != nil {
		return clone(standing), nil
	}
	s.decisions[d.ID()] = clone(d)
	return d, nil
}

// Decision implements engine.Store.
func (s *Store) Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	if err := stopped(ctx, "read decision"); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return clone(s.decisions[id]), nil
}

// MarkPublished implements engine.Store.
func (s *Store) MarkPublished(ctx context.Context, ids []pix.EndToEndID) error {
	if err := stopped(ctx, "mark payments published"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		delete(s.pending, id)
	}
	return nil
}

// Unpublished implements engine.Store.
func (s *Store) Unpublished(ctx context.Context, before time.Time, limit int) ([]engine.Unpublished, error) {
	if err := stopped(ctx, "list unpublished payments"); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []engine.Unpublished
	for id, m := range s.pending {
		if m.recordedAt.Before(before) {
			out = append(out, engine.Unpublished{ID: id, RecordedAt: m.recordedAt})
		}
	}
	slices.SortFunc(out, func(a, b engine.Unpublished) int { return cmp.Compare(a.ID, b.ID) })
	return out[:min(len(out), max(limit, 0))], nil
}

// Rows is how many entities have live events: memory is proportional to it and to their events.
func (s *Store) Rows() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.rows)
}

// history joins an entity's rows under its current and previous token. Called with the lock held.
func (s *Store) history(r feature.Row) feature.History {
	current, previous := s.rows[r.Current], s.rows[r.Previous]
	switch {
	case current == nil && previous == nil:
		return feature.History{}
	case previous == nil || r.Previous == r.Current:
		return *current
	case current == nil:
		return *previous
	}
	join := func(a, b feature.Stream) feature.Stream {
		return feature.Stream{Events: feature.Sort(append(sealed(a.Events), b.Events...))}
	}
	return feature.History{
		Out: join(previous.Out, current.Out), In: join(previous.In, current.In), Use: join(previous.Use, current.Use),
		First: current.First.Earlier(previous.First),
		Marks: feature.SortMarks(slices.Concat(current.Marks, previous.Marks)),
	}
}

// sealed gives a reader a slice that it cannot append into.
func sealed(events []feature.Event) []feature.Event { return events[:len(events):len(events)] }

func family(row *feature.History, name string) *[]feature.Event {
	switch name {
	case feature.FamilyOut:
		return &row.Out.Events
	case feature.FamilyIn:
		return &row.In.Events
	default:
		return &row.Use.Events
	}
}

// insert adds e in its place. Events that come in order are appended in place, behind what readers see; a late one and a
// changed one copy the list.
func insert(list []feature.Event, e *feature.Event) []feature.Event {
	i := len(list)
	for i > 0 && before(e, &list[i-1]) {
		i--
	}
	if i > 0 && list[i-1].At == e.At && list[i-1].ID == e.ID {
		if list[i-1] == *e {
			return list
		}
		list = slices.Clone(list)
		list[i-1] = *e
		return list
	}
	if i == len(list) {
		return append(list, *e)
	}
	return slices.Insert(sealed(list), i, *e)
}

func before(a, b *feature.Event) bool { return a.At < b.At || a.At == b.At && a.ID < b.ID }

// live cuts off the events that have left every window.
func (s *Store) live(list []feature.Event) []feature.Event {
	i := 0
	for i < len(list) && s.watermark-list[i].At > feature.Retention.Milliseconds() {
		i++
	}
	return list[i:]
}

// advance moves the watermark and, once a day of event time, drops what nobody touches any more.
func (s *Store) advance(at int64) {
	s.watermark = max(s.watermark, at)
	if s.watermark-s.swept < sweepEvery {
		return
	}
	s.swept = s.watermark
	for key, row := range s.rows {
		row.Out.Events, row.In.Events, row.Use.Events = s.live(row.Out.Events), s.live(row.In.Events), s.live(row.Use.Events)
		if len(row.Out.Events)+len(row.In.Events)+len(row.Use.Events) == 0 {
			delete(s.rows, key)
		}
	}
	for id, d := range s.decisions {
		if s.watermark-d.Transaction.EventTime.UnixMilli() > feature.Retention.Milliseconds() {
			delete(s.decisions, id)
		}
	}
	for id, m := range s.pending {
		if s.watermark-m.eventAt > feature.Retention.Milliseconds() {
			delete(s.pending, id)
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
