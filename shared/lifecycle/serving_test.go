package lifecycle_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/lifecycle"
)

// TestServing: a process is ready between the start of its last part and the stop of its first, and goes on serving for
// a moment after it has said that it drains.
func TestServing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const delay = time.Second
		var s lifecycle.Serving
		handler := lifecycle.ReadyHandler(s.Condition())
		ask := func() (int, string) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
			return w.Code, w.Body.String()
		}
		if code, body := ask(); code != http.StatusServiceUnavailable || !strings.Contains(body, "starting") {
			t.Errorf("before the start: %d %s", code, body)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var closed atomic.Pointer[time.Time]
		done := make(chan error, 1)
		listener := lifecycle.Component{Name: "http", Stop: func(context.Context) error {
			now := time.Now()
			closed.Store(&now)
			return nil
		}}
		go func() { done <- lifecycle.Run(ctx, time.Minute, listener, s.Component(delay)) }()
		synctest.Wait()
		if code, body := ask(); code != http.StatusOK {
			t.Errorf("serving: %d %s", code, body)
		}
		told := time.Now()
		cancel()
		synctest.Wait()
		if code, body := ask(); code != http.StatusServiceUnavailable || !strings.Contains(body, "draining") || closed.Load() != nil {
			t.Errorf("draining: %d %s, the listener closed at %v", code, body, closed.Load())
		}
		if err := <-done; err != nil || closed.Load().Sub(told) != delay {
			t.Errorf("the listener closed %v after the signal: %v", closed.Load().Sub(told), err)
		}
	})
}
