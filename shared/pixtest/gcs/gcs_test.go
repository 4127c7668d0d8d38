package gcs_test

import (
	"io"
	"testing"

	"cloud.google.com/go/storage"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for range 2 {
		roundTrip(t)
	}
}

func roundTrip(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	c, err := pixtest.Start(ctx, pixtest.Options{Storage: gcs.Start})
	if err != nil {
		t.Fatal(err)
	}
	client, err := storage.NewClient(ctx, c.StorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	bucket := client.Bucket("models")
	if err := bucket.Create(ctx, c.ProjectID, nil); err != nil {
		t.Fatal(err)
	}
	object := bucket.Object("dir/o").If(storage.Conditions{DoesNotExist: true})
	w := object.NewWriter(ctx)
	if _, err := w.Write([]byte("v")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again := object.NewWriter(ctx)
	if _, err := again.Write([]byte("v2")); err == nil && again.Close() == nil {
		t.Error("put-if-absent overwrote an object")
	}
	r, err := bucket.Object("dir/o").NewReader(ctx)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil || string(data) != "v" {
		t.Errorf("read %q: %v", data, err)
	}
	r.Close()
	client.Close()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	t.Log("start-up:", c.Startup())
}
