package modelstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// layout is a store of versions, each file of which holds its own path.
func layout(current string, versions ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, v := range versions {
		for _, name := range []string{"model.txt", "manifest.json", "golden.json", "manifest.json.sig"} {
			p := "payer/" + v + "/" + name
			fsys[p] = &fstest.MapFile{Data: []byte(p)}
		}
	}
	if current != "" {
		fsys["payer/current"] = &fstest.MapFile{Data: []byte(current)}
	}
	return fsys
}

// backends opens one store over the same files in memory, in a directory and in Cloud Storage.
func backends(t *testing.T, files fstest.MapFS) map[string]*Store {
	t.Helper()
	dir := t.TempDir()
	prefixed := fstest.MapFS{}
	for name, f := range files {
		prefixed["models/v1/"+name] = f
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, f.Data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	prefixed["other/object"] = &fstest.MapFile{} // so that the bucket exists even without a version
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{Storage: gcs.Seeded("bucket", prefixed)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	onDisk, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	inCloud, err := Open(t.Context(), "gs://bucket/models/v1", cloud.StorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inCloud.Close(); err != nil {
			t.Error(err)
		}
	})
	return map[string]*Store{"memory": FromFS(files), "directory": onDisk, "cloud storage": inCloud}
}

func TestLoadChoosesTheVersion(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"one":                  {layout("", "1"), "1"},
		"highest number":       {layout("", "2", "10", "9"), "10"},
		"numbers before words": {layout("", "2026-01-01", "3", "zeta"), "3"},
		"words by text":        {layout("", "2026-01-01", "2026-02-01"), "2026-02-01"},
		"current decides":      {layout("9\n", "2", "10", "9"), "9"},
	} {
		for backend, s := range backends(t, tc.files) {
			a, err := s.Load(t.Context(), pix.PayerRole)
			if err != nil {
				t.Errorf("%s, %s: %v", name, backend, err)
				continue
			}
			if a.Version != tc.want || a.Role != pix.PayerRole {
				t.Errorf("%s, %s: loaded %s/%s, want %s", name, backend, a.Role, a.Version, tc.want)
			}
			for _, file := range []string{"model.txt", "manifest.json", "golden.json", "manifest.json.sig"} {
				data, err := fs.ReadFile(a, file)
				if want := "payer/" + tc.want + "/" + file; err != nil || string(data) != want {
					t.Errorf("%s, %s: %s holds %q, want %q (%v)", name, backend, file, data, want, err)
				}
			}
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	incomplete := layout("1", "1")
	delete(incomplete, "payer/1/golden.json")
	for name, tc := range map[string]struct {
		files fstest.MapFS
		kind  pix.Kind
	}{
		"no version":        {fstest.MapFS{"receiver/1/model.txt": {Data: []byte("x")}}, pix.Unavailable},
		"current is gone":   {layout("7", "1"), pix.Unavailable},
		"current is a path": {layout("../receiver/1", "1"), pix.Invalid},
		"current is nested": {layout("1/2", "1"), pix.Invalid},
		"current is empty":  {layout(" \n", "1"), pix.Invalid},
		"current is long":   {layout(strings.Repeat("1", 1000), "1"), pix.Unavailable},
	} {
		for backend, s := range backends(t, tc.files) {
			a, err := s.Load(t.Context(), pix.PayerRole)
			if err == nil || pix.KindOf(err) != tc.kind {
				t.Errorf("%s, %s: got version %q, %v; want kind %v", name, backend, a.Version, err, tc.kind)
			}
		}
	}
	for backend, s := range backends(t, incomplete) {
		a, err := s.Load(t.Context(), pix.PayerRole)
		if err != nil {
			t.Errorf("%s: %v: scoring must be the one to say what is missing", backend, err)
			continue
		}
		if _, err := a.Open("golden.json"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: opening a missing file gave %v", backend, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for location, kind := range map[string]pix.Kind{
		"gs://": pix.Invalid, "gs:///x": pix.Invalid, file: pix.Unavailable, file + "-none": pix.Unavailable, "": pix.Unavailable,
	} {
		if s, err := Open(t.Context(), location); s != nil || pix.KindOf(err) != kind {
			t.Errorf("Open(%q) gave %v, want kind %v", location, err, kind)
		}
	}
}

// TestReadIsBounded keeps a wrong object from filling the memory.
func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	files := layout("", "1")
	files["payer/1/model.txt"].Data = make([]byte, maxFileBytes+1)
	if _, err := FromFS(files).Load(t.Context(), pix.PayerRole); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("a file above the bound gave %v", err)
	}
}
