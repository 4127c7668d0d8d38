package reload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Use is what a model is loaded for.
type Use string

// Uses: a champion decides, a challenger only scores.
const (
	Champion   Use = "champion"
	Challenger Use = "challenger"
)

// Subject names one thing that is followed: a use of a role's model, or the policy pack, which has neither.
type Subject struct {
	Kind string // "model" or "policy"
	Role pix.Role
	Use  Use
}

// String names a subject to people.
func (s Subject) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", s.Role, s.Kind, s.Use)), " ")
}

// named is what should be in force, as a look has seen it.
type named struct {
	key  string                       // another whenever something else is named
	load func(context.Context) change // reads and proves it; not called where the key was followed before
}

// change is what a load came to. Nothing has changed yet: what a look brings too late must change nothing.
type change struct {
	swap    func() error // puts in force what was proved; nil when there is nothing to
	fresh   []string     // versions that begin to serve by it
	before  string       // the version that they replace, where they are one
	refused []refusal
}

// refusal is a version that could not be loaded.
type refusal struct {
	version string
	err     error
}

// found is what one look came to: it could not see, or nothing is to be done (followed or waiting), or a change.
type found struct {
	unseen            error
	followed, waiting bool
	key               string
	change            change
}

// errFrozen is why a look was given up.
var errFrozen = errors.New("the look did not end in time: the storage ignores its deadline, or the proof takes too long")

// subject is how far the following of one thing has come. All but what mu guards belongs to the goroutine that looks.
type subject struct {
	Subject
	cfg    *Config
	series series
	needed bool // at the start
	read   func(context.Context) (named, error)

	out  chan found // of the look that is out, nil when none is
	late found      // what a look brought that had been given up
	told bool       // that it cannot be seen
	progress

	mu      sync.Mutex
	seen    time.Time // when a look last saw what is named
	unseen  bool      // the last look did not
	refused bool      // what it saw was
}

// progress is what was made of what is named.
type progress struct {
	done   string          // key of what was followed to the end
	failed string          // key of what was not
	tries  int             // of that
	retry  time.Time       // not before
	heard  map[string]bool // refusals of it that were told
}

// run looks until ctx ends.
func (s *subject) run(ctx context.Context) {
	ticker := time.NewTicker(s.cfg.Every)
	defer ticker.Stop()
	for {
		_ = s.look(ctx) // was told
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look sees once what is named and follows it, and returns what stood in the way. It takes no longer than a look may,
// whatever the storage does.
func (s *subject) look(ctx context.Context) error {
	if s.out != nil {
		select {
		case s.late = <-s.out: // what it saw may be old
		default:
			return s.cannotSee(ctx, errFrozen)
		}
	}
	s.out = s.begin(ctx)
	giveUp := time.NewTimer(s.cfg.Timeout + grace)
	defer giveUp.Stop()
	ended := ctx.Done()
	for {
		select {
		case f := <-s.out:
			s.out = nil
			return s.conclude(ctx, f)
		case <-giveUp.C:
			return s.cannotSee(ctx, errFrozen)
		case <-ended:
			ended = nil
			giveUp.Reset(grace)
		}
	}
}

// begin starts a look in a goroutine of its own, which nobody has to wait for.
func (s *subject) begin(ctx context.Context) chan found {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	out := make(chan found, 1)
	done, failed, retry, late := s.done, s.failed, s.retry, s.late
	s.late = found{}
	go func() {
		defer cancel()
		n, err := s.read(ctx)
		switch {
		case err != nil:
			out <- found{unseen: err}
		case n.key == done:
			out <- found{followed: true}
		case n.key == failed && time.Now().Before(retry):
			out <- found{waiting: true}
		case n.key == late.key: // proved already, and still what is named: a slow proof must not start again for ever
			out <- late
		default:
			out <- found{key: n.key, change: n.load(ctx)}
		}
	}()
	return out
}

// conclude does what a look that ended in time asks for.
func (s *subject) conclude(ctx context.Context, f found) error {
	if f.unseen != nil {
		return s.cannotSee(ctx, f.unseen)
	}
	s.told = false
	switch {
	case f.followed:
		s.mark(true)
		return nil
	case f.waiting:
		s.mark(false)
		return nil
	case f.key != s.failed:
		s.progress = progress{failed: f.key, heard: map[string]bool{}}
	}
	err := s.follow(ctx, f.change)
	s.mark(err == nil)
	if err != nil {
		s.retry = time.Now().Add(min(s.cfg.Every<<min(s.tries, 10), maxBackoff))
		s.tries++
		return err
	}
	s.progress = progress{done: f.key}
	return nil
}

// follow puts in force what was proved, and tells what came of it.
func (s *subject) follow(ctx context.Context, c change) error {
	var failures []error
	for _, r := range c.refused {
		s.refuse(ctx, r)
		failures = append(failures, r.err)
	}
	if c.swap != nil {
		if err := c.swap(); err != nil {
			return errors.Join(append(failures, fmt.Errorf("swap: %w", err))...)
		}
	}
	for _, version := range c.fresh {
		s.series.swaps.Inc()
		s.cfg.OnEvent(Event{Subject: s.Subject, Version: version, Before: c.before})
	}
	return errors.Join(failures...)
}

// refuse tells a refusal once.
func (s *subject) refuse(ctx context.Context, r refusal) {
	about := r.version + " " + pix.KindOf(r.err).String()
	if stopping(ctx) || s.heard[about] {
		return
	}
	s.heard[about] = true
	s.series.refusals.Inc()
	s.cfg.OnEvent(Event{Subject: s.Subject, Version: r.version, Err: r.err})
}

// cannotSee tells once that nobody knows what should be in force, and returns why.
func (s *subject) cannotSee(ctx context.Context, err error) error {
	if stopping(ctx) {
		return err
	}
	s.series.current.Set(0)
	s.mu.Lock()
	s.unseen = true
	s.mu.Unlock()
	if !s.told {
		s.told = true
		s.cfg.OnEvent(Event{Subject: s.Subject, Err: err, Unseen: true})
	}
	return err
}

// mark notes that a look saw what is named, and whether that serves.
func (s *subject) mark(serves bool) {
	current := 0.0
	if serves {
		current = 1
	}
	s.series.current.Set(current)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.unseen, s.refused = time.Now(), false, !serves
}

// err says what keeps the subject from being what is named.
func (s *subject) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := time.Since(s.seen)
	switch {
	case s.unseen || age > s.cfg.Every+s.cfg.Timeout+2*grace:
		return fmt.Errorf("%s: not looked at successfully for %s", s.Subject, age.Round(time.Second))
	case s.refused:
		return fmt.Errorf("%s: what is named was refused", s.Subject)
	default:
		return nil
	}
}

// stopping tells the end of the process from a look that took too long.
func stopping(ctx context.Context) bool { return errors.Is(context.Cause(ctx), context.Canceled) }
