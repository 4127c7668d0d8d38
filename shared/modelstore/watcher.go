package modelstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// MaxChallengers bounds how many models of a role score in shadow: each costs every decision a score and the process
// its memory.
const MaxChallengers = 4

const (
	defaultEvery   = 10 * time.Second
	defaultTimeout = 30 * time.Second
	maxBackoff     = 10 * time.Minute // between two tries of one bad version
)

// Use is what a model is loaded for.
type Use string

// Uses: a champion decides, a challenger only scores.
const (
	Champion   Use = "champion"
	Challenger Use = "challenger"
)

// Event is something that the people who run a scorer want to know. Err is nil when a version began to serve; else the
// version was refused or the store could not be read, and what served before goes on serving.
type Event struct {
	Role    pix.Role
	Use     Use
	Version string // empty where it is not known
	Before  string // the champion that was replaced
	Err     error
}

// WatcherConfig is what a Watcher needs.
type WatcherConfig struct {
	Store *Store
	Roles []pix.Role
	// Contract is what a model of any role must fit; role and version are filled in.
	Contract scoring.Contract
	Limits   scoring.Limits
	Every    time.Duration         // between two looks at the store; 10 s when 0
	Timeout  time.Duration         // of one look, with what it loads; 30 s when 0
	OnEvent  func(Event)           // called from the goroutine of Load or Run; may be nil
	Registry prometheus.Registerer // may be nil
}

// Watcher keeps a scoring.Set at what the store says is in force. A new version is downloaded, verified and then
// swapped in; one that fails leaves in force what is, is told once and tried again ever more rarely, until the store
// names another.
type Watcher struct {
	cfg     WatcherConfig
	set     scoring.Set
	metrics *watcherMetrics

	mu    sync.Mutex // one look at a time
	slots map[slotKey]*slot
}

type slotKey struct {
	role pix.Role
	use  Use
}

// slot is how far one role and use has come.
type slot struct {
	slotKey
	done       string          // key of the pointer that was followed to the end
	failed     string          // key of the pointer that was not
	tries      int             // of that
	retry      time.Time       // not before
	told       map[string]bool // failures of it that were told
	unreadable bool            // and told
}

// NewWatcher returns a watcher that has loaded nothing yet.
func NewWatcher(cfg WatcherConfig) (*Watcher, error) {
	if cfg.Store == nil || len(cfg.Roles) == 0 || len(cfg.Contract.FeatureNames) == 0 {
		return nil, pix.E(pix.Invalid, "watch models", errors.New("store, roles and the feature list must be given"))
	}
	if cfg.Limits == (scoring.Limits{}) {
		cfg.Limits = scoring.DefaultLimits()
	}
	if cfg.Every <= 0 {
		cfg.Every = defaultEvery
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(Event) {}
	}
	w := &Watcher{cfg: cfg, metrics: newWatcherMetrics(cfg.Registry), slots: map[slotKey]*slot{}}
	for _, role := range cfg.Roles {
		for _, use := range []Use{Champion, Challenger} {
			k := slotKey{role, use}
			w.slots[k] = &slot{slotKey: k}
		}
	}
	return w, nil
}

// Set returns what the watcher keeps up to date.
func (w *Watcher) Set() *scoring.Set { return &w.set }

// Load looks once and returns an error unless every role has a champion afterwards: a scorer does not start without.
// Where the version in force is refused, the newest one before it that is sound serves.
func (w *Watcher) Load(ctx context.Context) error {
	missing := []error{w.look(ctx)}
	complete := true
	for _, role := range w.cfg.Roles {
		if _, err := w.set.Model(role); err != nil {
			missing, complete = append(missing, err), false
		}
	}
	if !complete {
		return pix.E(pix.Unavailable, "load models", errors.Join(missing...))
	}
	return nil
}

// Run looks at the store again and again until ctx ends. It returns nil then: no state of the store ends it.
func (w *Watcher) Run(ctx context.Context) error {
	ticker := time.NewTicker(w.cfg.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			_ = w.look(ctx) // was told
		}
	}
}

// look brings every role to what the store says now, and returns what stood in the way.
func (w *Watcher) look(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Timeout)
	defer cancel()
	var errs []error
	for _, role := range w.cfg.Roles {
		errs = append(errs, w.follow(ctx, role, Champion), w.follow(ctx, role, Challenger))
	}
	return errors.Join(errs...)
}

// follow reads a pointer and acts on it once, or again after a failure when it is time.
func (w *Watcher) follow(ctx context.Context, role pix.Role, use Use) error {
	s := w.slots[slotKey{role, use}]
	read, act := w.cfg.Store.current, w.champion
	if use == Challenger {
		read, act = w.cfg.Store.challengers, w.challengers
	}
	p, err := read(ctx, role)
	if err != nil {
		return w.unreadable(ctx, s, err)
	}
	s.unreadable = false
	key := p.key()
	if use == Challenger {
		key += " beside " + w.serving(role)
	}
	switch {
	case key == s.done:
		w.metrics.followed(s.slotKey, true)
		return nil
	case key == s.failed && time.Now().Before(s.retry):
		return nil
	case key != s.failed:
		*s = slot{slotKey: s.slotKey, failed: key, told: map[string]bool{}}
	}
	if err := act(ctx, s, p); err != nil {
		s.retry = time.Now().Add(min(w.cfg.Every<<min(s.tries, 10), maxBackoff))
		s.tries++
		w.metrics.followed(s.slotKey, false)
		return err
	}
	*s = slot{slotKey: s.slotKey, done: key}
	w.metrics.followed(s.slotKey, true)
	return nil
}

// serving names the champion, empty when there is none.
func (w *Watcher) serving(role pix.Role) string {
	if m, err := w.set.Model(role); err == nil {
		return m.Version()
	}
	return ""
}

// stopping tells the end of the process from a look that took too long.
func stopping(ctx context.Context) bool { return errors.Is(context.Cause(ctx), context.Canceled) }

// unreadable tells once that the store does not answer, and returns why.
func (w *Watcher) unreadable(ctx context.Context, s *slot, err error) error {
	if stopping(ctx) {
		return err
	}
	if !s.unreadable {
		s.unreadable = true
		w.cfg.OnEvent(Event{Role: s.role, Use: s.use, Err: err})
	}
	w.metrics.followed(s.slotKey, false)
	return err
}

// refused tells a failure once, and returns it.
func (w *Watcher) refused(ctx context.Context, s *slot, version string, err error) error {
	if stopping(ctx) {
		return err
	}
	if about := version + " " + pix.KindOf(err).String(); !s.told[about] {
		s.told[about] = true
		w.metrics.refused(s.slotKey)
		w.cfg.OnEvent(Event{Role: s.role, Use: s.use, Version: version, Err: err})
	}
	return err
}

// champion loads, proves and swaps in the version in force. A process that has no model yet takes the newest sound one
// of those before it.
func (w *Watcher) champion(ctx context.Context, s *slot, p pointer) error {
	before := w.serving(s.role)
	if before == p.versions[0] {
		return nil
	}
	var failed error
	for i, version := range p.versions {
		if i > 0 && before != "" {
			break
		}
		m, err := w.load(ctx, s.role, version)
		if err != nil {
			failed = errors.Join(failed, w.refused(ctx, s, version, err))
			continue
		}
		if _, err := w.set.Swap(m); err != nil {
			return fmt.Errorf("swap: %w", err)
		}
		w.metrics.swapped(s.slotKey)
		w.cfg.OnEvent(Event{Role: s.role, Use: s.use, Version: version, Before: before})
		break
	}
	return failed
}

// challengers loads what is new among the challengers, and drops what is no longer named.
func (w *Watcher) challengers(ctx context.Context, s *slot, p pointer) error {
	if len(p.versions) > MaxChallengers {
		return w.refused(ctx, s, "", pix.E(pix.TooLarge, "load challengers",
			fmt.Errorf("%d challengers are more than the limit of %d", len(p.versions), MaxChallengers)))
	}
	loaded := map[string]*scoring.Model{}
	for _, m := range w.set.Challengers(s.role) {
		loaded[m.Version()] = m
	}
	var next []*scoring.Model
	var fresh []string
	var failed error
	named := map[string]bool{w.serving(s.role): true} // the champion scores already
	for _, version := range p.versions {
		if named[version] {
			continue
		}
		named[version] = true
		m, known := loaded[version]
		if !known {
			var err error
			if m, err = w.load(ctx, s.role, version); err != nil {
				failed = errors.Join(failed, w.refused(ctx, s, version, err))
				continue
			}
			fresh = append(fresh, version)
		}
		next = append(next, m)
	}
	if err := w.set.SetChallengers(s.role, next); err != nil {
		return fmt.Errorf("swap challengers: %w", err)
	}
	for _, version := range fresh {
		w.metrics.swapped(s.slotKey)
		w.cfg.OnEvent(Event{Role: s.role, Use: s.use, Version: version})
	}
	return failed
}

func (w *Watcher) load(ctx context.Context, role pix.Role, version string) (*scoring.Model, error) {
	artefact, err := w.cfg.Store.LoadVersion(ctx, role, version)
	if err != nil {
		return nil, err
	}
	contract := w.cfg.Contract
	contract.Role, contract.Version = role, version
	m, err := scoring.Load(artefact, w.cfg.Limits, contract)
	if err != nil {
		return nil, fmt.Errorf("%s model %s: %w", role, version, err)
	}
	return m, nil
}
