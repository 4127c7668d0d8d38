package modelstore

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
)

// TestFile reads a file beside the models, whatever keeps it, as it is now and within its bound.
func TestFile(t *testing.T) {
	t.Parallel()
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{
		Storage: gcs.Seeded("bucket", fstest.MapFS{"packs/policy.yaml": {Data: []byte("version: 1")}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "policy.yaml"), []byte("version: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(location string, limit int64) *File {
		t.Helper()
		f, err := OpenFile(t.Context(), location, limit, cloud.StorageOptions()...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
		return f
	}
	for _, root := range []string{dir, "gs://bucket/packs"} {
		data, mark, err := open(root+"/policy.yaml", 10).Read(t.Context())
		if err != nil || string(data) != "version: 1" || mark == "" {
			t.Errorf("%s: %q, %q, %v", root, data, mark, err)
		}
		for name, limit := range map[string]int64{"policy.yaml": 9, "none.yaml": 10} {
			if data, _, err := open(root+"/"+name, limit).Read(t.Context()); pix.KindOf(err) != pix.Unavailable || data != nil {
				t.Errorf("%s: %s within %d bytes gave %q, %v", root, name, limit, data, err)
			}
		}
	}
	if data, mark, err := FileOf([]byte("version: 2")).Read(t.Context()); string(data) != "version: 2" || mark == "" || err != nil {
		t.Errorf("a file at hand: %q, %q, %v", data, mark, err)
	}
	if _, err := OpenFile(t.Context(), dir+"/none/policy.yaml", 10); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("a file in no directory gave %v", err)
	}
}
