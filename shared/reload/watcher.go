package reload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	defaultEvery   = 10 * time.Second
	defaultTimeout = 30 * time.Second
	grace          = time.Second      // beyond its deadline, for a look to say itself why it failed
	maxBackoff     = 10 * time.Minute // between two tries of one bad version
)

// Config is how a Watcher looks and whom it tells.
type Config struct {
	Every    time.Duration         // between two looks at one subject; 10 s when 0
	Timeout  time.Duration         // of one look, with what it loads; 30 s when 0
	OnEvent  func(Event)           // may be called by several goroutines at once; may be nil
	Registry prometheus.Registerer // may be nil
}

// Event is something that the people who run a process want to know. Err is nil when a version began to serve; else what
// served before goes on serving.
type Event struct {
	Subject
	Version string // empty where it is not known
	Before  string // the version that was replaced; empty for a challenger
	Err     error
	// Unseen tells an error of looking, after which nobody knows what should be in force, from the refusal of a version.
	Unseen bool
}

// Kind is what a Watcher can follow: *Models or *Policy.
type Kind interface {
	name() string
	metrics() *metrics
	subjects(*metrics) []*subject
	// missing says what a process cannot start without and was not loaded yet.
	missing() error
}

// Watcher keeps its kinds at what is named where they are kept.
type Watcher struct {
	kinds    []Kind
	subjects map[Kind][]*subject
}

// NewWatcher returns a watcher that has loaded nothing yet.
func NewWatcher(cfg Config, kinds ...Kind) (*Watcher, error) {
	if cfg.Every <= 0 {
		cfg.Every = defaultEvery
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(Event) {}
	}
	w := &Watcher{kinds: kinds, subjects: map[Kind][]*subject{}}
	for _, kind := range kinds {
		m := kind.metrics()
		if err := m.register(cfg.Registry); err != nil {
			return nil, pix.E(pix.Invalid, "watch "+kind.name(), err)
		}
		w.subjects[kind] = kind.subjects(m)
		for _, s := range w.subjects[kind] {
			s.cfg, s.seen = &cfg, time.Now()
		}
	}
	return w, nil
}

// Load looks once, at all at a time, and returns an error unless there is what a process cannot start without: a
// champion of every role, a policy pack. Where the champion in force is refused, the newest one before it that is sound
// serves. It returns within the time of one look, or when ctx ends.
func (w *Watcher) Load(ctx context.Context) error {
	var failures []error
	var mu sync.Mutex
	w.each(func(s *subject) {
		if !s.needed {
			return
		}
		if err := s.look(ctx); err != nil {
			mu.Lock()
			defer mu.Unlock()
			failures = append(failures, fmt.Errorf("%s: %w", s.Subject, err))
		}
	})
	var missing []error
	for _, kind := range w.kinds {
		missing = append(missing, kind.missing())
	}
	if err := errors.Join(missing...); err != nil {
		return pix.E(pix.Unavailable, "load what is in force", errors.Join(append(failures, err)...))
	}
	return nil
}

// Run looks again and again until ctx ends, and returns nil then: nothing that a storage does ends it, and a look that
// hangs does not keep it.
func (w *Watcher) Run(ctx context.Context) error {
	w.each(func(s *subject) { s.run(ctx) })
	return nil
}

// Err says of a kind, from memory, what keeps it from being what is named: nothing could be looked at for too long, or
// what is named was refused. It is nil when all is well, and a detail, no failure: what serves goes on serving.
func (w *Watcher) Err(kind Kind) error {
	var problems []error
	for _, s := range w.subjects[kind] {
		problems = append(problems, s.err())
	}
	return errors.Join(problems...)
}

// each does something for every subject at once, and waits.
func (w *Watcher) each(do func(*subject)) {
	var work sync.WaitGroup
	for _, subjects := range w.subjects {
		for _, s := range subjects {
			work.Go(func() { do(s) })
		}
	}
	work.Wait()
}
