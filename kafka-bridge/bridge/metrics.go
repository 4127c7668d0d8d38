package bridge

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

// metrics are the bridge's own; gauges come from the ledger when they are read.
type metrics struct {
	records        *prometheus.CounterVec
	published      prometheus.Counter // of records, kept because looking it up costs more than counting
	retries        prometheus.Counter
	latency        prometheus.Histogram
	rebalances     *prometheus.CounterVec
	commitFailures prometheus.Counter
	fetchErrors    prometheus.Counter
	unreadable     *prometheus.CounterVec
}

func newMetrics(registry *prometheus.Registry, l *ledger, h *health) *metrics {
	with := promauto.With(registry)
	m := &metrics{
		records: with.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_bridge_records_total",
			Help: "Records acknowledged by Pub/Sub, by result: published, or the reason of a dead letter.",
		}, []string{"result"}),
		retries: with.NewCounter(prometheus.CounterOpts{
			Name: "pix_bridge_publish_retries_total",
			Help: "Messages published again after a failure.",
		}),
		latency: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "pix_bridge_publish_latency_seconds",
			Help:    "Time from the publish of a chunk of at most 64 records to the acknowledgement of its last.",
			Buckets: obs.LatencyBuckets(),
		}),
		rebalances: with.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_bridge_rebalances_total",
			Help: "Rebalance callbacks: assigned, revoked or lost.",
		}, []string{"event"}),
		commitFailures: with.NewCounter(prometheus.CounterOpts{
			Name: "pix_bridge_commit_failures_total",
			Help: "Offset commits that failed; each costs duplicates only.",
		}),
		fetchErrors: with.NewCounter(prometheus.CounterOpts{
			Name: "pix_bridge_fetch_errors_total",
			Help: "Errors that polling returned.",
		}),
		unreadable: with.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_bridge_unreadable_batches_total",
			Help: "Batches of Kafka that were skipped because they cannot be read, by reason; each left one dead letter.",
		}, []string{"reason"}),
	}
	m.published = m.records.WithLabelValues(resultPublished)
	with.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "pix_bridge_publish_failing_seconds",
		Help: "For how long publishing has failed without a success; 0 when it works.",
	}, func() float64 { return h.failing(time.Now()).Seconds() })
	registry.MustRegister(newFlight(l))
	return m
}

// count notes a record that was acknowledged.
func (m *metrics) count(result string) {
	if result == resultPublished {
		m.published.Inc()
		return
	}
	m.records.WithLabelValues(result).Inc()
}

// flight reads the ledger at scrape time, so that nothing is kept up to date on the way of a record and a revoked
// partition leaves no stale series.
type flight struct {
	ledger              *ledger
	lag, records, bytes *prometheus.Desc
}

func newFlight(l *ledger) *flight {
	return &flight{
		ledger:  l,
		lag:     prometheus.NewDesc("pix_bridge_lag_records", "Records of an assigned partition that Pub/Sub has not acknowledged yet.", []string{"topic", "partition"}, nil),
		records: prometheus.NewDesc("pix_bridge_in_flight_records", "Records polled and not yet acknowledged.", nil, nil),
		bytes:   prometheus.NewDesc("pix_bridge_in_flight_bytes", "Bytes of the records polled and not yet acknowledged, with their overhead.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (f *flight) Describe(ch chan<- *prometheus.Desc) {
	ch <- f.lag
	ch <- f.records
	ch <- f.bytes
}

// Collect implements prometheus.Collector.
func (f *flight) Collect(ch chan<- prometheus.Metric) {
	lags, records, bytes := f.ledger.snapshot()
	for _, l := range lags {
		ch <- prometheus.MustNewConstMetric(f.lag, prometheus.GaugeValue, float64(l.records), l.topic, strconv.Itoa(int(l.id)))
	}
	ch <- prometheus.MustNewConstMetric(f.records, prometheus.GaugeValue, float64(records))
	ch <- prometheus.MustNewConstMetric(f.bytes, prometheus.GaugeValue, float64(bytes))
}
