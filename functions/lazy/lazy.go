package lazy

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	// retryPause keeps a storm of requests from building again right after a failure.
	retryPause = time.Second
	// grace is what a stop may take: Cloud Run ends the instance ten seconds after SIGTERM.
	grace = 9 * time.Second
)

// Function is what the first request builds: it is closed before the process ends.
type Function interface {
	http.Handler
	// Close puts what is only in memory where it outlives the process, as far as ctx allows.
	Close(ctx context.Context) error
}

// Handler returns a function that is built by its first request: registration happens in an init, where nothing may fail
// and no connection should be opened. While a build fails, requests are answered 503, which Pub/Sub and callers retry,
// and the next one after a pause builds again: a dependency that was away at the start does not break the instance.
//
// From the moment it is built SIGTERM, at which the framework would end the process at once, lets the requests under way
// end, closes the function and ends the process then.
func Handler[F Function](name string, build func(context.Context) (F, error)) http.HandlerFunc {
	l := &lazy{
		name: name, build: func(ctx context.Context) (Function, error) { return build(ctx) },
		logger: obs.Logger(os.Stderr, slog.LevelInfo, obs.Service{Name: name}), now: time.Now,
	}
	l.built = l.live
	return l.serve
}

// lazy builds once and keeps what was built; a failure is kept for the pause only.
type lazy struct {
	name   string
	build  func(context.Context) (Function, error)
	built  func(Function) // hears of what was built, before it serves
	logger *slog.Logger
	now    func() time.Time
	gate   gate

	mu       sync.Mutex
	function Function
	failed   time.Time
}

func (l *lazy) serve(w http.ResponseWriter, r *http.Request) {
	if !l.gate.enter() {
		refuse(w, "The function is stopping. Send the same again.")
		return
	}
	defer l.gate.leave()
	f := l.get(r.Context())
	if f == nil {
		refuse(w, "The function is not ready. Send the same again.")
		return
	}
	f.ServeHTTP(w, r)
}

func refuse(w http.ResponseWriter, why string) {
	problem.WriteStatus(w, http.StatusServiceUnavailable, pix.Unavailable.String(), why)
}

// get returns the function, nil when it cannot be built now. Requests that come meanwhile wait for the build.
func (l *lazy) get(ctx context.Context) Function {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.function != nil || l.now().Sub(l.failed) < retryPause {
		return l.function
	}
	// What is built outlives the request, and clients keep the context that they are opened with. A build bounds its own
	// network calls.
	ctx = context.WithoutCancel(ctx)
	function, err := l.build(ctx)
	if err != nil {
		l.failed = l.now()
		l.logger.ErrorContext(ctx, "function not built", "error", err.Error())
		return nil
	}
	l.built(function)
	l.function = function
	return function
}

// live starts the wait for the end of the process and returns once the signal would be heard: nothing is served before.
func (l *lazy) live(f Function) {
	listening := make(chan struct{})
	go func() {
		err := lifecycle.Run(context.Background(), grace,
			lifecycle.Component{Name: l.name, Stop: f.Close},
			lifecycle.Component{
				Name:  "requests",
				Start: func(context.Context) error { close(listening); return nil },
				Stop:  l.gate.drain,
			},
		)
		if err != nil {
			l.logger.Error("the function did not stop cleanly", "error", err.Error())
		}
		l.end()
	}()
	<-listening
}

// end lets the signal do what it does to a process that does not listen to it: the server belongs to the framework, which
// offers no other way to end.
func (l *lazy) end() {
	process, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = process.Signal(syscall.SIGTERM)
	}
	if err != nil {
		l.logger.Error("the process cannot end itself", "error", err.Error())
	}
}
