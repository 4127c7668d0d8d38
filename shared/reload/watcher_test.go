package reload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shelf is a Kind whose subjects are words, each on a storage that a test may freeze: nothing that is asked then returns
// before it thaws, whatever its context says.
type shelf struct {
	noun   string
	places map[string]*place
}

type place struct {
	mu      sync.Mutex
	word    string // what is named
	away    error
	frozen  chan struct{} // nil, or closed when it thaws
	serving string
	looks   atomic.Int64 // that are out
	most    atomic.Int64
	swaps   int
	proof   time.Duration // that it takes, whatever its context says
	proofs  atomic.Int64
}

func newShelf(noun string, names ...string) *shelf {
	s := &shelf{noun: noun, places: map[string]*place{}}
	for _, name := range names {
		s.places[name] = &place{word: "first"}
	}
	return s
}

func (s *shelf) name() string      { return s.noun }
func (s *shelf) metrics() *metrics { return newMetrics(s.noun, "place") }

func (s *shelf) subjects(m *metrics) []*subject {
	var all []*subject
	for name, p := range s.places {
		all = append(all, &subject{
			Subject: Subject{Kind: s.noun, Role: pix.Role(name)}, series: m.of(name), needed: true, read: p.read,
		})
	}
	return all
}

func (s *shelf) missing() error {
	for name, p := range s.places {
		if p.served() == "" {
			return fmt.Errorf("nothing serves at %s", name)
		}
	}
	return nil
}

func (p *place) served() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.serving
}

func (p *place) put(word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.word = word
}

func (p *place) spoil(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = err
}

func (p *place) freeze() (thaw func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	frozen := make(chan struct{})
	p.frozen = frozen
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.frozen = nil
		close(frozen)
	}
}

func (p *place) read(context.Context) (named, error) {
	p.most.Store(max(p.most.Load(), p.looks.Add(1)))
	defer p.looks.Add(-1)
	p.mu.Lock()
	word, away, frozen, proof := p.word, p.away, p.frozen, p.proof
	p.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	if away != nil {
		return named{}, away
	}
	return named{word, func(context.Context) change {
		p.proofs.Add(1)
		time.Sleep(proof)
		return change{fresh: []string{word}, swap: func() error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.serving = word
			p.swaps++
			return nil
		}}
	}}, nil
}

// told is what a watcher told and counted.
type told struct {
	registry *prometheus.Registry
	mu       sync.Mutex
	events   []Event
}

// metric is the one series of a metric that has this label value, or that has no label.
func (l *told) metric(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := l.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := m.GetLabel()
			if family.GetName() == name && (len(labels) == 0 || labels[0].GetValue() == label) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s of %q", name, label)
	return 0
}

func (l *told) hear(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func (l *told) failures() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var failures []Event
	for _, e := range l.events {
		if e.Err != nil {
			failures = append(failures, e)
		}
	}
	return failures
}

func follow(t *testing.T, kinds ...Kind) (*Watcher, *told) {
	t.Helper()
	log := &told{registry: prometheus.NewRegistry()}
	w, err := NewWatcher(Config{Every: time.Second, OnEvent: log.hear, Registry: log.registry}, kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return w, log
}

// goes runs a watcher, and returns what stops it and how long that took.
func goes(t *testing.T, w *Watcher) (stop func() time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() time.Duration {
		began := time.Now()
		cancel()
		work.Wait()
		return time.Since(began)
	}
}

// TestFrozenLook: a storage that ignores every deadline is given up, told once, seen in the metric and in Err; it holds
// up nobody else, neither of its kind nor of another; and one look is all that waits for it.
func TestFrozenLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		words, packs := newShelf("word", "payer", "receiver"), newShelf("pack", "")
		w, log := follow(t, words, packs)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop := goes(t, w)
		frozen := words.places["payer"]
		frozen.put("old")
		thaw := frozen.freeze()
		step(defaultTimeout + grace + 2*time.Second)
		if log.metric(t, "pix_word_current", "payer") != 0 || len(log.failures()) != 1 {
			t.Fatalf("current %v, told %v", log.metric(t, "pix_word_current", "payer"), log.failures())
		}
		if e := log.failures()[0]; !e.Unseen || e.Role != "payer" || !errors.Is(e.Err, errFrozen) {
			t.Errorf("told %+v", e)
		}
		step(time.Hour)
		if err := w.Err(words); err == nil || err.Error() != "payer word: not looked at successfully for 1h0m33s" {
			t.Errorf("says of itself %v", err)
		}
		if err := w.Err(packs); err != nil {
			t.Errorf("says of the other kind %v", err)
		}
		if n := len(log.failures()); n != 1 || frozen.most.Load() != 1 {
			t.Errorf("after an hour told %d times, %d looks were out at once", n, frozen.most.Load())
		}
		for name, p := range map[string]*place{"its kind": words.places["receiver"], "another kind": packs.places[""]} {
			p.put("second")
			step(1100 * time.Millisecond)
			if p.served() != "second" {
				t.Errorf("beside a frozen look %s serves %q", name, p.served())
			}
		}
		frozen.put("new") // what the frozen look saw is old by now, and must not come into force
		thaw()
		step(1100 * time.Millisecond)
		if frozen.served() != "new" || frozen.swaps != 2 || log.metric(t, "pix_word_current", "payer") != 1 || w.Err(words) != nil {
			t.Errorf("thawed: serves %q after %d swaps, current %v, says %v",
				frozen.served(), frozen.swaps, log.metric(t, "pix_word_current", "payer"), w.Err(words))
		}
		stop()
	})
}

// TestSlowProof: a proof that takes longer than a look may, on a machine that is short of time, is seen, and comes into
// force when it ends; it does not begin again and again.
func TestSlowProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		words := newShelf("word", "payer")
		w, log := follow(t, words)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop := goes(t, w)
		p := words.places["payer"]
		p.mu.Lock()
		p.word, p.proof = "second", 2*defaultTimeout
		p.mu.Unlock()
		step(defaultTimeout + grace + 2*time.Second)
		if n := len(log.failures()); n != 1 || log.metric(t, "pix_word_current", "payer") != 0 || p.served() != "first" {
			t.Errorf("a slow proof was told %d times, serves %q", n, p.served())
		}
		step(defaultTimeout)
		if p.served() != "second" || p.proofs.Load() != 2 || log.metric(t, "pix_word_current", "payer") != 1 {
			t.Errorf("serves %q after %d proofs", p.served(), p.proofs.Load())
		}
		stop()
	})
}

// TestStopDoesNotWait: neither for a look that hangs, nor longer than a moment for one that began just now; and the end
// of the process is nothing to tell.
func TestStopDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		words := newShelf("word", "payer")
		w, log := follow(t, words)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		thaw := words.places["payer"].freeze()
		defer thaw()
		for _, since := range []time.Duration{1500 * time.Millisecond, time.Hour} {
			stop := goes(t, w)
			step(since)
			before := len(log.failures())
			if took := stop(); took > grace {
				t.Errorf("a look that hangs since %v kept the end waiting for %v", since, took)
			}
			if len(log.failures()) != before {
				t.Errorf("the end was told: %v", log.failures())
			}
		}
	})
}

// TestStart: what a process cannot start without is named, within the time of one look.
func TestStart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil  func(*place) (mend func())
		within time.Duration
		want   string
	}{
		"frozen": {(*place).freeze, defaultTimeout + grace, "did not end in time"},
		"away": {func(p *place) func() {
			p.spoil(errors.New("503"))
			return func() {}
		}, 0, "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				words := newShelf("word", "payer", "receiver")
				w, _ := follow(t, words)
				defer tc.spoil(words.places["receiver"])()
				began := time.Now()
				err := w.Load(t.Context())
				if took := time.Since(began); took > tc.within {
					t.Errorf("took %v", took)
				}
				for _, part := range []string{"receiver word", "nothing serves at receiver", tc.want} {
					if pix.KindOf(err) != pix.Unavailable || !strings.Contains(err.Error(), part) {
						t.Errorf("%v does not say %q", err, part)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				began = time.Now()
				if err := w.Load(ctx); err == nil || time.Since(began) > 5*time.Second+grace {
					t.Errorf("with a deadline of 5s: %v after %v", err, time.Since(began))
				}
			})
		})
	}
}

// TestAwayIsToldOncePerOutage, and the machine says for how long nobody could see.
func TestAwayIsToldOncePerOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		words := newShelf("word", "payer")
		w, log := follow(t, words)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer goes(t, w)()
		p := words.places["payer"]
		for outage := range 2 {
			p.spoil(errors.New("away"))
			step(40*time.Second + 500*time.Millisecond)
			if n := len(log.failures()); n != outage+1 || log.metric(t, "pix_word_current", "payer") != 0 {
				t.Errorf("outage %d: told %d times, current %v", outage, n, log.metric(t, "pix_word_current", "payer"))
			}
			if err := w.Err(words); err == nil || !strings.Contains(err.Error(), "not looked at successfully for 4") {
				t.Errorf("outage %d: says %v", outage, err)
			}
			p.spoil(nil)
			step(2 * time.Second)
			if err := w.Err(words); err != nil || log.metric(t, "pix_word_current", "payer") != 1 {
				t.Errorf("after outage %d: %v, current %v", outage, err, log.metric(t, "pix_word_current", "payer"))
			}
		}
		if p.swaps != 1 {
			t.Errorf("%d swaps of what stayed the same", p.swaps)
		}
	})
}

// TestNobodyLooks: a watcher that is not run says so after a while.
func TestNobodyLooks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		words := newShelf("word", "payer")
		w, _ := follow(t, words)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.Err(words); err != nil {
			t.Error(err)
		}
		step(time.Minute)
		if err := w.Err(words); err == nil {
			t.Error("nobody has looked for a minute and all is said to be well")
		}
	})
}
