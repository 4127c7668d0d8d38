package store

import (
	"errors"
	"fmt"
	"time"

	"cloud.google.com/go/bigtable"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// metrics of the table. A nil registerer still yields working counters that nobody reads.
type metrics struct {
	calls   *prometheus.HistogramVec
	cells   prometheus.Histogram
	bytes   prometheus.Histogram
	late    *prometheus.CounterVec
	tiles   *prometheus.CounterVec
	lag     prometheus.Gauge
	hot     prometheus.Gauge
	again   *prometheus.CounterVec
	dropped prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "pix_store_call_seconds",
			Help:    "Time of one operation with the client's retries, by operation and result (ok or error kind).",
			Buckets: []float64{.00025, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5},
		}, []string{"op", "result"}),
		cells: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pix_store_read_cells", Help: "Cells that one payment's read returned.",
			Buckets: prometheus.ExponentialBuckets(16, 2, 12),
		}),
		bytes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "pix_store_read_bytes",
			Help:    "Bytes of row keys, qualifiers, stamps and values that one payment's read returned.",
			Buckets: prometheus.ExponentialBuckets(1024, 2, 14),
		}),
		late: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_store_late_cells_total",
			Help: "Events and statuses that reached a hot stream when their tile may have been made, by whether known.",
		}, []string{"known"}),
		tiles: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_store_sealed_tiles_total", Help: "Tiles written, by level.",
		}, []string{"level"}),
		lag: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pix_store_seal_lag_seconds", Help: "Age of the watermark that was moved last, when it was moved.",
		}),
		hot: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pix_store_hot_streams", Help: "Hot streams that this process knows.",
		}),
		again: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_store_second_reads_total",
			Help: "Reads beyond a payment's one, by reason (hot, cool, late, overflow).",
		}, []string{"reason"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pix_store_dropped_tasks_total", Help: "Upkeep that did not fit the queue; the next read asks for it again.",
		}),
	}
	if r == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.calls, m.cells, m.bytes, m.late, m.tiles, m.lag, m.hot, m.again, m.dropped,
	} {
		errs = append(errs, r.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

func (m *metrics) called(op string, began time.Time, err error) {
	result := "ok"
	if err != nil {
		result = pix.KindOf(err).String()
	}
	m.calls.WithLabelValues(op, result).Observe(time.Since(began).Seconds())
}

// read counts what one payment's read returned.
func (m *metrics) read(list []bigtable.Row) {
	cells, bytes := 0, 0
	for _, r := range list {
		bytes += len(r.Key())
		for family, items := range r {
			cells += len(items)
			for i := range items {
				bytes += len(items[i].Column) - len(family) - 1 + 8 + len(items[i].Value)
			}
		}
	}
	m.cells.Observe(float64(cells))
	m.bytes.Observe(float64(bytes))
}

func (m *metrics) sealed(l feature.Level) {
	m.tiles.WithLabelValues([...]string{"raw", "tenth", "second", "ten_seconds", "minute", "hour", "day"}[l]).Inc()
}

func (m *metrics) metLate(known bool) { m.late.WithLabelValues(fmt.Sprint(known)).Inc() }

// Reasons of a second read.
const (
	againHot      = "hot"      // a stream was promoted and this process did not know
	againCool     = "cool"     // a hot stream is no longer busy: its events are wanted one by one
	againLate     = "late"     // whether a late event is known
	againOverflow = "overflow" // the watermark that the plan went by was too old
)
