package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of a sweep.
const (
	sweepTime     = 20 * time.Second // in which marks are begun
	sweepEnd      = 30 * time.Second // after which whatever is still asked is given up
	resolveTime   = 5 * time.Second  // for one mark
	sweepPage     = 1_000            // marks listed at once
	sweepMinutes  = 8                // minutes whose marks are listed at once
	minutePage    = 1_000            // open minutes listed at once
	sweepWorkers  = 16               // republications in flight
	failuresInRow = 20               // after which the bus or the store is taken to be away
	maxLooked     = 20_000           // minutes of which it is remembered when they were looked at
)

// When a sweep looks at an open minute. A store keeps tombstones of the marks that were removed, so each look costs what
// the minute once held: looks become rare as the minute grows quiet, and end when it is closed. Whatever opens the minute
// again brings them back.
const (
	lookAgain   = 30 * time.Second // the least between two looks
	lookAtLeast = 10 * time.Minute // the most between two looks
	// closeAfter is how long ago a minute was opened last when it may be closed. By then every write that relied on that
	// opening is done, also of a process whose clock is minutes slow.
	closeAfter = 15 * time.Minute
)

// Swept is what a sweep came to.
type Swept struct {
	Published int // decisions, those that turned out to be published included
	Dropped   int // marks of payments that nobody decided
	Failed    int // marks whose decision could not be read or published
	// Finished says that every mark was looked at that was due; else the next sweep goes on where this one stopped.
	Finished bool
	// Stuck is the moment of the oldest decision that could not be published, as the last whole walk and this one found;
	// zero when every one could.
	Stuck time.Time
}

// Sweep republishes the decisions whose mark was written before the given moment, and removes the marks. It drops marks
// without a decision that are older than OrphanAge then, and passes by younger ones. A decision may be published twice:
// every consumer is idempotent.
//
// What fails for one mark is passed by, too, and tried again by the next sweep. After failuresInRow failures without a
// success the sweep stops, and after sweepTime it begins no more; the next one goes on behind the last mark, so that
// nothing is starved by what lies before it. The error tells the first failure and how many there were.
func (o *Outbox) Sweep(ctx context.Context, before time.Time) (Swept, error) {
	o.sweeping.Lock()
	defer o.sweeping.Unlock()
	ctx, cancel := context.WithTimeout(ctx, sweepEnd)
	defer cancel()
	begins, stop := context.WithTimeout(ctx, sweepTime)
	defer stop()
	s := &sweep{o: o, before: before, over: begins.Done()}
	// A store that takes no removals would have everything published again by every sweep.
	err := o.Flush(ctx)
	if err == nil {
		err = s.run(ctx)
	}
	s.Stuck = o.stuck
	if o.walk != nil {
		s.Stuck = older(s.Stuck, o.walk.stuck)
	}
	return s.Swept, errors.Join(err, s.failure())
}

// walk is one pass over the open minutes. It may take several sweeps.
type walk struct {
	minutes []OpenMinute            // listed and not yet looked at
	after   time.Time               // the listing goes on behind this minute
	listed  bool                    // to the end
	look    *look                   // at some minutes; nil between looks
	looked  map[time.Time]time.Time // when each open minute was last looked at
	stuck   time.Time               // the oldest mark that could not be resolved
}

// look is one pass over the marks of some minutes.
type look struct {
	minutes []OpenMinute
	began   time.Time // the sweep's moment
	after   Mark      // the listing goes on behind this mark
	mu      sync.Mutex
	left    map[time.Time]bool // minutes that keep marks, and whether some could not be resolved
}

// sweep is one call of Sweep.
type sweep struct {
	o      *Outbox
	before time.Time
	over   <-chan struct{} // closed when no more marks are begun

	mu       sync.Mutex
	row      int // failures without a success
	first    error
	finished []Mark // of published decisions, to remove
	orphans  []Mark // without a decision, to drop
	Swept
}

// run finishes the walk that an earlier sweep began, and does one from the start.
func (s *sweep) run(ctx context.Context) error {
	rest := s.o.walk != nil
	if rest {
		if err := s.advance(ctx); err != nil || s.o.walk != nil {
			return err
		}
	}
	s.o.walk = &walk{looked: map[time.Time]time.Time{}}
	if err := s.advance(ctx); err != nil {
		return err
	}
	s.Finished = s.o.walk == nil
	return nil
}

// advance takes the walk as far as it can.
func (s *sweep) advance(ctx context.Context) error {
	w := s.o.walk
	for !s.stopped() {
		if w.look == nil {
			if err := s.list(ctx, w); err != nil {
				return err
			}
		}
		if w.look == nil {
			s.o.looked, s.o.stuck, s.o.walk = w.looked, w.stuck, nil
			return nil
		}
		if err := s.page(ctx, w); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return failure("sweep", err)
	}
	return nil
}

// stopped reports whether no more marks are to be begun.
func (s *sweep) stopped() bool {
	select {
	case <-s.over:
		return true
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.row >= failuresInRow
}

// list finds the next minutes to look at; none are left when there is no look after it.
func (s *sweep) list(ctx context.Context, w *walk) error {
	var due []OpenMinute
	for len(due) < sweepMinutes {
		if len(w.minutes) == 0 {
			if w.listed {
				break
			}
			more, err := s.o.deps.Store.OpenMinutes(ctx, w.after, minutePage)
			if err != nil {
				w.minutes = due
				return failure("list open minutes", err)
			}
			if w.listed = len(more) < minutePage; len(more) == 0 {
				break
			}
			w.minutes, w.after = more, more[len(more)-1].Minute
		}
		m := w.minutes[0]
		w.minutes = w.minutes[1:]
		if last, known := s.o.looked[m.Minute]; known && !s.due(m, last) {
			w.remember(m.Minute, last)
			continue
		}
		due = append(due, m)
	}
	if len(due) > 0 {
		w.look = &look{minutes: due, began: s.before, left: map[time.Time]bool{}}
	}
	return nil
}

// due reports whether to look again at a minute that was looked at before: after as long as it had been quiet then.
func (s *sweep) due(m OpenMinute, last time.Time) bool {
	return s.before.Sub(last) >= max(lookAgain, min(last.Sub(m.OpenedAt), lookAtLeast))
}

func (w *walk) remember(minute, at time.Time) {
	if len(w.looked) < maxLooked {
		w.looked[minute] = at
	}
}

// page resolves one page of the marks of a look.
func (s *sweep) page(ctx context.Context, w *walk) error {
	l := w.look
	q := MarkQuery{Before: s.before, After: l.after, Limit: sweepPage}
	for _, m := range l.minutes {
		q.Minutes = append(q.Minutes, m.Minute)
	}
	marks, err := s.o.deps.Store.Unpublished(ctx, q)
	if err != nil {
		w.look = nil // the next sweep goes on behind these minutes, and a later one comes back
		return failure("list unpublished", err)
	}
	begun := s.resolveAll(ctx, w, marks)
	if begun > 0 {
		l.after = marks[begun-1]
	}
	if err := s.remove(ctx, l); err != nil {
		return err
	}
	if begun == len(marks) && len(marks) < sweepPage {
		w.look = nil
		return s.leave(ctx, w, l)
	}
	return nil
}

// resolveAll resolves marks with bounded concurrency and returns how many of them it began, in their order.
func (s *sweep) resolveAll(ctx context.Context, w *walk, marks []Mark) int {
	var group sync.WaitGroup
	defer group.Wait()
	slots := make(chan struct{}, sweepWorkers)
	for i, m := range marks {
		slots <- struct{}{}
		if s.stopped() {
			return i
		}
		group.Go(func() {
			defer func() { <-slots }()
			s.resolve(ctx, w, m)
		})
	}
	return len(marks)
}

// resolve publishes the decision of one mark, or drops the mark of a payment that nobody will decide.
func (s *sweep) resolve(ctx context.Context, w *walk, m Mark) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	d, err := s.o.deps.Store.Decision(ctx, m.ID)
	switch {
	case err != nil:
		s.failed(w, m, failure("read decision", err))
		return
	case d == nil && !m.RecordedAt.Before(s.before.Add(-s.o.deps.OrphanAge)):
		w.look.keeps(m.Minute, false)
		return
	case d == nil:
		s.drop(m)
		return
	}
	if err := s.publish(ctx, d); err != nil {
		if !d.DecidedAt.IsZero() {
			m.RecordedAt = d.DecidedAt
		}
		s.failed(w, m, err)
		return
	}
	s.done(m)
}

// publish writes the event of a decision without features first: it may be what is owed.
func (s *sweep) publish(ctx context.Context, d *pix.Decision) error {
	if d.FeaturesMissing {
		if err := s.o.record(ctx, d); err != nil {
			return err
		}
	}
	return s.o.publish(ctx, d)
}

func (s *sweep) done(m Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Published++
	s.row = 0
	s.finished = append(s.finished, m)
}

// drop gives up the mark of a payment that nobody decided, unless it is recorded again meanwhile.
func (s *sweep) drop(m Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Dropped++
	s.orphans = append(s.orphans, m)
}

// failed notes a mark that could not be resolved. What is wrong with its decision alone says nothing of the next one.
func (s *sweep) failed(w *walk, m Mark, err error) {
	w.look.keeps(m.Minute, true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Failed++
	if !pix.KindOf(err).Disposition().DeadLetter {
		s.row++
	}
	if s.first == nil {
		s.first = err
	}
	w.stuck = older(w.stuck, m.RecordedAt)
}

// keeps notes that a minute keeps a mark, and whether that could not be resolved.
func (l *look) keeps(minute time.Time, failed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left[minute] = l.left[minute] || failed
}

// remove removes the marks that were resolved. Those of published decisions that stay are queued, so that they are not
// published again and again.
func (s *sweep) remove(ctx context.Context, l *look) error {
	finished, orphans := s.finished, s.orphans
	s.finished, s.orphans = nil, nil
	var failures []error
	if len(finished) > 0 {
		if err := s.o.deps.Store.MarkPublished(ctx, finished); err != nil {
			s.o.queue(finished...)
			failures = append(failures, l.keepAll(finished, err))
		}
	}
	if len(orphans) > 0 {
		if err := s.o.deps.Store.DropMarks(ctx, orphans); err != nil {
			failures = append(failures, l.keepAll(orphans, err))
		}
	}
	return errors.Join(failures...)
}

// keepAll notes marks that could not be removed.
func (l *look) keepAll(marks []Mark, err error) error {
	for _, m := range marks {
		l.keeps(m.Minute, true)
	}
	return failure("remove pending marks", err)
}

// leave ends a look: it remembers when minutes were looked at, and closes those that are empty and long quiet. A minute
// with a mark that could not be resolved is due again at once.
func (s *sweep) leave(ctx context.Context, w *walk, l *look) error {
	var empty []OpenMinute
	for _, m := range l.minutes {
		failed, keeps := l.left[m.Minute]
		if !failed {
			w.remember(m.Minute, l.began)
		}
		if !keeps && l.began.Sub(m.OpenedAt) >= closeAfter {
			empty = append(empty, m)
		}
	}
	if len(empty) == 0 {
		return nil
	}
	if err := s.o.deps.Store.CloseMinutes(ctx, empty); err != nil {
		return failure("close minutes", err)
	}
	return nil
}

// failure tells the first failure of a mark and how many there were.
func (s *sweep) failure() error {
	if s.first == nil {
		return nil
	}
	return pix.E(pix.KindOf(s.first), "sweep", fmt.Errorf("%d marks stay, the first by: %w", s.Failed, s.first))
}

// older is the earlier of two moments, of which a zero one does not count.
func older(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
