package export_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/grpc"

	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/gcs"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// killedProcess names, in the environment, a process of this test that is the exporter and nothing else.
const killedProcess = "EXPORT_PROCESS"

// TestExportProcess is the exporter as it is deployed, configured by its environment: it takes one tick. It is run by
// TestKilledProcesses, in a process of its own.
func TestExportProcess(t *testing.T) {
	t.Parallel()
	if os.Getenv(killedProcess) == "" {
		t.Skip("a part of TestKilledProcesses")
	}
	f, err := export.FromEnv(t.Context(), host.Env{})
	if err != nil {
		t.Fatal(err)
	}
	pushTick(t, f)
}

func pushTick(t *testing.T, h http.Handler) {
	t.Helper()
	message := fmt.Sprintf(`{"message":{"data":%q,"messageId":"1"}}`, base64.StdEncoding.EncodeToString([]byte(`{}`)))
	r := httptest.NewRecorder()
	h.ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(message)))
	if r.Code != http.StatusNoContent {
		t.Fatalf("status %d: %s", r.Code, r.Body)
	}
}

// outside is everything that an exporter talks to, and kills it at one step. Every call and every answer with a row is a
// step; reading the same object of the lake again is none, for it changes nothing and was one.
type outside struct {
	world              *world
	storage, rest, rpc string // URLs, and an address

	mu    sync.Mutex
	kill  func() // ends the exporter and waits until it is gone; nil lets it live
	at    int    // the step at which it is ended
	after bool   // once that step was carried out, instead of before
	steps int
	seen  map[string]bool
}

// step tells whether the step that begins is to be carried out, and calls done when it was.
func (o *outside) step(name string, do func()) {
	o.mu.Lock()
	repeated := strings.HasPrefix(name, http.MethodGet) && o.seen[name]
	o.seen[name] = true
	if !repeated {
		o.steps++
	}
	last, dead, kill := !repeated && o.steps == o.at, o.steps > o.at, o.kill
	o.mu.Unlock()
	switch {
	case kill == nil:
		do()
	case last && o.after:
		do()
		kill()
	case last:
		kill()
	case !dead:
		do()
	}
}

// front counts the calls of an HTTP service.
func (o *outside) front(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the exporter is gone
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		kept := httptest.NewRecorder() // what is answered must not be on its way before the step is over
		carried := false
		o.step(r.Method+" "+r.URL.String(), func() { h.ServeHTTP(kept, r); carried = true })
		if !carried {
			panic(http.ErrAbortHandler)
		}
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// countedStream counts the answers with rows.
type countedStream struct {
	grpc.ServerStream
	o *outside
}

// SendMsg implements grpc.ServerStream.
func (s countedStream) SendMsg(m any) (err error) {
	s.o.step("row", func() { err = s.ServerStream.SendMsg(m) })
	return err
}

// newOutside serves a world, and a lake as it was in a directory.
func newOutside(t *testing.T, w *world, root string) *outside {
	t.Helper()
	o := &outside{world: w, seen: map[string]bool{}}
	cloud, err := pixtest.Start(t.Context(), pixtest.Options{Storage: gcs.Seeded("bucket", os.DirFS(root))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	fake, err := url.Parse(cloud.StorageEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	o.storage = o.front(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(fake); r.Out.Host = fake.Host }})
	o.rest = o.front(t, bigQuery{world: w})
	server := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, q any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (a any, err error) {
			o.step("session", func() { a, err = handle(ctx, q) })
			return a, err
		}),
		grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			return handle(srv, countedStream{s, o})
		}))
	storagepb.RegisterBigQueryReadServer(server, bigQuery{world: w})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	o.rpc = listener.Addr().String()
	return o
}

// run lets an exporter take one tick in a process of its own, and kills it at a step. It tells whether it lived.
func (o *outside) run(t *testing.T, at int, after bool) (lived bool) {
	t.Helper()
	process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestExportProcess$")
	process.Env = append(os.Environ(), killedProcess+"=1", "PROJECT_ID=p", "VERIFY_CALLERS=off", "LAKE=gs://bucket/lake",
		"STORAGE_EMULATOR_HOST="+strings.TrimPrefix(o.storage, "http://"), "BIGQUERY_EMULATOR_HOST="+o.rest,
		"BIGQUERY_STORAGE_EMULATOR_HOST="+o.rpc, "PUBSUB_EMULATOR_HOST=127.0.0.1:1")
	var said strings.Builder
	process.Stdout, process.Stderr = &said, &said
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait(); close(ended) }()
	o.mu.Lock()
	o.at, o.after = at, after
	killed := false
	o.kill = func() { killed = true; _ = process.Process.Kill(); <-ended }
	o.mu.Unlock()
	err := <-ended
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kill = nil
	if !killed && err != nil {
		t.Fatalf("the exporter fails by itself: %v: %s", err, said.String())
	}
	return !killed
}

// follow lets the next exporter take a tick, in this process, and returns the ids that the lake has of each table.
func (o *outside) follow(t *testing.T) map[string][]string {
	t.Helper()
	options := append(emulator.REST(o.storage+"/storage/v1/"), emulator.Storage(func(string) string { return "x" })...)
	c := export.Config{Config: host.Config{ProjectID: "p", DeadLetterTopic: "dlq", Identity: host.IdentityConfig{VerifyCallers: "off"}},
		Dataset: "fraud", Lake: "gs://bucket/lake", Emulator: o.rpc, RESTEmulator: o.rest, ExportTimeout: time.Minute}
	f, err := export.Open(t.Context(), &c, host.Env{Logs: io.Discard, Storage: options, PubSub: emulator.GRPC("127.0.0.1:1")}, warehouse.StampMargin)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close(t.Context()) }()
	pushTick(t, f)
	place, err := lake.OpenLocation(t.Context(), "gs://bucket/lake", options...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = place.Close() }()
	found := map[string][]string{}
	for _, name := range warehouse.Tables() {
		objects, err := place.Table(name)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = idsOf(t, objects, name)
	}
	return found
}

// longAgo is a world with a lake that has some of its rows: labels are two commits before a checkpoint, rows have come late
// and since.
func longAgo(t *testing.T) (w *world, root string) {
	t.Helper()
	w = newWorld(t)
	w.now = time.Now().Truncate(time.Hour).Add(30 * time.Minute).Add(-24 * time.Hour)
	root = w.root
	w.root = filepath.Join(root, "lake")
	for _, table := range warehouse.Tables() {
		w.write(table, 5*time.Hour, "a", "b")
	}
	w.tick(t, `{}`)
	pad(t, w.root, "labels", 48)
	for _, table := range warehouse.Tables() {
		w.write(table, 5*time.Hour, "late")
		w.write(table, 90*time.Minute, "c", "d")
		w.write(table, 10*time.Minute, "e")
	}
	return w, root
}

// pad commits nothing until a table has a version.
func pad(t *testing.T, root, name string, version int64) {
	t.Helper()
	columns, err := warehouse.LakeSchema(name)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := lake.NewDirectory(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	table, err := lake.Open(t.Context(), objects, name, columns, lake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i := int64(0); ; i++ {
		result, err := table.Commit(t.Context(), nil, lake.Txn{AppID: "other", From: i, Version: i + 1})
		if err != nil {
			t.Fatal(err)
		}
		if result.Version >= version {
			return
		}
	}
}

// TestKilledProcesses kills the exporter's process (SIGKILL) before and after each step of a tick that has everything to do:
// late rows, several hours, a checkpoint. The next tick must leave every row once. Of the steps it takes one in so many;
// with EXPORT_KILLS=all every one, at least 200 kills, and prints how many.
func TestKilledProcesses(t *testing.T) {
	t.Parallel()
	w, root := longAgo(t)
	stride := 37
	if os.Getenv("EXPORT_KILLS") == "all" {
		stride = 1
	}
	kills := 0
	for turn := 1; ; turn += stride { // step 1 before, step 1 after, step 2 before, …
		o := newOutside(t, w, root)
		lived := o.run(t, (turn+1)/2, turn%2 == 0)
		if !lived {
			kills++
		}
		found := o.follow(t)
		for _, name := range warehouse.Tables() {
			if want := []string{"a", "b", "c", "d", "e", "late"}; !slices.Equal(found[name], want) {
				t.Fatalf("killed at step %d (after: %t): %s has %v, want %v", (turn+1)/2, turn%2 == 0, name, found[name], want)
			}
		}
		if lived {
			break
		}
	}
	if kills*stride < 200 {
		t.Errorf("%d kills, each of %d steps, want at least 200 steps", kills, stride)
	}
	fmt.Printf("export: %d kills of the process, nothing lost or doubled in %d tables\n", kills, len(warehouse.Tables()))
}
