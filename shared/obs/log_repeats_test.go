package obs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

// written is a log that summarises, and what it wrote.
type written struct {
	*slog.Logger
	t     *testing.T
	flush func(context.Context) error
	mu    sync.Mutex
	out   bytes.Buffer
}

func newWritten(t *testing.T) *written {
	t.Helper()
	w := &written{t: t}
	w.Logger, w.flush = obs.Summarise(obs.Logger(w, slog.LevelInfo, obs.Service{Name: "score"}))
	return w
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(p)
}

// lines returns what was written since the last call, and how many lines it stands for.
func (w *written) lines() (lines []map[string]any, stands int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for text := range strings.Lines(w.out.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, line)
		if n, ok := line["repeated"].(float64); ok {
			stands += int(n)
		} else {
			stands++
		}
	}
	w.out.Reset()
	return lines, stands
}

// TestRepeatedWarnings: 500 a second leave one line, then one for every ten seconds that says how many it stands for, and
// nothing is lost.
func TestRepeatedWarnings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWritten(t)
		const seconds, rate = 60, 500
		for n := range seconds * rate {
			w.Warn("degraded", "part", "store", "error", fmt.Sprint("failure ", n))
			time.Sleep(time.Second / rate)
		}
		if err := w.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		lines, stands := w.lines()
		if len(lines) != 1+seconds/10 || stands != seconds*rate {
			t.Errorf("%d lines that stand for %d, want %d for %d", len(lines), stands, 1+seconds/10, seconds*rate)
		}
		if first, second := lines[0], lines[1]; first["repeated"] != nil || first["error"] != "failure 0" ||
			second["repeated"] != float64(10*rate-1) || second["error"] != "failure 4999" || second["service"] != "score" {
			t.Errorf("first %v, then %v", first, second)
		}
		if err := w.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if lines, _ := w.lines(); len(lines) != 0 {
			t.Errorf("written twice: %v", lines)
		}
	})
}

// TestWhatIsNeverSummarised: facts and defects, and warnings of another kind.
func TestWhatIsNeverSummarised(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWritten(t)
		for n := range 5 {
			w.Info("decided", "end_to_end_id", n)
			w.Error("handler panicked", "function", "score")
			w.Log(t.Context(), slog.LevelError+4, "gone")
		}
		if lines, _ := w.lines(); len(lines) != 15 {
			t.Errorf("%d lines of 15", len(lines))
		}
		for range 3 {
			w.Warn("degraded", "part", "store")
			w.Warn("degraded", "part", "commit")
			w.Warn("message handled", "function", "score", "result", "unavailable", "end_to_end_id", "E1")
			w.Warn("message handled", "function", "score", "result", "invalid", "end_to_end_id", "E2")
			w.Warn("message handled", "function", "label", "result", "invalid", "end_to_end_id", "E3")
			w.With("part", "outbox").Warn("degraded")
		}
		w.WithGroup("g").Warn("degraded")
		if lines, stands := w.lines(); len(lines) != 7 || stands != 7 {
			t.Errorf("%d first lines of 7 kinds: %v", len(lines), lines)
		}
		time.Sleep(obs.RepeatEvery)
		w.Info("decided") // the next line of any kind brings what waits
		if lines, stands := w.lines(); len(lines) != 7 || stands != 13 {
			t.Errorf("%d lines for %d", len(lines), stands)
		}
	})
}

// TestRepeatsKeepTheirTrace: the line that is written is one that was logged, whole.
func TestRepeatsKeepTheirTrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWritten(t)
		tracing := obs.RecordTracing(obs.Service{}, tracetest.NewSpanRecorder())
		ctx, span := tracing.Tracer("test").Start(t.Context(), "decide")
		defer span.End()
		at := time.Now().Add(time.Second)
		w.Warn("degraded")
		time.Sleep(time.Second)
		w.WarnContext(ctx, "degraded")
		if err := w.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		lines, _ := w.lines()
		last := lines[len(lines)-1]
		if len(lines) != 2 || last["logging.googleapis.com/trace"] != obs.TraceID(ctx) || last["repeated"] != 1.0 {
			t.Errorf("%v", lines)
		}
		if logged, err := time.Parse(time.RFC3339Nano, last["time"].(string)); err != nil || !logged.Equal(at) {
			t.Errorf("logged at %v, want %v: %v", logged, at, err)
		}
	})
}

// TestRepeatsAreBounded: kinds that nobody expected cost no memory and lose nothing.
func TestRepeatsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWritten(t)
		const kinds = 1_000
		for range 2 {
			for n := range kinds {
				w.Warn("degraded", "part", fmt.Sprint(n))
			}
		}
		lines, _ := w.lines()
		if err := w.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		held, _ := w.lines()
		if len(lines)+len(held) != 2*kinds || len(held) == 0 || len(held) > 128 {
			t.Errorf("%d lines and %d held back of %d", len(lines), len(held), 2*kinds)
		}
	})
}

// TestRepeatsOfManyCallers: whatever the race, nothing is lost and nothing is written twice.
func TestRepeatsOfManyCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWritten(t)
		const callers, each = 20, 200
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				for n := range each {
					w.Warn("degraded", "part", "store")
					time.Sleep(time.Duration(n%7) * time.Second)
				}
			})
		}
		group.Wait()
		if err := w.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, stands := w.lines(); stands != callers*each {
			t.Errorf("lines for %d of %d", stands, callers*each)
		}
	})
}
