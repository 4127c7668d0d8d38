package release

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/modelstore"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
	"github.com/sentinela-pix/sentinela/shared/reload"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// shippedAs returns the shipped payer model under other versions; "broken" is one whose text is cut off.
func shippedAs(t *testing.T, versions ...string) fstest.MapFS {
	t.Helper()
	shipped, err := modelstore.FromFS(models.Shipped()).Load(t.Context(), pix.PayerRole)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, version := range versions {
		for _, name := range []string{scoring.ModelFile, scoring.ManifestFile, scoring.GoldenFile, scoring.ReferenceFile} {
			data, err := fs.ReadFile(shipped, name)
			if err != nil {
				t.Fatal(err)
			}
			if name == scoring.ManifestFile {
				data = withVersion(t, data, version)
			}
			if name == scoring.ModelFile && version == "broken" {
				data = data[:len(data)/2]
			}
			files["v1/payer/"+version+"/"+name] = &fstest.MapFile{Data: data}
		}
	}
	return files
}

func withVersion(t *testing.T, manifest []byte, version string) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(manifest, &m); err != nil {
		t.Fatal(err)
	}
	m["version"] = version
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pixctl runs one command and returns its exit code and what it printed.
func pixctl(t *testing.T, opts []option.ClientOption, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	std := command.IO{Out: &out, Err: &out, Getenv: func(string) string { return "" }}
	return command.Dispatch(t.Context(), std, Commands(opts...), args), out.String()
}

// scorer is a running process as far as models go.
type scorer struct {
	models *reload.Models
	mu     sync.Mutex
	events []reload.Event
}

func run(t *testing.T, store *modelstore.Store) *scorer {
	t.Helper()
	s := &scorer{}
	var err error
	s.models, err = reload.NewModels(reload.ModelsConfig{
		Store: store, Roles: []pix.Role{pix.PayerRole},
		Contract: scoring.Contract{FeatureNames: feature.Names(), FeatureSet: feature.SetVersion()},
	})
	if err != nil {
		t.Fatal(err)
	}
	watcher, err := reload.NewWatcher(reload.Config{
		Every:   20 * time.Millisecond,
		Timeout: longest, // a proof under the race detector takes long
		OnEvent: func(e reload.Event) { s.mu.Lock(); defer s.mu.Unlock(); s.events = append(s.events, e) },
	}, s.models)
	if err != nil {
		t.Fatal(err)
	}
	if err := watcher.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { _ = watcher.Run(ctx) })
	t.Cleanup(func() { cancel(); work.Wait() })
	return s
}

func (s *scorer) champion(t *testing.T) string {
	t.Helper()
	m, err := s.models.Set().Model(pix.PayerRole)
	if err != nil {
		t.Fatal(err)
	}
	return m.Version()
}

func (s *scorer) refused(version string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Err != nil && e.Version == version {
			return true
		}
	}
	return false
}

// longest bounds what does not end at all. It is no measure of speed.
const longest = 10 * time.Minute

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(longest); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not after %s: %s", longest, what)
		}
	}
}

// TestRunningScorerFollows promotes, is refused, meets a bad version that was put in force by other means, and goes
// back step by step, while a scorer runs on the same bucket.
func TestRunningScorerFollows(t *testing.T) {
	t.Parallel()
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{Storage: gcs.Seeded("models", shippedAs(t, "1", "2", "broken"))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	store, err := modelstore.OpenWritable(t.Context(), "gs://models/v1", cloud.StorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if _, err := store.Promote(t.Context(), pix.PayerRole, "1"); err != nil {
		t.Fatal(err)
	}
	s := run(t, store)
	do := func(code int, says string, args ...string) {
		t.Helper()
		args = append(args[:2:2], append([]string{"-store", "gs://models/v1"}, args[2:]...)...)
		if got, out := pixctl(t, cloud.StorageOptions(), args...); got != code || !strings.Contains(out, says) {
			t.Fatalf("%v: exit code %d, want %d with %q; printed\n%s", args, got, code, says, out)
		}
	}
	serves := func(version string) {
		t.Helper()
		eventually(t, version+" serves", func() bool { return s.champion(t) == version })
	}

	serves("1")
	do(0, "payer/2 is in force; before it was 1", "model", "promote", "payer", "2")
	serves("2")
	do(1, "refused", "model", "promote", "payer", "broken")
	do(1, "refused", "model", "challengers", "payer", "1,broken")
	if _, err := store.Promote(t.Context(), pix.PayerRole, "broken"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bad version is refused", func() bool { return s.refused("broken") })
	serves("2")
	do(0, "payer/2 is in force again; broken is not any more", "model", "rollback", "payer")
	do(0, `{"role":"payer","version":"1","before":"2"}`, "model", "rollback", "payer", "-json")
	serves("1")
	do(0, "models in shadow: 2", "model", "challengers", "payer", "2")
	eventually(t, "2 scores in shadow", func() bool { return len(s.models.Set().Challengers(pix.PayerRole)) == 1 })
	do(0, "no payer model scores in shadow", "model", "challengers", "payer", "")
	eventually(t, "none scores in shadow", func() bool { return len(s.models.Set().Challengers(pix.PayerRole)) == 0 })
}

// TestRepeatedRollback: the write took effect, its reply got lost and so did what was asked after it. The error says how
// to try again without a second step.
func TestRepeatedRollback(t *testing.T) {
	t.Parallel()
	files := shippedAs(t, "1", "2", "3")
	files["v1/payer/current"] = &fstest.MapFile{Data: []byte("3\n2\n1\n")}
	faults := &gcs.Faults{}
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{Storage: gcs.Faulty("models", files, faults)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	rollback := func(args ...string) (int, string) {
		return pixctl(t, cloud.StorageOptions(), append([]string{"model", "rollback", "-store", "gs://models/v1", "payer"}, args...)...)
	}
	faults.LoseReplies(1, gcs.CutAndAway)
	if code, out := rollback(); code != 1 || !strings.Contains(out, "may have taken effect") || !strings.Contains(out, "-from 3") {
		t.Fatalf("exit code %d; printed\n%s", code, out)
	}
	faults.SetAway(false)
	if code, out := rollback("-from", "3"); code != 1 || !strings.Contains(out, `"2" is`) {
		t.Errorf("again: exit code %d; printed\n%s", code, out)
	}
	faults.LoseReplies(1, gcs.Answered503)
	if code, out := rollback("-from", "2"); code != 0 || !strings.Contains(out, "payer/1 is in force again; 2 is not any more") {
		t.Errorf("the next step: exit code %d; printed\n%s", code, out)
	}
}

// TestPatient: a command ends although its store does not.
func TestPatient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		stalled := make(chan struct{})
		defer close(stalled)
		began := time.Now()
		_, err := patient(ctx, time.Second, func() (outcome, error) { <-stalled; return outcome{}, nil })
		if err == nil || time.Since(began) != time.Minute+time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		done, err := patient(ctx, time.Second, func() (outcome, error) { return outcome{Version: "1"}, nil }) // asked to stop, and ends
		if err != nil || done.Version != "1" {
			t.Errorf("%+v, %v", done, err)
		}
	})
}

func TestRefusedAndUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"model", "rollback", "payer"}, 2, "-store is required"},
		{[]string{"model", "rollback", "-store", dir}, 2, "want 1 arguments"},
		{[]string{"model", "rollback", "-store", dir, "bank"}, 2, "payer or receiver"},
		{[]string{"model", "rollback", "-store", dir, "payer"}, 1, "roll back payer model"},
		{[]string{"model", "promote", "-store", dir, "payer", "../1"}, 1, "no single step of a path"},
		{[]string{"model", "promote", "-store", dir + "/none", "payer", "1"}, 1, "open model store"},
		{[]string{"model", "promote", "-store", dir, "-keys", dir + "/none", "payer", "1"}, 1, "read keys"},
		{[]string{"model", "promote", "-h"}, 0, "usage: pixctl model promote"},
	} {
		if code, out := pixctl(t, nil, c.args...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, out)
		}
	}
}
