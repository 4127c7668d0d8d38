// Command server is the long-running form of the score function, for Kubernetes: the same service as a process of its own, which
// links nothing of the warehouse.
//
// It serves POST /v1/decisions and pushed messages on /push at LISTEN_ADDR, to callers that are verified; and /healthz, /readyz,
// /metrics and the page /live/ at ADMIN_ADDR, to whoever reaches it: operators and probes alone should.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/functions/process"
	"github.com/sentinela-pix/sentinela/functions/score"
)

// drain is what a load balancer needs to take this process out; it is a part of the ten seconds of a stop.
const drain = time.Second

// company is how long a decision waits for others before it is published. Its caller has the answer by then.
const company = 10 * time.Millisecond

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "score:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	address := os.Getenv("LISTEN_ADDR")
	if address == "" {
		address = ":8080"
	}
	err := process.Run(ctx, process.Options{
		Name: score.Name, Address: address, Routes: routes, Drain: drain, GatherLines: true,
		Open: func(ctx context.Context, env host.Env) (process.Function, error) {
			env.Company = company
			return score.FromEnv(ctx, env)
		},
	})
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
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
