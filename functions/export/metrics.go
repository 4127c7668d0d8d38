package export

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an operator watches.
type metrics struct {
	rows     *prometheus.CounterVec
	late     *prometheus.CounterVec
	failures *prometheus.CounterVec
	odd      *prometheus.GaugeVec
	end      *prometheus.GaugeVec

	decided    prometheus.Gauge
	decidedEnd prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_export_rows_total", Help: "Rows committed to the lake, by table.",
		}, []string{"table"}),
		late: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_export_late_rows_total", Help: "Rows found that came after their slice was exported, by table; a tick that fails finds them again.",
		}, []string{"table"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_export_failures_total", Help: "Exports of a table that failed; what they had committed stays.",
		}, []string{"table"}),
		odd: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pix_export_odd_rows", Help: "Rows that should not be, by table: surplus in the lake, unstamped or stamped ahead in the warehouse.",
		}, []string{"table", "reason"}),
		end: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pix_export_end_timestamp_seconds", Help: "Up to which stamp a table was exported, in seconds since 1970.",
		}, []string{"table"}),
		decided: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pix_reconciled_rows", Help: "Payments decided in the newest hour that can be reconciled that have a row in BigQuery.",
		}),
		decidedEnd: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pix_reconciled_rows_end_timestamp_seconds", Help: "When the hour of pix_reconciled_rows ended, in seconds since 1970; 0 before the first answer.",
		}),
	}
	if r == nil {
		return m, nil
	}
	var problems []error
	for _, c := range []prometheus.Collector{m.rows, m.late, m.failures, m.odd, m.end, m.decided, m.decidedEnd} {
		problems = append(problems, r.Register(c))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("export: register metrics: %w", err)
	}
	return m, nil
}
