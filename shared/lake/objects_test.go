package lake_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"cloud.google.com/go/storage"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
)

// bucketOf returns a table's storage in a Cloud Storage that misbehaves as the test says.
func bucketOf(t *testing.T) (lake.Objects, *gcs.Faults) {
	t.Helper()
	faults := &gcs.Faults{}
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{Storage: gcs.Faulty("bucket", fstest.MapFS{"other/part-x": {}}, faults)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	client, err := storage.NewClient(context.WithoutCancel(t.Context()), cloud.StorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return lake.NewBucket(client, "bucket", "lake/small"), faults
}

// TestObjects is the one suite for every storage.
func TestObjects(t *testing.T) {
	t.Parallel()
	local, err := lake.NewDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	remote, _ := bucketOf(t)
	for name, objects := range map[string]lake.Objects{"directory": local, "bucket": remote, "memory": newMemory()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, objects)
		})
	}
}

// TestOthersMayReadADirectory: Spark may run as somebody else than who exported.
func TestOthersMayReadADirectory(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	objects, err := lake.NewDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	w, err := objects.Writer(t.Context(), "part-a")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), objects.Create(t.Context(), "_delta_log/a", nil), objects.Replace(t.Context(), "_delta_log/b", nil)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"part-a", "_delta_log/a", "_delta_log/b"} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: mode %v, %v", name, info, err)
		}
	}
}

func suite(t *testing.T, objects lake.Objects) {
	t.Helper()
	ctx := t.Context()
	if _, err := objects.Read(ctx, "_delta_log/a", 0, -1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read of nothing: %v", err)
	}
	if _, err := objects.Stat(ctx, "_delta_log/a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("stat of nothing: %v", err)
	}
	for _, name := range []string{"b", "a", "c"} {
		if err := objects.Create(ctx, "_delta_log/"+name, []byte("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	if err := objects.Create(ctx, "_delta_log/a", []byte("other")); !errors.Is(err, lake.ErrExists) {
		t.Errorf("second create: %v", err)
	}
	if data, err := objects.Read(ctx, "_delta_log/a", 2, 3); string(data) != "234" || err != nil {
		t.Errorf("range: %q, %v", data, err)
	}
	if err := objects.Replace(ctx, "_delta_log/c", []byte("new")); err != nil {
		t.Error(err)
	}
	if data, err := objects.Read(ctx, "_delta_log/c", 0, -1); string(data) != "new" || err != nil {
		t.Errorf("replaced: %q, %v", data, err)
	}
	stream(t, objects)
	if got := listed(t, objects, "_delta_log/", "_delta_log/b"); got != "_delta_log/b:10 _delta_log/c:3" {
		t.Errorf("listed %s", got)
	}
	if got := listed(t, objects, "part-", "part-"); got != "part-1:6" {
		t.Errorf("listed %s", got)
	}
	o, err := objects.Stat(ctx, "_delta_log/a")
	if err != nil || o.Size != 10 || o.Updated.IsZero() {
		t.Errorf("stat %+v, %v", o, err)
	}
	for range 2 {
		if err := objects.Delete(ctx, o); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	racing(t, objects)
}

// stream checks that a streamed object is there when it is complete, and never when it is given up.
func stream(t *testing.T, objects lake.Objects) {
	t.Helper()
	w, err := objects.Writer(t.Context(), "part-1")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := w.Write([]byte("abc")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := objects.Stat(t.Context(), "part-1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an object is there before it is complete: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if w, err = objects.Writer(ctx, "part-2"); err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte("abc"))
	cancel()
	if w.Close() == nil {
		t.Error("an object that was given up is complete")
	}
}

func listed(t *testing.T, objects lake.Objects, prefix, from string) string {
	t.Helper()
	var names []string
	for o, err := range objects.List(t.Context(), prefix, from) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%s:%d", o.Name, o.Size))
	}
	return strings.Join(names, " ")
}

// racing checks that of many that create one object one succeeds.
func racing(t *testing.T, objects lake.Objects) {
	t.Helper()
	var won atomic.Int64
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			err := objects.Create(t.Context(), "_delta_log/raced", fmt.Append(nil, i))
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, lake.ErrExists) {
				t.Error(err)
			}
		})
	}
	work.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have created one object", won.Load())
	}
}

// TestBucketLosesReplies exports to Cloud Storage whose replies to writes are lost, one after the other and by two at
// once: the client tries again and is refused by its own success.
func TestBucketLosesReplies(t *testing.T) {
	t.Parallel()
	for name, loss := range map[string]gcs.Loss{"answered 503": gcs.Answered503, "cut": gcs.Cut} {
		objects, faults := bucketOf(t)
		store := &under{objects, func(op, _ string, do func() error) error {
			if op == "create" || op == "replace" || op == "close" {
				faults.LoseReplies(1, loss)
			}
			return do()
		}}
		done, err := export(t.Context(), store)
		if err != nil || done != sliceCount {
			t.Errorf("%s: %d commits, %v", name, done, err)
		}
		wantWhole(t, objects, name)
	}
}
