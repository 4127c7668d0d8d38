package host

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/clock"
)

// watchClock returns the process's watch on its clock, which is loud while the clock is slow.
func watchClock(r prometheus.Registerer, log *slog.Logger) (*clock.Watch, error) {
	w := clock.NewWatch(0, time.Now)
	w.Alarm(func(behind time.Duration) {
		log.Error("this machine's clock is slow: payments wait until it is set right", "behind_ms", behind.Milliseconds())
	})
	err := r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pix_function_clock_behind_seconds", Help: "How far this machine's clock is behind the publish times of Pub/Sub; 0 while it is not.",
	}, func() float64 { return w.Behind().Seconds() }))
	if err != nil {
		return nil, fmt.Errorf("register clock metric: %w", err)
	}
	return w, nil
}

// ClockErr returns an error while this process's clock is slow: it is not ready, another one would do better.
func (h *Host) ClockErr() error { return h.Watch.Err() }
