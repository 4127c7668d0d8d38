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
	bytes   *prometheus.CounterVec
	appends *prometheus.HistogramVec
	streams *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_warehouse_rows_total", Help: "Rows sent to BigQuery, by table and result (ok or error kind).",
		}, []string{"table", "result"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_warehouse_appended_bytes_total", Help: "Bytes of the rows of every append that was tried, whatever became of it, by table.",
		}, []string{"table"}),
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
	err := errors.Join(r.Register(m.rows), r.Register(m.bytes), r.Register(m.appends), r.Register(m.streams))
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

// appended is one append.
type appended struct {
	table string
	batch []pendingRow
	start time.Time
}

func (m *metrics) appended(ctx context.Context, a appended, err error) {
	result := "ok"
	if err != nil {
		result = kindOf(err).String()
	}
	m.rows.WithLabelValues(a.table, result).Add(float64(len(a.batch)))
	sent := 0
	for i := range a.batch {
		sent += len(a.batch[i].data)
	}
	m.bytes.WithLabelValues(a.table).Add(float64(sent))
	obs.Observe(ctx, m.appends.WithLabelValues(a.table, result), time.Since(a.start).Seconds())
}

func (m *metrics) opened(table string) { m.streams.WithLabelValues(table).Inc() }
