// Command kafka-bridge carries payments from Kafka to Pub/Sub. This file is wiring only; package bridge does the work.
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/kafka-bridge/internal/config"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
)

// grace is the time from SIGTERM to the end of the process.
const grace = 10 * time.Second

func main() {
	if err := run(context.Background(), envconfig.OsLookuper(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "kafka-bridge:", err)
		os.Exit(1)
	}
}

// run blocks until a signal or ctx ends it.
func run(ctx context.Context, env envconfig.Lookuper, logs io.Writer) error {
	cfg, err := config.Load(ctx, env)
	if err != nil {
		return err
	}
	tokenizer, err := cfg.Keys.Tokenizer()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	pubsub, err := bus.Open(ctx, bus.Config{ProjectID: cfg.ProjectID})
	if err != nil {
		return err
	}
	b, err := bridge.New(cfg.Bridge, bridge.Deps{
		Bus: pubsub, Tokenizer: tokenizer,
		Log:      obs.Logger(logs, cfg.LogLevel, cfg.Service()),
		Registry: obs.NewRegistry(),
	})
	if err != nil {
		return err
	}
	if _, set := env.Lookup("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(cfg.Bridge.HeapLimit())
	}
	return lifecycle.Run(ctx, grace,
		lifecycle.Component{Name: "bus", Stop: pubsub.Close},
		lifecycle.Serve("health", listener, lifecycle.NewServer(b.Handler(), lifecycle.ServerConfig{})),
		lifecycle.Component{Name: "bridge", Run: b.Run},
	)
}
