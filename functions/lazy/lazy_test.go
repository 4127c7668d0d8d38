package lazy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// asFunction makes the test binary a process that serves one function, as the framework does: nothing of it stops.
const asFunction = "LAZY_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asFunction) != "" {
		serveForever()
	}
	os.Exit(m.Run())
}

// function is a handler that says on standard output what becomes of it.
type function struct{ http.Handler }

func (function) Close(context.Context) error {
	fmt.Println("closed")
	return nil
}

// serveForever answers requests to /slow only when standard input ends.
func serveForever() {
	released := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(released)
	}()
	handler := Handler("test", func(context.Context) (function, error) {
		return function{http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				fmt.Println("began")
				<-released
				fmt.Println("done")
			}
		})}, nil
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	fmt.Println(listener.Addr())
	fmt.Println(http.Serve(listener, handler))
	os.Exit(2)
}

// child is a process that serves a function.
type child struct {
	*exec.Cmd
	url     string
	lines   *bufio.Scanner
	release io.Closer
}

func start(t *testing.T) *child {
	t.Helper()
	c := &child{Cmd: exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])}
	c.Env = append(os.Environ(), asFunction+"=1")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	c.lines, c.release = bufio.NewScanner(out), in
	c.url = "http://" + c.line(t)
	return c
}

// line is the next that the child says.
func (c *child) line(t *testing.T) string {
	t.Helper()
	if !c.lines.Scan() {
		t.Fatalf("the function said no more: %v", c.lines.Err())
	}
	return c.lines.Text()
}

func get(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Error(err)
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// ended expects that the process died of the signal, as one that does not listen to it would.
func ended(t *testing.T, c *child) {
	t.Helper()
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) {
		t.Fatalf("ended with %v", err)
	}
	if status := exit.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v", exit)
	}
}

// TestSIGTERM: what is under way ends, then the function is closed, then the process ends. What comes meanwhile is told
// to come again.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	c := start(t)
	answered := make(chan struct{})
	go func() { get(t, c.url+"/slow"); close(answered) }()
	said := []string{c.line(t)}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if status := get(t, c.url+"/"); status == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(end) {
			t.Fatal("new requests are still taken")
		}
	}
	if err := c.release.Close(); err != nil {
		t.Fatal(err)
	}
	for c.lines.Scan() {
		said = append(said, c.lines.Text())
	}
	<-answered
	if diff := cmp.Diff([]string{"began", "done", "closed"}, said); diff != "" {
		t.Error(diff)
	}
	ended(t, c)
}

// TestSIGTERMBeforeTheFirstRequest: there is nothing to close, and nothing is waited for.
func TestSIGTERMBeforeTheFirstRequest(t *testing.T) {
	t.Parallel()
	c := start(t)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if c.lines.Scan() {
		t.Errorf("it said %q", c.lines.Text())
	}
	ended(t, c)
}

func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var g gate
		for range 2 {
			if !g.enter() {
				t.Fatal("an open gate refuses")
			}
		}
		drained := make(chan error, 1)
		go func() { drained <- g.drain(t.Context()) }()
		synctest.Wait()
		if g.enter() {
			t.Error("a closed gate lets in")
		}
		g.leave()
		synctest.Wait()
		if len(drained) != 0 {
			t.Error("drained with one inside")
		}
		g.leave()
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var g gate
		g.enter()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a request that hangs: %v", err)
		}
		g.leave() // late, and no harm
	})
}

func ask(t *testing.T, l *lazy) int {
	t.Helper()
	w := httptest.NewRecorder()
	l.serve(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	return w.Code
}

func TestFailureIsNotKept(t *testing.T) {
	t.Parallel()
	builds, heard, away := 0, 0, true
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	l := &lazy{
		logger: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, built: func(Function) { heard++ },
		build: func(context.Context) (Function, error) {
			builds++
			if away {
				return nil, errors.New("away")
			}
			return function{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })}, nil
		},
	}
	for range 3 {
		if got := ask(t, l); got != http.StatusServiceUnavailable {
			t.Fatalf("status %d while the dependency is away, want 503", got)
		}
	}
	if builds != 1 {
		t.Errorf("%d builds within the pause, want 1", builds)
	}
	now, away = now.Add(retryPause), false
	for range 3 {
		if got := ask(t, l); got != http.StatusNoContent {
			t.Fatalf("status %d after recovery, want 204", got)
		}
	}
	if builds != 2 || heard != 1 {
		t.Errorf("%d builds, %d heard of; want 2 and 1", builds, heard)
	}
}

func TestBuiltOnceByRacingRequests(t *testing.T) {
	t.Parallel()
	builds := 0
	l := &lazy{
		logger: slog.New(slog.DiscardHandler), now: time.Now, built: func(Function) {},
		build: func(ctx context.Context) (Function, error) {
			builds++
			if ctx.Done() != nil {
				t.Error("what is built ends with the first request")
			}
			return function{http.NotFoundHandler()}, nil
		},
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { ask(t, l) })
	}
	wg.Wait()
	if builds != 1 {
		t.Errorf("%d builds, want 1", builds)
	}
}
