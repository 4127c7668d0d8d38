package lazy

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

// retryPause keeps a storm of requests from building again right after a failure.
const retryPause = time.Second

// Handler returns a function that is built by its first request: registration happens in an init, where nothing may fail
// and no connection should be opened. While a build fails, requests are answered 503, which Pub/Sub and callers retry,
// and the next one after a pause builds again: a dependency that was away at the start does not break the instance.
func Handler(name string, build func(context.Context) (http.Handler, error)) http.HandlerFunc {
	l := &lazy{build: build, logger: obs.Logger(os.Stderr, slog.LevelInfo, obs.Service{Name: name}), now: time.Now}
	return l.serve
}

// lazy builds once and keeps what was built; a failure is kept for the pause only.
type lazy struct {
	build  func(context.Context) (http.Handler, error)
	logger *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	handler http.Handler
	failed  time.Time
}

func (l *lazy) serve(w http.ResponseWriter, r *http.Request) {
	h := l.get(r.Context())
	if h == nil {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the function is not ready", http.StatusServiceUnavailable)
		return
	}
	h.ServeHTTP(w, r)
}

// get returns the handler, nil when it cannot be built now. Requests that come meanwhile wait for the build.
func (l *lazy) get(ctx context.Context) http.Handler {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.handler != nil || l.now().Sub(l.failed) < retryPause {
		return l.handler
	}
	// What is built outlives the request, and clients keep the context that they are opened with. A build bounds its own
	// network calls.
	ctx = context.WithoutCancel(ctx)
	handler, err := l.build(ctx)
	if err != nil {
		l.failed = l.now()
		l.logger.ErrorContext(ctx, "function not built", "error", err.Error())
		return nil
	}
	l.handler = handler
	return handler
}
