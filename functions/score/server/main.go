// Command server is the long-running form of the score function, for Kubernetes: the same service on an HTTP server of
// its own with probes, metrics and a graceful stop.
//
// It serves POST /v1/decisions and pushed messages on /push at LISTEN_ADDR, to callers that are verified; and /healthz, /readyz
// and /metrics at ADMIN_ADDR, to whoever reaches it: operators and probes alone should.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
)

const (
	// grace is what a stop may take: Cloud Run and our pods give ten seconds.
	grace = 9 * time.Second
	// drainDelay is how long requests are still taken once /readyz says that this process is draining: whoever balances
	// the load needs a moment to take it out, and meets no closed port until then.
	drainDelay = time.Second
	// adminConnections is how many probes and scrapers there may be at once.
	adminConnections = 32
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "score:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config, err := score.LoadConfig(ctx)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(config.HeapLimit())
	}
	registry := obs.NewRegistry()
	app, err := score.Open(ctx, config, host.Env{Metrics: registry})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	public, err := listen(ctx, "LISTEN_ADDR", ":8080")
	if err != nil {
		return err
	}
	private, err := listen(ctx, "ADMIN_ADDR", ":8081")
	if err != nil {
		return err
	}
	var serving lifecycle.Serving
	operators := operatorRoutes(app, registry, &serving)
	err = lifecycle.Run(ctx, grace,
		lifecycle.Component{Name: "score", Stop: app.Close},
		lifecycle.ServeProbes("operators", private, lifecycle.NewServer(operators, lifecycle.ServerConfig{MaxConnections: adminConnections})),
		lifecycle.Serve("http", public, lifecycle.NewServer(routes(app), lifecycle.ServerConfig{})),
		serving.Component(drainDelay),
	)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// listen opens the port that a variable names.
func listen(ctx context.Context, variable, address string) (net.Listener, error) {
	if set := os.Getenv(variable); set != "" {
		address = set
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", variable, err)
	}
	return l, nil
}

// routes serves nothing at the root, where a function takes its pushes: what is posted there came to the wrong port. Who
// comes is verified behind them.
func routes(app http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			problem.WriteStatus(w, http.StatusNotFound, "not_found", "There is nothing at the root. Pushes go to /push, payments to /v1/decisions.")
			return
		}
		app.ServeHTTP(w, r)
	})
}

// operatorRoutes are for those who run the process.
func operatorRoutes(app *score.App, registry *prometheus.Registry, serving *lifecycle.Serving) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", obs.MetricsHandler(registry))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.Handle("GET /readyz", lifecycle.ReadyHandler(append([]lifecycle.Condition{serving.Condition()}, app.Conditions()...)...))
	return mux
}
