// Package process is a function as a process of its own: a server with limits, probes, metrics and a graceful stop, which the
// functions framework does not have.
package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	_ "golang.org/x/crypto/x509roots/fallback" // an image has no files, so no roots either; where there are some they count

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
)

const (
	// grace is what a stop may take: Cloud Run and our pods give ten seconds.
	grace = 9 * time.Second
	// keepAlive is longer than the ten minutes for which Google's load balancers keep a connection: who closes one that the other
	// is about to use loses a request.
	keepAlive = 620 * time.Second
	// adminConnections is how many probes and scrapers there may be at once.
	adminConnections = 32
)

// Function is what a process serves.
type Function interface {
	http.Handler
	// Conditions say of the function what /readyz answers, beside whether the process is starting or draining.
	Conditions() []lifecycle.Condition
	// Close puts what is only in memory where it outlives the process, as far as ctx allows.
	Close(ctx context.Context) error
}

// Options say how a function is served.
type Options struct {
	Name    string
	Address string                                            // of the port of pushes and callers
	Open    func(context.Context, host.Env) (Function, error) // builds the function from the environment
	Routes  func(http.Handler) http.Handler                   // in front of it; nil leaves it as it is
	// Push sends the metrics to a collector, where the standard variables name one: for a process that nobody can scrape.
	Push bool
	// GatherLines writes log lines many at once, as obs.Lines says: for a process that keeps its processor between requests. Where
	// that is taken away, a line would wait for the next request.
	GatherLines bool
	// Drain is how long requests are still taken once /readyz says that this process is draining: whoever balances the load
	// needs a moment to take it out, and meets no closed port until then. Cloud Run needs none.
	Drain time.Duration
}

// Run opens the function, which keeps to its memory from then on, serves it until ctx or a signal ends that, and closes it. What
// is wrong with the configuration is its error before anything listens. /healthz, /readyz, /metrics and, of a function that has
// one, the page /live/ are at ADMIN_ADDR, for whoever reaches it: operators and probes alone should.
func Run(ctx context.Context, o Options) error {
	if !o.GatherLines {
		return run(ctx, o, os.Stderr)
	}
	logs := obs.NewLines(os.Stderr)
	defer func() { _ = logs.Close() }() // at the end of a process, with nobody left to be told
	return run(ctx, o, logs)
}

func run(ctx context.Context, o Options, logs io.Writer) error {
	registry := obs.NewRegistry()
	function, err := o.Open(ctx, host.Env{Logs: logs, Metrics: registry, Limit: limitMemory})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	push, err := pushMetrics(ctx, o, registry)
	closing := func(ctx context.Context) error {
		err := function.Close(ctx)
		push(ctx) // after the function: the last push tells of all that was handled
		return err
	}
	if err != nil {
		return errors.Join(err, closing(ctx))
	}
	handler := http.Handler(function)
	if o.Routes != nil {
		handler = o.Routes(handler)
	}
	public, err := listen(ctx, o.Address)
	if err != nil {
		return errors.Join(err, closing(ctx))
	}
	admin := ":8081"
	if set := os.Getenv("ADMIN_ADDR"); set != "" {
		admin = set
	}
	private, err := listen(ctx, admin)
	if err != nil {
		return errors.Join(err, public.Close(), closing(ctx))
	}
	var serving lifecycle.Serving
	operators, err := operatorRoutes(function, registry, &serving)
	if err != nil {
		return errors.Join(err, public.Close(), private.Close(), closing(ctx))
	}
	err = lifecycle.Run(ctx, grace,
		lifecycle.Component{Name: o.Name, Stop: closing},
		lifecycle.ServeProbes("operators", private, lifecycle.NewServer(operators, lifecycle.ServerConfig{MaxConnections: adminConnections})),
		lifecycle.Serve("http", public, lifecycle.NewServer(handler, lifecycle.ServerConfig{IdleTimeout: keepAlive})),
		serving.Component(o.Drain),
	)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// pushMetrics starts to push where a collector is named, and returns what pushes once more at the end. A collector that is
// away fails neither the start nor the stop.
func pushMetrics(ctx context.Context, o Options, registry *prometheus.Registry) (end func(context.Context), err error) {
	none := func(context.Context) {}
	endpoint := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	if !o.Push || endpoint == "" || os.Getenv("OTEL_METRICS_EXPORTER") == "none" {
		return none, nil
	}
	push, err := obs.NewPush(ctx, obs.Service{Name: o.Name, ProjectID: os.Getenv("PROJECT_ID")}, registry, endpoint)
	if err != nil {
		return none, err
	}
	// Its failure is counted, and nobody reads the count any more.
	return func(ctx context.Context) { _ = push.Shutdown(ctx) }, nil
}

// limitMemory gives a share of the memory to the garbage collector, where nobody has set the runtime's own variable.
func limitMemory(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return l, nil
}

// operatorRoutes are for those who run the process.
func operatorRoutes(f Function, registry *prometheus.Registry, serving *lifecycle.Serving) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", obs.MetricsHandler(registry))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	conditions := append([]lifecycle.Condition{serving.Condition()}, f.Conditions()...)
	mux.Handle("GET /readyz", lifecycle.ReadyHandler(conditions...))
	shown, ok := f.(watched)
	if !ok {
		return mux, nil
	}
	page, err := shown.Live(live.Around{Conditions: conditions})
	if err != nil {
		return nil, fmt.Errorf("live page: %w", err)
	}
	mux.Handle("GET "+live.Path, page)
	return mux, nil
}

// watched is a function with a page on which people watch it.
type watched interface {
	Live(live.Around) (http.Handler, error)
}
