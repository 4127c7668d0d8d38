package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/obs"
)

// Host is the running ground of one function.
type Host struct {
	Logger   *slog.Logger
	Registry *prometheus.Registry
	Tracing  *obs.Tracing
	Bus      *bus.Bus

	config  Config
	name    string
	closers []func(context.Context) error
}

// Open starts logging to standard error, metrics, traces and the bus.
func Open(ctx context.Context, name string, c Config) (*Host, error) {
	service := obs.Service{Name: name, ProjectID: c.ProjectID}
	h := &Host{Logger: obs.Logger(os.Stderr, c.LogLevel, service), Registry: obs.NewRegistry(), config: c, name: name}
	var err error
	if h.Tracing, err = obs.NewTracing(ctx, service, c.Tracing); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	h.OnClose(h.Tracing.Shutdown)
	if h.Bus, err = bus.Open(ctx, bus.Config{ProjectID: c.ProjectID}); err != nil {
		return nil, errors.Join(fmt.Errorf("host: %w", err), h.Close(ctx))
	}
	h.OnClose(h.Bus.Close)
	return h, nil
}

// OnClose adds a step of Close. Steps run in reverse order.
func (h *Host) OnClose(step func(context.Context) error) { h.closers = append(h.closers, step) }

// Close ends everything that was opened, the last first.
func (h *Host) Close(ctx context.Context) error {
	steps := h.closers
	h.closers = nil
	var failures []error
	for _, step := range slices.Backward(steps) {
		failures = append(failures, step(ctx))
	}
	return errors.Join(failures...)
}

// Push returns what a push endpoint needs.
func (h *Host) Push() push.Deps {
	return push.Deps{
		DeadLetters: h.Bus, DeadLetterTopic: h.config.DeadLetterTopic,
		MaxAttempts: h.config.MaxAttempts, Timeout: h.config.Timeout,
		Logger: h.Logger, Tracer: h.Tracing.Tracer("github.com/sentinela-pix/sentinela/functions/" + h.name), Metrics: h.Registry,
	}
}
