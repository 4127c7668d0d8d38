package score

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/shared/engine"
)

// Sweeps look for what a crash or a full queue left unpublished. A younger mark may still be on its way.
const (
	sweepEvery = 10 * time.Second
	sweepAge   = 30 * time.Second
)

// newSweeper names this process by chance: a process that comes back under its host's name is another one.
func newSweeper(h *host.Host, outbox *engine.Outbox, register engine.Register) (*engine.Sweeper, error) {
	m, err := newSweepMetrics(h.Metrics, h.Logger)
	if err != nil {
		return nil, err
	}
	s, err := engine.NewSweeper(engine.SweeperDeps{
		Outbox: outbox, Register: register, Holder: rand.Text(), Clock: time.Now, Age: sweepAge, Report: m.report,
	})
	if err != nil {
		return nil, fmt.Errorf("new sweeper: %w", err)
	}
	return s, nil
}

// Results of a turn of the sweep. The set is closed: it is a metric's label.
const (
	sweepFinished   = "finished"   // every mark was looked at that was due
	sweepUnfinished = "unfinished" // the next one goes on
	sweepFailed     = "failed"     // so did something
	sweepElsewhere  = "elsewhere"  // another process holds the lease
)

// sweepMetrics tell whether anybody sweeps, and whether something is stuck.
type sweepMetrics struct {
	sweeps    *prometheus.CounterVec
	published prometheus.Counter
	dropped   prometheus.Counter
	failures  prometheus.Counter
	stuck     prometheus.Gauge
	logger    *slog.Logger
	now       func() time.Time
}

func newSweepMetrics(r prometheus.Registerer, logger *slog.Logger) (*sweepMetrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &sweepMetrics{
		logger: logger, now: time.Now,
		sweeps: counters("pix_sweeps_total",
			"Turns of the sweep, by result: finished, unfinished, failed, or elsewhere where another process holds the lease.", "result"),
		published: counter("pix_sweep_published_total", "Decisions that a sweep published."),
		dropped:   counter("pix_sweep_dropped_total", "Marks of payments that nobody decided, dropped when they were old."),
		failures:  counter("pix_sweep_failures_total", "Marks whose decision a sweep could not read or publish, each time it tried."),
		stuck: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pix_sweep_oldest_mark_seconds", Help: "Age of the oldest decision that the sweep could not publish; 0 when there is none.",
		}),
	}
	var failures []error
	for _, c := range []prometheus.Collector{m.sweeps, m.published, m.dropped, m.failures, m.stuck} {
		failures = append(failures, r.Register(c))
	}
	if err := errors.Join(failures...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	for _, result := range []string{sweepFinished, sweepUnfinished, sweepFailed, sweepElsewhere} {
		m.sweeps.WithLabelValues(result)
	}
	return m, nil
}

// report hears of every turn.
func (m *sweepMetrics) report(held bool, s engine.Swept, err error) {
	m.sweeps.WithLabelValues(sweepResult(held, s, err)).Inc()
	m.published.Add(float64(s.Published))
	m.dropped.Add(float64(s.Dropped))
	m.failures.Add(float64(s.Failed))
	switch {
	case !held && err != nil: // nothing is known that was not known before
	case s.Stuck.IsZero():
		m.stuck.Set(0)
	default:
		m.stuck.Set(max(0, m.now().Sub(s.Stuck).Seconds()))
	}
	if err != nil {
		m.logger.Warn("sweep failed", "failed", s.Failed, "error", err.Error())
	}
	if s.Published+s.Dropped > 0 {
		m.logger.Info("swept", "decisions", s.Published, "dropped", s.Dropped, "finished", s.Finished)
	}
}

func sweepResult(held bool, s engine.Swept, err error) string {
	switch {
	case err != nil:
		return sweepFailed
	case !held:
		return sweepElsewhere
	case !s.Finished:
		return sweepUnfinished
	default:
		return sweepFinished
	}
}
