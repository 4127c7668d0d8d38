package lake_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
)

// TestLocations: a table lies below its place by its name, in a directory and in a bucket, with a prefix and without.
func TestLocations(t *testing.T) {
	t.Parallel()
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{Storage: gcs.Seeded("bucket", fstest.MapFS{"other": {}})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	root := t.TempDir()
	for place, whole := range map[string]string{
		root: root, "gs://bucket": "gs://bucket", "gs://bucket/": "gs://bucket", "gs://bucket/a/b": "gs://bucket", "gs://bucket/c/": "gs://bucket",
	} {
		l, err := lake.OpenLocation(t.Context(), place, cloud.StorageOptions()...)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := l.Table("t")
		if err != nil {
			t.Fatal(err)
		}
		if err := objects.Replace(t.Context(), "_delta_log/x", nil); err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		at := strings.Trim(strings.TrimPrefix(place, whole), "/")
		if found := below(t, whole, filepath.Join(at, "t", "_delta_log", "x"), cloud); !found {
			t.Errorf("%s: the object is elsewhere", place)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// below tells whether an object lies at a path of a directory or a bucket.
func below(t *testing.T, place, path string, cloud *pixtest.Cloud) bool {
	t.Helper()
	if !strings.HasPrefix(place, "gs://") {
		_, err := os.Stat(filepath.Join(place, path))
		return err == nil
	}
	l, err := lake.OpenLocation(t.Context(), place, cloud.StorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	objects, err := l.Table("")
	if err != nil {
		t.Fatal(err)
	}
	_, err = objects.Stat(t.Context(), filepath.ToSlash(path))
	return err == nil
}

// badPlaces are no places of a lake.
func badPlaces() []string {
	return []string{"", "gs://", "gs:///prefix", "gs://bu cket", "gs://bucket?x=1", "gs://bucket/p#f", "gs://user@bucket", "s3://bucket/p", "https://bucket"}
}

func TestWhatIsNoLocation(t *testing.T) {
	t.Parallel()
	for _, place := range badPlaces() {
		if _, err := lake.OpenLocation(t.Context(), place); pix.KindOf(err) != pix.Invalid {
			t.Errorf("%q: %v, want a refusal", place, err)
		}
	}
}
