// Command server is the long-running form of the score function, for Kubernetes: the same service on an HTTP server of
// its own with probes, metrics and a graceful stop.
//
// It serves POST /v1/decisions, pushed messages on /push, /healthz, /readyz and /metrics.
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
	drainDelay  = time.Second
	defaultAddr = ":8080"
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
	addr := os.Getenv("LISTEN_ADDR")
	if addr == "" {
		addr = defaultAddr
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	var serving lifecycle.Serving
	err = lifecycle.Run(ctx, grace,
		lifecycle.Component{Name: "score", Stop: app.Close},
		lifecycle.Serve("http", listener, lifecycle.NewServer(routes(app, registry, &serving), lifecycle.ServerConfig{})),
		serving.Component(drainDelay),
	)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// routes serves each thing under its own path, and nothing at the root: what is posted to any other is not found.
func routes(app *score.App, registry *prometheus.Registry, serving *lifecycle.Serving) http.Handler {
	operations := http.NewServeMux()
	operations.Handle("GET /metrics", obs.MetricsHandler(registry))
	operations.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	operations.Handle("GET /readyz", lifecycle.ReadyHandler(append([]lifecycle.Condition{serving.Condition()}, app.Conditions()...)...))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics", "/healthz", "/readyz":
			operations.ServeHTTP(w, r)
		case "/": // only a function's
			problem.WriteStatus(w, http.StatusNotFound, "not_found", "There is nothing at the root. Pushes go to /push, payments to /v1/decisions.")
		default:
			app.ServeHTTP(w, r)
		}
	})
}
