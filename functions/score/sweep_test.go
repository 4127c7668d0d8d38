package score

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/engine"
)

// TestSweepMetrics: every turn counts once, and the gauge tells the age of what is stuck until nothing is.
func TestSweepMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m, err := newSweepMetrics(registry, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	m.now = func() time.Time { return now }
	away := errors.New("away")
	steps := []struct {
		held  bool
		swept engine.Swept
		err   error
		stuck float64
	}{
		{true, engine.Swept{Published: 3, Dropped: 2, Finished: true}, nil, 0},
		{true, engine.Swept{Published: 1, Failed: 2, Finished: true, Stuck: now.Add(-90 * time.Second)}, away, 90},
		{false, engine.Swept{}, away, 90}, // the store is away: what is stuck is still
		{true, engine.Swept{Published: 1, Stuck: now.Add(time.Second)}, nil, 0},
		{true, engine.Swept{Stuck: now.Add(-time.Hour), Finished: true}, nil, 3600},
		{false, engine.Swept{}, nil, 0}, // another process tells now
	}
	for i, step := range steps {
		m.report(step.held, step.swept, step.err)
		if got := gathered(t, registry)["pix_sweep_oldest_mark_seconds"]; got != step.stuck {
			t.Errorf("turn %d: %v seconds, want %v", i, got, step.stuck)
		}
	}
	want := map[string]float64{
		"pix_sweeps_total finished": 2, "pix_sweeps_total failed": 2, "pix_sweeps_total unfinished": 1,
		"pix_sweeps_total elsewhere": 1, "pix_sweep_published_total": 5, "pix_sweep_dropped_total": 2,
		"pix_sweep_failures_total": 2, "pix_sweep_oldest_mark_seconds": 0,
	}
	if d := cmp.Diff(want, gathered(t, registry)); d != "" {
		t.Errorf("metrics (-want +got):\n%s", d)
	}
}

// gathered are counters and gauges by name and label.
func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			name := f.GetName()
			for _, l := range s.GetLabel() {
				name += " " + l.GetValue()
			}
			all[name] = s.GetCounter().GetValue() + s.GetGauge().GetValue()
		}
	}
	return all
}
