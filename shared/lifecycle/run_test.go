package lifecycle_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/shared/lifecycle"
)

// The runtime keeps one goroutine for signals once any was asked for.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("os/signal.signal_recv"), goleak.IgnoreAnyFunction("os/signal.loop"))
}

var errBoom = errors.New("boom")

// journal records what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// component notes its start, the end of its run and its stop.
func (j *journal) component(name string) lifecycle.Component {
	return lifecycle.Component{
		Name:  name,
		Start: func(context.Context) error { j.add("start " + name); return nil },
		Run:   func(ctx context.Context) error { <-ctx.Done(); j.add("end " + name); return ctx.Err() },
		Stop:  func(context.Context) error { j.add("stop " + name); return nil },
	}
}

func TestStopsInReverseOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if err := lifecycle.Run(ctx, time.Second, j.component("a"), j.component("b")); err != nil {
			t.Error(err)
		}
		want := []string{"start a", "start b", "stop b", "end b", "stop a", "end a"}
		if diff := cmp.Diff(want, j.lines); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFailureStopsTheOthers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*lifecycle.Component)
		want   string
		lines  []string
	}{
		"in start": {
			func(c *lifecycle.Component) { c.Start = func(context.Context) error { return errBoom } },
			"start b: boom",
			[]string{"start a", "stop a", "end a"},
		},
		"in run": {
			func(c *lifecycle.Component) { c.Run = func(context.Context) error { return errBoom } },
			"run b: boom",
			[]string{"start a", "start b", "start c", "stop c", "end c", "stop b", "stop a", "end a"},
		},
		"run and stop, joined": {
			func(c *lifecycle.Component) {
				c.Run = func(context.Context) error { return errBoom }
				c.Stop = func(context.Context) error { return errBoom }
			},
			"run b: boom\nstop b: boom",
			[]string{"start a", "start b", "start c", "stop c", "end c", "stop a", "end a"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				j := &journal{}
				a, b, c := j.component("a"), j.component("b"), j.component("c")
				tc.change(&b)
				if run := b.Run; name != "in start" {
					b.Run = func(ctx context.Context) error { time.Sleep(time.Second); return run(ctx) }
				}
				err := lifecycle.Run(t.Context(), time.Second, a, b, c)
				if err == nil || err.Error() != tc.want || !errors.Is(err, errBoom) {
					t.Errorf("got %v, want %s", err, tc.want)
				}
				if diff := cmp.Diff(tc.lines, j.lines); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestEarlyReturnIsACleanStop is what a program that ends by itself does.
func TestEarlyReturnIsACleanStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		demo := lifecycle.Component{Name: "demo", Run: func(context.Context) error { time.Sleep(time.Hour); return nil }}
		if err := lifecycle.Run(t.Context(), time.Second, j.component("a"), demo); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"start a", "stop a", "end a"}, j.lines); diff != "" {
			t.Error(diff)
		}
	})
}

// TestHangingPartIsLeftBehind checks that one part that hangs neither hangs the process nor hides who it was, and
// that the parts below it still stop in time.
func TestHangingPartIsLeftBehind(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	hangs := map[string]func(*lifecycle.Component){
		"in run":  func(c *lifecycle.Component) { c.Run = func(context.Context) error { <-release; return nil } },
		"in stop": func(c *lifecycle.Component) { c.Stop = func(context.Context) error { <-release; return nil } },
	}
	for name, hang := range hangs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &journal{}
			b := j.component("b")
			hang(&b)
			ctx, cancel := context.WithCancel(t.Context())
			cancelled := lifecycle.Component{Name: "c", Run: func(context.Context) error { cancel(); return nil }}
			began := time.Now()
			err := lifecycle.Run(ctx, 400*time.Millisecond, j.component("a"), b, cancelled)
			if !errors.Is(err, lifecycle.ErrDeadline) || !strings.Contains(err.Error(), "stop b") {
				t.Errorf("got %v", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			j.mu.Lock()
			defer j.mu.Unlock()
			if !slices.Contains(j.lines, "end a") {
				t.Errorf("a did not stop: %v", j.lines)
			}
		})
	}
	t.Cleanup(func() { close(release) })
}

func TestCancelDuringStartIsACleanStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j := &journal{}
		ctx, cancel := context.WithCancel(t.Context())
		slow := lifecycle.Component{
			Name:  "slow",
			Start: func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() },
		}
		if err := lifecycle.Run(ctx, time.Second, j.component("a"), slow, j.component("c")); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"start a", "stop a", "end a"}, j.lines); diff != "" {
			t.Error(diff)
		}
	})
}

// TestSignal sends the signal to the whole process.
//
//nolint:paralleltest // every other Run of the process would stop too
func TestSignal(t *testing.T) {
	j := &journal{}
	ready := lifecycle.Component{Name: "ready", Start: func(context.Context) error {
		process, err := os.FindProcess(os.Getpid())
		if err != nil {
			return err
		}
		return process.Signal(syscall.SIGTERM)
	}}
	if err := lifecycle.Run(t.Context(), 5*time.Second, j.component("a"), ready); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"start a", "stop a", "end a"}, j.lines); diff != "" {
		t.Error(diff)
	}
}
