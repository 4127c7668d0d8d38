package process_test

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/functions/process"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/pixtest/otlp"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
)

// function answers everybody, and closes its channel when it is closed.
type function struct {
	http.Handler
	closed chan struct{}
}

func (f function) Conditions() []lifecycle.Condition {
	return []lifecycle.Condition{{Name: "of_the_function", Own: true, Check: func() error { return nil }}}
}
func (f function) Close(context.Context) error { close(f.closed); return nil }

// heapLimit is that of the function's configuration.
const heapLimit = 123 << 20

// open builds the function as host.Open does.
func (f function) open(_ context.Context, env host.Env) (process.Function, error) {
	env.Limit(heapLimit)
	return f, nil
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(body)
}

// await asks until what is answered holds a text.
func await(t *testing.T, url, text string) {
	t.Helper()
	var last string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, last = get(t, url); strings.Contains(last, text) {
			return
		}
	}
	t.Fatalf("%s answers %q and not %s", url, last, text)
}

// TestRun: a function is served at one port and told of at the other, keeps to its memory, says that it is draining, and is
// closed at the end.
func TestRun(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	public, admin := port.Free(t), port.Free(t)
	t.Setenv("ADMIN_ADDR", admin)
	t.Setenv("GOMEMLIMIT", "")
	f := function{http.NotFoundHandler(), make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- process.Run(ctx, process.Options{
			Name: "test", Address: public, Drain: 3 * time.Second, Open: f.open,
			Routes: func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
			},
		})
	}()
	await(t, "http://"+admin+"/readyz", `"ready":true`)
	await(t, "http://"+admin+"/readyz", "of_the_function")
	if status, _ := get(t, "http://"+admin+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz answers %d", status)
	}
	await(t, "http://"+admin+"/metrics", "go_goroutines")
	if limit := debug.SetMemoryLimit(-1); limit != heapLimit {
		t.Errorf("the limit of memory is %d, want %d", limit, heapLimit)
	}
	if status, _ := get(t, "http://"+public+"/"); status != http.StatusTeapot {
		t.Errorf("the public port answers %d", status)
	}
	if status, _ := get(t, "http://"+public+"/metrics"); status != http.StatusTeapot {
		t.Error("the public port tells metrics")
	}
	cancel()
	await(t, "http://"+admin+"/readyz", "draining")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	<-f.closed
}

// TestGOMEMLIMITWins: who sets the runtime's own variable knows why.
func TestGOMEMLIMITWins(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	t.Setenv("ADMIN_ADDR", port.Free(t))
	t.Setenv("GOMEMLIMIT", "1GiB")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := function{http.NotFoundHandler(), make(chan struct{})}
	err := process.Run(ctx, process.Options{Name: "test", Address: port.Free(t), Open: f.open})
	if limit := debug.SetMemoryLimit(-1); err != nil || limit != math.MaxInt64 {
		t.Errorf("the limit of memory is %d: %v", limit, err)
	}
}

// TestNothingListensBeforeItIsOpen: a configuration that is wrong ends the process, and a rollout with it.
func TestNothingListensBeforeItIsOpen(t *testing.T) {
	t.Parallel()
	wrong := errors.New("TOKEN_KEY: required")
	err := process.Run(t.Context(), process.Options{
		Name: "test", Address: "256.0.0.1:1",
		Open: func(context.Context, host.Env) (process.Function, error) { return nil, wrong },
	})
	if !errors.Is(err, wrong) {
		t.Errorf("%v, want %v", err, wrong)
	}
}

// TestWhatIsOpenIsClosed: where a port is taken, the function is closed all the same.
func TestWhatIsOpenIsClosed(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "1GiB") // the test's own memory stays as it is
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for public, admin := range map[string]string{taken.Addr().String(): port.Free(t), port.Free(t): taken.Addr().String()} {
		t.Setenv("ADMIN_ADDR", admin)
		f := function{http.NotFoundHandler(), make(chan struct{})}
		if err := process.Run(t.Context(), process.Options{Name: "test", Address: public, Open: f.open}); err == nil {
			t.Error("it serves at a port that is taken")
		}
		select {
		case <-f.closed:
		default:
			t.Errorf("public %s, admin %s: not closed", public, admin)
		}
	}
}

// unpaged is a function whose page cannot be built.
type unpaged struct{ function }

func (unpaged) Live(live.Around) (http.Handler, error) { return nil, errors.New("no words") }

// TestWhatIsOpenIsClosedWithoutAPage: where the page cannot be built, the function is closed and what pushes tells of it and ends.
func TestWhatIsOpenIsClosedWithoutAPage(t *testing.T) {
	r, err := otlp.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", r.URL())
	t.Setenv("ADMIN_ADDR", port.Free(t))
	f := unpaged{function{http.NotFoundHandler(), make(chan struct{})}}
	err = process.Run(t.Context(), process.Options{
		Name: "test", Address: port.Free(t), Open: func(context.Context, host.Env) (process.Function, error) { return f, nil }, Push: true,
	})
	if err == nil {
		t.Error("it serves without its page")
	}
	select {
	case <-f.closed:
	default:
		t.Error("the function is not closed")
	}
	if n := len(r.Pushes()); n != 1 {
		t.Errorf("%d pushes at the end, want 1", n)
	}
}

// paged is a function with a page whose stream does not end by itself.
type paged struct {
	function
	around live.Around
}

func (p *paged) Live(around live.Around) (http.Handler, error) {
	p.around = around
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "streams")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}), nil
}

// TestAStreamToAnOperatorHoldsUpNoStop: the page is at the port of operators alone and knows what readiness knows, and whoever looks at it is cut
// when the process ends.
func TestAStreamToAnOperatorHoldsUpNoStop(t *testing.T) {
	public, admin := port.Free(t), port.Free(t)
	t.Setenv("ADMIN_ADDR", admin)
	t.Setenv("GOMEMLIMIT", "1GiB")
	p := &paged{function: function{http.NotFoundHandler(), make(chan struct{})}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- process.Run(ctx, process.Options{
			Name: "f", Address: public, Open: func(context.Context, host.Env) (process.Function, error) { return p, nil },
		})
	}()
	await(t, "http://"+admin+"/readyz", `"ready":true`)
	if status, _ := get(t, "http://"+public+live.Path); status != http.StatusNotFound {
		t.Errorf("the public port answers %d", status)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+live.Path+"events", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if len(p.around.Conditions) != 2 {
		t.Errorf("the page knows %d conditions", len(p.around.Conditions))
	}
	cancel()
	if err := <-ended; err != nil { // within the grace, or it is an error
		t.Errorf("the stop: %v", err)
	}
}

// talkative writes a line when it is opened and one when it is closed.
type talkative struct {
	function
	logs io.Writer
}

func (t talkative) Close(ctx context.Context) error {
	_, err := io.WriteString(t.logs, "closed\n")
	return errors.Join(err, t.function.Close(ctx))
}

func openTalkative(sound bool) func(context.Context, host.Env) (process.Function, error) {
	return func(_ context.Context, env host.Env) (process.Function, error) {
		if _, err := io.WriteString(env.Logs, "opened\n"); err != nil || !sound {
			return nil, errors.New("TOKEN_KEY: required")
		}
		return talkative{function{http.NotFoundHandler(), make(chan struct{})}, env.Logs}, nil
	}
}

// TestTheLastLinesAreWritten: whether they are gathered or not, and whether the process served or could not start.
func TestTheLastLinesAreWritten(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "1GiB")
	standard := os.Stderr
	t.Cleanup(func() { os.Stderr = standard })
	for _, gather := range []bool{true, false} {
		for address, want := range map[string]string{port.Free(t): "opened\nclosed\n", "256.0.0.1:1": "opened\nclosed\n", "": "opened\n"} {
			served := strings.HasPrefix(address, "127.")
			admin := port.Free(t)
			t.Setenv("ADMIN_ADDR", admin)
			var err error
			if os.Stderr, err = os.Create(filepath.Join(t.TempDir(), "stderr")); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				ended <- process.Run(ctx, process.Options{Name: "test", Address: address, GatherLines: gather, Open: openTalkative(address != "")})
			}()
			if served {
				await(t, "http://"+admin+"/readyz", `"ready":true`)
			}
			cancel()
			<-ended
			got, err := os.ReadFile(os.Stderr.Name())
			if err != nil || string(got) != want {
				t.Errorf("gathered %v, address %q: %q, %v", gather, address, got, err)
			}
			_ = os.Stderr.Close()
		}
	}
}
