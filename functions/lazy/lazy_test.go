package lazy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

func ask(t *testing.T, l *lazy) int {
	t.Helper()
	w := httptest.NewRecorder()
	l.serve(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil))
	return w.Code
}

func TestFailureIsNotKept(t *testing.T) {
	t.Parallel()
	builds, away := 0, true
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	l := &lazy{logger: slog.New(slog.DiscardHandler), now: func() time.Time { return now }, build: func(context.Context) (http.Handler, error) {
		builds++
		if away {
			return nil, errors.New("away")
		}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), nil
	}}
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
	if builds != 2 {
		t.Errorf("%d builds, want 2", builds)
	}
}

func TestBuiltOnceByRacingRequests(t *testing.T) {
	t.Parallel()
	builds := 0
	l := &lazy{logger: slog.New(slog.DiscardHandler), now: time.Now, build: func(ctx context.Context) (http.Handler, error) {
		builds++
		if ctx.Done() != nil {
			t.Error("what is built ends with the first request")
		}
		return http.NotFoundHandler(), nil
	}}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { ask(t, l) })
	}
	wg.Wait()
	if builds != 1 {
		t.Errorf("%d builds, want 1", builds)
	}
}
