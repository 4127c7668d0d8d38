package score

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// tally counts this process's decisions by the hour, so that somebody can hold them against the warehouse's rows of the same
// hour. A process that ends takes its counts along: then rows exceed decisions, never the other way round.
type tally struct {
	mu    sync.Mutex
	hours [4]struct{ hour, decisions int64 } // the hour that is reconciled, those since, and one to spare
}

// add counts a decision in the hour in which it was made.
func (t *tally) add(d *pix.Decision) {
	hour, counts := d.Reconciled()
	if !counts {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	n := hourOf(hour)
	at := &t.hours[n%int64(len(t.hours))]
	if at.hour != n {
		at.hour, at.decisions = n, 0
	}
	at.decisions++
}

func (t *tally) of(hour time.Time) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := hourOf(hour)
	if at := t.hours[n%int64(len(t.hours))]; at.hour == n {
		return at.decisions
	}
	return 0
}

// gauges tell of the newest hour that can be reconciled. functions/export tells the rows of the same hour.
func (t *tally) gauges(now func() time.Time) (decisions, end prometheus.Collector) {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pix_reconciled_decisions", Help: "Decisions that this process made in the newest hour that can be reconciled.",
		}, func() float64 { return float64(t.of(pix.ReconciledHour(now()))) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pix_reconciled_decisions_end_timestamp_seconds", Help: "When the hour of pix_reconciled_decisions ended, in seconds since 1970.",
		}, func() float64 { return float64(pix.ReconciledHour(now()).Add(time.Hour).Unix()) })
}
