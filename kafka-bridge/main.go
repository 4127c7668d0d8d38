// Command kafka-bridge carries payments from Kafka to Pub/Sub. This file is wiring only; package bridge does the work.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sethvargo/go-envconfig"
	_ "golang.org/x/crypto/x509roots/fallback" // the image has no files, so no roots either; where there are some they count

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/kafka-bridge/internal/config"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/vault"
)

// grace is the time from SIGTERM to the end of the process, and closeTimeout what of it is left to the bus and the server.
const (
	grace        = 10 * time.Second
	closeTimeout = 500 * time.Millisecond
)

func main() {
	if err := run(context.Background(), envconfig.OsLookuper(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "kafka-bridge:", err)
		os.Exit(1)
	}
}

// run blocks until a signal or ctx ends it.
func run(ctx context.Context, env envconfig.Lookuper, logs io.Writer) error {
	env, err := vault.Lookuper(env)
	if err != nil {
		return err
	}
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
	registry := obs.NewRegistry()
	pubsub, err := bus.Open(ctx, bus.Config{ProjectID: cfg.ProjectID, Metrics: registry})
	if err != nil {
		return err
	}
	logger, flush := obs.Summarise(obs.Logger(logs, cfg.LogLevel, cfg.Service()))
	defer func() { _ = flush(context.WithoutCancel(ctx)) }() // to standard error, where nobody could be told of a failure
	if warning := cfg.Keys.Warning(); warning != "" {
		logger.WarnContext(ctx, warning)
	}
	tracing, err := openTracing(ctx, cfg, registry)
	if err != nil {
		return err
	}
	b, err := bridge.New(cfg.Bridge, bridge.Deps{
		Bus: pubsub, Tokenizer: tokenizer, Log: logger, Registry: registry, Tracer: tracing.Tracer("github.com/sentinela-pix/sentinela/kafka-bridge"),
	})
	if err != nil {
		return err
	}
	if _, set := env.Lookup("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(cfg.Bridge.HeapLimit())
	}
	side := lifecycle.Serve("health", listener, lifecycle.NewServer(b.Handler(), lifecycle.ServerConfig{}))
	return lifecycle.Run(ctx, grace, lifecycle.Component{Name: "bridge", Run: func(ctx context.Context) error {
		defer closeTracing(ctx, tracing, logger)
		return carry(ctx, b, pubsub, side)
	}})
}

func openTracing(ctx context.Context, cfg *config.Config, registry *prometheus.Registry) (*obs.Tracing, error) {
	tracing, err := obs.NewTracing(ctx, cfg.Service(), cfg.Tracing)
	if err != nil {
		return nil, err
	}
	return tracing, tracing.CountLost(registry)
}

// closeTracing is the last of a stop: a collector that is away costs spans and no more than closeTimeout.
func closeTracing(ctx context.Context, tracing *obs.Tracing, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := tracing.Shutdown(ctx); err != nil {
		logger.WarnContext(ctx, "closed without its rest", "part", "tracing", "error", err.Error())
	}
}

// carry runs the bridge and the server beside it until ctx ends or one of them fails, then stops the bridge, the bus and
// the server in this order, each within its bound. They are one component, because lifecycle gives each of several only
// a part of the grace, and because the server answers until the end: a bridge that stops says so.
func carry(ctx context.Context, b *bridge.Bridge, pubsub *bus.Bus, side lifecycle.Component) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		defer stop()
		served <- side.Run(ctx)
	}()
	err := b.Run(ctx)
	// What the bus still holds was given up by the bridge and is not committed: its successor publishes it.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = pubsub.Close(closing)
	_ = side.Stop(closing)
	return errors.Join(err, <-served)
}
