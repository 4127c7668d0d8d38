package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

var _ engine.Register = (*Store)(nil)

// minute is one in milliseconds.
const minute = int64(time.Minute / time.Millisecond)

// place is where the mark of an unpublished payment lies.
type place struct {
	minute int64 // of event time
	id     pix.EndToEndID
}

func placeOf(m *engine.Mark) place { return place{m.Minute.UnixMilli() / minute, m.ID} }

// recordings are the moments at which a payment was recorded. Most are recorded once.
type recordings struct {
	first time.Time
	later []time.Time
}

// newest is the last moment before another, zero when there is none.
func (r recordings) newest(before time.Time) (found time.Time) {
	for _, at := range append([]time.Time{r.first}, r.later...) {
		if at.Before(before) && at.After(found) {
			found = at
		}
	}
	return found
}

// after keeps what was recorded after a moment.
func (r recordings) after(at time.Time) (kept recordings, some bool) {
	for _, t := range append([]time.Time{r.first}, r.later...) {
		switch {
		case !t.After(at):
		case some:
			kept.later = append(kept.later, t)
		default:
			kept.first, some = t, true
		}
	}
	return kept, some
}

// mark notes that a payment was recorded.
func (s *Store) mark(tx *pix.Transaction) {
	p := place{tx.EventTime.UnixMilli() / minute, tx.ID}
	r, marked := s.pending[p]
	if marked {
		r.later = append(r.later, s.clock())
	} else {
		r.first = s.clock()
	}
	s.pending[p] = r
}

// OpenMinutes implements engine.Pending.
func (s *Store) OpenMinutes(ctx context.Context, after time.Time, limit int) ([]engine.OpenMinute, error) {
	if err := stopped(ctx, "list open minutes"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	opened := map[int64]time.Time{}
	for p, r := range s.pending {
		at := r.first
		if n := len(r.later); n > 0 {
			at = r.later[n-1]
		}
		if old, ok := opened[p.minute]; !ok || at.After(old) {
			opened[p.minute] = at
		}
	}
	var out []engine.OpenMinute
	for n, at := range opened {
		if m := time.UnixMilli(n * minute).UTC(); m.After(after) {
			out = append(out, engine.OpenMinute{Minute: m, OpenedAt: at})
		}
	}
	slices.SortFunc(out, func(a, b engine.OpenMinute) int { return a.Minute.Compare(b.Minute) })
	return out[:min(len(out), max(limit, 0))], nil
}

// CloseMinutes implements engine.Pending: a minute without marks is not open.
func (s *Store) CloseMinutes(ctx context.Context, _ []engine.OpenMinute) error {
	return stopped(ctx, "close minutes")
}

// Unpublished implements engine.Pending.
func (s *Store) Unpublished(ctx context.Context, q engine.MarkQuery) ([]engine.Mark, error) {
	if err := stopped(ctx, "list unpublished payments"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := map[int64]bool{}
	for _, m := range q.Minutes {
		asked[m.UnixMilli()/minute] = true
	}
	last := placeOf(&q.After)
	var places []place
	for p := range s.pending {
		if asked[p.minute] && (q.After.ID == "" || compare(p, last) > 0) && !s.pending[p].newest(q.Before).IsZero() {
			places = append(places, p)
		}
	}
	slices.SortFunc(places, compare)
	var out []engine.Mark
	for _, p := range places[:min(len(places), max(q.Limit, 0))] {
		out = append(out, engine.Mark{
			ID: p.id, Minute: time.UnixMilli(p.minute * minute).UTC(), RecordedAt: s.pending[p].newest(q.Before),
		})
	}
	return out, nil
}

func compare(a, b place) int {
	return cmp.Or(cmp.Compare(a.minute, b.minute), cmp.Compare(a.id, b.id))
}

// MarkPublished implements engine.Pending.
func (s *Store) MarkPublished(ctx context.Context, marks []engine.Mark) error {
	if err := stopped(ctx, "mark payments published"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range marks {
		delete(s.pending, placeOf(&marks[i]))
		if d := s.decisions[marks[i].ID]; d != nil {
			d.Published = true
		}
	}
	return nil
}

// DropMarks implements engine.Pending.
func (s *Store) DropMarks(ctx context.Context, marks []engine.Mark) error {
	if err := stopped(ctx, "drop marks"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range marks {
		p := placeOf(&marks[i])
		if kept, stays := s.pending[p].after(marks[i].RecordedAt); stays {
			s.pending[p] = kept
		} else {
			delete(s.pending, p)
		}
	}
	return nil
}

// Value implements engine.Register.
func (s *Store) Value(ctx context.Context, name string) (string, error) {
	if err := stopped(ctx, "read value"); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[name], nil
}

// Swap implements engine.Register.
func (s *Store) Swap(ctx context.Context, name, was, next string) (string, error) {
	if err := stopped(ctx, "swap value"); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values[name] == was {
		s.values[name] = next
	}
	return s.values[name], nil
}
