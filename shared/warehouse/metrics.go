package warehouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

// metrics counts what went to BigQuery. A nil registerer still yields working counters that nobody reads.
type metrics struct {
	rows    *prometheus.CounterVec
	appends *prometheus.HistogramVec
	streams *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_warehouse_rows_total", Help: "Rows sent to BigQuery, by table and result (ok or error kind).",
		}, []string{"table", "result"}),
		appends: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pix_warehouse_append_seconds", Help: "Time of one append with the client's retries; rows per append is rows over its count.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"table", "result"}),
		streams: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_warehouse_streams_total", Help: "Write streams opened; a rising count means connections fail.",
		}, []string{"table"}),
	}
	if r == nil {
		return m, nil
	}
	err := errors.Join(r.Register(m.rows), r.Register(m.appends), r.Register(m.streams))
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// appended is one append.
type appended struct {
	table string
	rows  int
	start time.Time
}

func (m *metrics) appended(ctx context.Context, a appended, err error) {
	result, table, rows, took := "ok", a.table, a.rows, time.Since(a.start)
	if err != nil {
		result = kindOf(err).String()
	}
	m.rows.WithLabelValues(table, result).Add(float64(rows))
	obs.Observe(ctx, m.appends.WithLabelValues(table, result), took.Seconds())
}

func (m *metrics) opened(table string) { m.streams.WithLabelValues(table).Inc() }
