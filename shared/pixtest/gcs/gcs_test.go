package gcs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"cloud.google.com/go/storage"
	"go.uber.org/goleak"
	"google.golang.org/api/googleapi"

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

// TestFaults: a lost reply is a write that took effect, so the client's own retry is refused by it; away and silent end
// when they are ended.
func TestFaults(t *testing.T) {
	t.Parallel()
	faults := &gcs.Faults{}
	files := fstest.MapFS{"o": {Data: []byte("v")}}
	c, err := pixtest.Start(t.Context(), pixtest.Options{Storage: gcs.Faulty("models", files, faults)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	client, err := storage.NewClient(t.Context(), c.StorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	bucket := client.Bucket("models")
	read := func(name string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		r, err := bucket.Object(name).Retryer(storage.WithPolicy(storage.RetryNever)).NewReader(ctx)
		if err != nil {
			return "", err
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		return string(data), err
	}
	for _, loss := range []gcs.Loss{gcs.Answered503, gcs.Cut} {
		name := fmt.Sprintf("lost-%d", loss)
		faults.LoseReplies(1, loss)
		w := bucket.Object(name).If(storage.Conditions{DoesNotExist: true}).NewWriter(t.Context())
		_, _ = w.Write([]byte(name))
		err := w.Close() // the client retries after a 503, not after a cut
		var api *googleapi.Error
		if refused := errors.As(err, &api) && api.Code == http.StatusPreconditionFailed; err == nil || refused != (loss == gcs.Answered503) {
			t.Errorf("loss %d: a write whose reply was lost gave %v", loss, err)
		}
		if got, err := read(name); got != name || err != nil {
			t.Errorf("a write whose reply was lost left %q, %v", got, err)
		}
	}
	for name, set := range map[string]func(bool){"away": faults.SetAway, "silent": faults.SetSilent} {
		set(true)
		before := faults.Calls()
		if got, err := read("o"); err == nil {
			t.Errorf("%s: read %q", name, got)
		}
		if faults.Calls() == before {
			t.Errorf("%s: the call did not come in", name)
		}
		set(false)
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if got, err := read("o"); got == "v" {
				break
			} else if time.Now().After(end) {
				t.Fatalf("%s: afterwards read %q, %v", name, got, err)
			}
		}
	}
}
