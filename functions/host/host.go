package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/clock"
	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/obs"
)

// How long a stop waits for services that may be away.
const (
	tracingTimeout = time.Second
	busTimeout     = time.Second
)

// Env is what a process puts under its functions in place of a deployment's defaults: where logs and metrics go, and the
// client options of each service. The zero value is Google Cloud.
type Env struct {
	Logs    io.Writer             // nil means standard error
	Metrics prometheus.Registerer // nil means that nobody reads them
	// Limit is told what of MEMORY_LIMIT the garbage collector must keep to, in bytes, before anything opens: what is loaded then
	// counts too. A process that is one function gives it to the runtime; nil means that nobody does.
	Limit func(bytes int64)
	// Company is how long a message waits for others to be published with; zero means the bus's default. What nobody waits
	// for may wait longer, and costs a fraction.
	Company time.Duration

	PubSub, Bigtable, BigQuery, BigQueryREST, Storage []option.ClientOption
}

// Host is the running ground of one function.
type Host struct {
	Env
	Logger  *slog.Logger
	Tracing *obs.Tracing
	Bus     *bus.Bus
	Watch   *clock.Watch // on this process's clock: see ClockErr
	Pushes  *Gate        // lets Pub/Sub's subscriptions in

	refused *prometheus.CounterVec
	config  Config
	intake  *push.Intake
	name    string
	closers []func(context.Context) error
}

// Open starts logging, metrics, traces and the bus.
func Open(ctx context.Context, name string, c Config, env Env) (*Host, error) {
	if env.Limit != nil {
		env.Limit(c.HeapLimit())
	}
	if env.Logs == nil {
		env.Logs = os.Stderr
	}
	if env.Metrics == nil {
		env.Metrics = obs.NewRegistry()
	}
	env.Storage = append(emulator.Storage(os.Getenv), env.Storage...)
	env.Bigtable = append(emulator.Bigtable(os.Getenv), env.Bigtable...)
	service := obs.Service{Name: name, ProjectID: c.ProjectID}
	h := &Host{Env: env, config: c, name: name, intake: push.NewIntake(c.intake())}
	logger, flush := obs.Summarise(obs.Logger(env.Logs, c.LogLevel, service))
	h.Logger = logger
	h.OnClose(flush)
	var err error
	if h.Watch, err = watchClock(env.Metrics, h.Logger); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	if err = errors.Join(h.watchIntake(), h.countRefusals()); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	if h.Tracing, err = obs.NewTracing(ctx, service, c.Tracing); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	h.OnClose(h.brief("tracing", tracingTimeout, h.Tracing.Shutdown))
	if err = h.Tracing.CountLost(env.Metrics); err != nil {
		return nil, errors.Join(fmt.Errorf("host: %w", err), h.Close(ctx))
	}
	if h.Bus, err = bus.Open(ctx, bus.Config{ProjectID: c.ProjectID, Metrics: env.Metrics, Delay: env.Company}, env.PubSub...); err != nil {
		return nil, errors.Join(fmt.Errorf("host: %w", err), h.Close(ctx))
	}
	h.OnClose(h.brief("bus", busTimeout, h.Bus.Close))
	if err = h.openPushes(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("host: %w", err), h.Close(ctx))
	}
	return h, nil
}

func (h *Host) watchIntake() error {
	limit := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pix_request_limit_bytes", Help: "What pix_request_held_bytes may come to: three eighths of MEMORY_LIMIT.",
	})
	limit.Set(float64(h.config.intake()))
	held := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pix_request_held_bytes", Help: "What the requests under way count for, of the three eighths of MEMORY_LIMIT that they may.",
	}, func() float64 { return float64(h.intake.Held()) })
	if err := errors.Join(h.Metrics.Register(held), h.Metrics.Register(limit)); err != nil {
		return fmt.Errorf("register metrics: %w", err)
	}
	return nil
}

// OnClose adds a step of Close. Steps run in reverse order.
func (h *Host) OnClose(step func(context.Context) error) { h.closers = append(h.closers, step) }

// brief bounds a step of Close in which a service that is away must not take the time of others. What it leaves behind is
// told and is no failure of the stop: spans are lost, and whoever publishes waits for the acknowledgement, so that a
// message which has none is owed by somebody else.
func (h *Host) brief(part string, limit time.Duration, step func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		if err := step(ctx); err != nil {
			h.Logger.WarnContext(ctx, "closed without its rest", "part", part, "error", err.Error())
		}
		return nil
	}
}

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

// Conditions are what readiness tells of the ground: a slow clock is this process's own, and so are keys that it never had.
func (h *Host) Conditions() []lifecycle.Condition {
	return append([]lifecycle.Condition{
		{Name: "clock", Own: true, Check: h.ClockErr},
		{Name: "bus_connections", Check: h.Bus.Reachable},
	}, h.Pushes.Conditions()...)
}

// Push returns what a push endpoint needs.
func (h *Host) Push() push.Deps {
	return push.Deps{
		Gate:        h.Pushes,
		DeadLetters: h.Bus, DeadLetterTopic: h.config.DeadLetterTopic,
		MaxAge: h.config.MaxMessageAge, MaxPanics: h.config.MaxPanics, Timeout: h.config.Timeout, Clock: time.Now, Watch: h.Watch, Intake: h.intake,
		Logger: h.Logger, Tracer: h.Tracing.Tracer("github.com/sentinela-pix/sentinela/functions/" + h.name), Metrics: h.Metrics,
	}
}
