package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of a Sweeper.
const (
	// leaseTerm is how long a holder's silence must last before another process takes its lease. A holder renews before each
	// sweep: at most one tick after the last one ended, which sweepEnd bounds.
	leaseTerm   = time.Minute
	leaseName   = "sweep"
	lastRelease = 2 * time.Second
)

// SweeperDeps are the ports and settings of a Sweeper. All but Report are required.
type SweeperDeps struct {
	Outbox   *Outbox
	Register Register
	Holder   string // names this process among all: no other has ever had it
	Clock    func() time.Time
	Age      time.Duration // of the youngest mark that a sweep takes; a younger one may be on its way
	// Report hears of every turn: whether this process holds the lease, and if so, what its sweep came to. May be nil.
	Report func(held bool, s Swept, err error)
}

// Sweeper sweeps in one process of many: the one that holds the lease. The lease saves work and guarantees nothing. Two
// that sweep at once publish some decisions twice, as one may.
type Sweeper struct {
	deps  SweeperDeps
	lease *lease
}

// NewSweeper checks deps and builds a Sweeper.
func NewSweeper(deps SweeperDeps) (*Sweeper, error) {
	if deps.Outbox == nil || deps.Register == nil || deps.Holder == "" || deps.Clock == nil || deps.Age <= 0 {
		return nil, pix.E(pix.Invalid, "new sweeper", errors.New("Outbox, Register, Holder, Clock and Age are required"))
	}
	if deps.Report == nil {
		deps.Report = func(bool, Swept, error) {}
	}
	return &Sweeper{deps: deps, lease: &lease{register: deps.Register, holder: deps.Holder}}, nil
}

// Run sweeps at every tick at which this process gets or keeps the lease, until ctx ends; then it gives the lease back. A
// tick of 10 seconds is meant. When a holder dies, another process sweeps within leaseTerm, two ticks and one sweep's
// calls: its silence counts from when the other saw its last sign, by the other's own clock, so that clocks may differ by
// anything.
func (s *Sweeper) Run(ctx context.Context, ticks <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRelease)
			defer cancel()
			return s.lease.release(last)
		case <-ticks:
			s.turn(ctx)
		}
	}
}

func (s *Sweeper) turn(ctx context.Context) {
	held, err := s.lease.hold(ctx, s.deps.Clock())
	if err != nil || !held {
		s.deps.Report(false, Swept{}, err)
		return
	}
	swept, err := s.deps.Outbox.Sweep(ctx, s.deps.Clock().Add(-s.deps.Age))
	s.deps.Report(true, swept, err)
}

// lease is held by the process whose name stands in the register, as long as it keeps counting there. No moment is written
// down, so no two clocks are compared.
type lease struct {
	register Register
	holder   string

	mu    sync.Mutex
	signs int       // this process's own, so far
	seen  string    // the sign that stood last
	since time.Time // when it was first seen
}

// hold takes the lease when it is free or its holder is silent, renews it when it is ours, and reports whether it is.
func (l *lease) hold(ctx context.Context, now time.Time) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stands, err := l.register.Value(ctx, leaseName)
	if err != nil {
		return false, failure("look at the lease", err)
	}
	if stands != l.seen || l.since.IsZero() {
		l.seen, l.since = stands, now
	}
	if stands != "" && !l.ours(stands) && now.Sub(l.since) < leaseTerm {
		return false, nil
	}
	l.signs++
	next := fmt.Sprintf("%s#%d", l.holder, l.signs)
	if stands, err = l.register.Swap(ctx, leaseName, stands, next); err != nil {
		return false, failure("take the lease", err)
	}
	l.seen, l.since = stands, now
	return stands == next, nil
}

// release gives the lease back when it is ours.
func (l *lease) release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ours(l.seen) {
		return nil
	}
	if _, err := l.register.Swap(ctx, leaseName, l.seen, ""); err != nil {
		return failure("give back the lease", err)
	}
	return nil
}

func (l *lease) ours(sign string) bool { return strings.HasPrefix(sign, l.holder+"#") }
