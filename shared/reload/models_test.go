package reload

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

const fixtures = "../scoring/testdata"

// versions is a writable store in memory: the scorer's fixtures as versions of the payer model.
type versions struct {
	mu    sync.Mutex
	files fstest.MapFS
	away  error
	reads int
}

func (v *versions) Open(name string) (fs.File, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reads++
	if v.away != nil {
		return nil, v.away
	}
	return v.files.Open(name)
}

func (v *versions) set(name, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.files["payer/"+name] = &fstest.MapFile{Data: []byte(text)}
}

func (v *versions) breakWith(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.away = err
}

// fixtureFiles reads fixtures as versions of the payer model.
func fixtureFiles(tb testing.TB, names ...string) fstest.MapFS {
	tb.Helper()
	files := fstest.MapFS{}
	for _, name := range names {
		for _, file := range []string{"model.txt", "manifest.json", "golden.json"} {
			data, err := os.ReadFile(filepath.Join(fixtures, name, file))
			if err != nil {
				tb.Fatal(err)
			}
			files["payer/"+name+"/"+file] = &fstest.MapFile{Data: data}
		}
	}
	return files
}

func fixtureContract(tb testing.TB) scoring.Contract {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(fixtures, "gbdt", "manifest.json"))
	if err != nil {
		tb.Fatal(err)
	}
	var m scoring.Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		tb.Fatal(err)
	}
	return scoring.Contract{FeatureNames: m.Features, FeatureSet: m.FeatureSet}
}

// watched is a watcher of the payer model with what it told.
type watched struct {
	*Watcher
	models   *Models
	store    *versions
	registry *prometheus.Registry
	mu       sync.Mutex
	events   []Event
}

func watch(tb testing.TB, files fstest.MapFS) *watched {
	tb.Helper()
	w := &watched{store: &versions{files: files}, registry: prometheus.NewRegistry()}
	var err error
	w.models, err = NewModels(ModelsConfig{
		Store: modelstore.FromFS(w.store), Roles: []pix.Role{pix.PayerRole}, Contract: fixtureContract(tb),
	})
	if err != nil {
		tb.Fatal(err)
	}
	w.Watcher, err = NewWatcher(Config{Every: time.Second, OnEvent: w.hear, Registry: w.registry}, w.models)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

func (w *watched) hear(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// Set is what the watcher keeps.
func (w *watched) Set() *scoring.Set { return w.models.Set() }

// step lets time pass and every look end.
func step(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// running starts Run and returns what stops it and waits.
func (w *watched) running(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() { cancel(); work.Wait() }
}

func (w *watched) wantChampion(t *testing.T, version string) {
	t.Helper()
	m, err := w.Set().Model(pix.PayerRole)
	if err != nil || m.Version() != version {
		t.Fatalf("serving %v (%v), want %s; told %v", m, err, version, w.events)
	}
}

// metric reads one series from the registry.
func (w *watched) metric(t *testing.T, name string, use Use) float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && m.GetLabel()[1].GetValue() == string(use) {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s of the %s", name, use)
	return 0
}

func (w *watched) wantCurrent(t *testing.T, use Use, current float64) {
	t.Helper()
	if got := w.metric(t, "pix_model_current", use); got != current {
		t.Errorf("pix_model_current of the %s is %v, want %v", use, got, current)
	}
}

func (w *watched) wantFailures(t *testing.T, n int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	failures := slices.DeleteFunc(slices.Clone(w.events), func(e Event) bool { return e.Err == nil })
	if len(failures) != n {
		t.Errorf("%d failures were told, want %d: %v", len(failures), n, failures)
	}
}

// TestRunFollowsThePointer goes forward, meets a bad version, stays on the last good one, and goes on.
func TestRunFollowsThePointer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		files := fixtureFiles(t, "gbdt", "deep", "dart")
		files["payer/dart/model.txt"] = &fstest.MapFile{Data: []byte("tree\n")}
		files["payer/current"] = &fstest.MapFile{Data: []byte("gbdt\n")}
		w := watch(t, files)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantChampion(t, "gbdt")
		defer w.running(t)()

		w.store.set("current", "deep\ngbdt\n")
		step(1100 * time.Millisecond)
		w.wantChampion(t, "deep")
		w.wantCurrent(t, Champion, 1)

		w.store.set("current", "dart\ngbdt\n") // what serves goes on, not what the store names second
		step(time.Hour)
		w.wantChampion(t, "deep")
		w.wantCurrent(t, Champion, 0)
		w.wantFailures(t, 1)
		if got := w.metric(t, "pix_model_refusals_total", Champion); got != 1 {
			t.Errorf("%v refusals were counted, want 1", got)
		}

		w.store.set("current", "gbdt\n")
		step(1100 * time.Millisecond)
		w.wantChampion(t, "gbdt")
		w.wantCurrent(t, Champion, 1)
	})
}

// TestBadVersionIsTriedEverMoreRarely counts reads of the bad version within an hour, and mends it in place.
func TestBadVersionIsTriedEverMoreRarely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		files := fixtureFiles(t, "gbdt", "deep")
		sound := files["payer/deep/model.txt"]
		delete(files, "payer/deep/model.txt") // its upload goes on while current names it already
		files["payer/current"] = &fstest.MapFile{Data: []byte("gbdt\n")}
		w := watch(t, files)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer w.running(t)()
		w.store.set("current", "deep\n")
		step(time.Hour)
		pointers := 2 * 3600 // current and challengers, every second
		if loads := (w.store.reads - pointers) / 3; loads > 30 {
			t.Errorf("the bad version was read %d times within an hour", loads)
		}
		w.store.set("deep/model.txt", string(sound.Data))
		step(maxBackoff + time.Second)
		w.wantChampion(t, "deep")
	})
}

// TestStoreAway keeps serving while the store cannot be read, tells so once each time, and goes on after.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		files := fixtureFiles(t, "gbdt", "deep")
		files["payer/current"] = &fstest.MapFile{Data: []byte("gbdt\n")}
		w := watch(t, files)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer w.running(t)()
		for range 2 {
			w.store.breakWith(errors.New("away"))
			step(time.Minute)
			w.wantChampion(t, "gbdt")
			w.wantCurrent(t, Champion, 0)
			w.store.breakWith(nil)
			step(2 * time.Second)
			w.wantCurrent(t, Champion, 1)
		}
		w.wantFailures(t, 4) // two outages, champion and challengers
		w.store.set("current", "deep\n")
		step(2 * time.Second)
		w.wantChampion(t, "deep")
	})
}

// TestStartFallsBack starts on a store whose version in force is bad.
func TestStartFallsBack(t *testing.T) {
	t.Parallel()
	files := fixtureFiles(t, "gbdt", "deep", "dart")
	files["payer/dart/model.txt"] = &fstest.MapFile{Data: []byte("tree\n")}
	files["payer/current"] = &fstest.MapFile{Data: []byte("dart\ndeep\ngbdt\n")}
	w := watch(t, files)
	if err := w.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.wantChampion(t, "deep")
	w.wantFailures(t, 1)
	w.wantCurrent(t, Champion, 0)

	files["payer/current"] = &fstest.MapFile{Data: []byte("dart\n")}
	if err := watch(t, files).Load(t.Context()); pix.KindOf(err) != pix.Unavailable || !strings.Contains(err.Error(), "dart") {
		t.Errorf("without any sound version Load gave %v", err)
	}
}

// TestChallengers follows the list of challengers: new, bad, too many, champion among them, dropped.
func TestChallengers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		files := fixtureFiles(t, "gbdt", "deep", "dart", "zero", "none", "v3")
		files["payer/current"] = &fstest.MapFile{Data: []byte("gbdt\n")}
		w := watch(t, files)
		if err := w.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer w.running(t)()
		for _, tc := range []struct {
			text     string
			want     []string
			failures int
			current  float64
		}{
			{"deep\ngbdt\n\ndeep\n", []string{"deep"}, 0, 1},
			{"dart\ndeep\n", []string{"dart", "deep"}, 0, 1},
			{"dart\nmissing\nzero\n", []string{"dart", "zero"}, 1, 0},
			{"deep\ndart\nzero\nnone\nv3\n", []string{"dart", "zero"}, 2, 0}, // one too many: none is taken
			{"", nil, 2, 1},
		} {
			before := w.Set().Challengers(pix.PayerRole)
			w.store.set("challengers", tc.text)
			step(time.Minute)
			var got []string
			for _, m := range w.Set().Challengers(pix.PayerRole) {
				got = append(got, m.Version())
				if i := slices.IndexFunc(before, func(b *scoring.Model) bool { return b.Version() == m.Version() }); i >= 0 && before[i] != m {
					t.Errorf("%q: %s was loaded again", tc.text, m.Version())
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%q: challengers %v, want %v", tc.text, got, tc.want)
			}
			w.wantFailures(t, tc.failures)
			w.wantCurrent(t, Challenger, tc.current)
		}
		// A challenger that is promoted leaves the shadow; the champion before it may enter.
		w.store.set("challengers", "deep\ngbdt\n")
		step(2 * time.Second)
		w.store.set("current", "deep\ngbdt\n")
		step(2 * time.Second)
		w.wantChampion(t, "deep")
		if c := w.Set().Challengers(pix.PayerRole); len(c) != 1 || c[0].Version() != "gbdt" {
			t.Errorf("after the promotion %v are challengers", c)
		}
	})
}

func TestNewModelsRefuses(t *testing.T) {
	t.Parallel()
	if _, err := NewModels(ModelsConfig{}); pix.KindOf(err) != pix.Invalid {
		t.Errorf("an empty configuration gave %v", err)
	}
}
