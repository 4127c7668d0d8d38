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
	tokenised      prometheus.Counter
	retries        prometheus.Counter
	latency        prometheus.Histogram
	rebalances     *prometheus.CounterVec
	commitFailures prometheus.Counter
	fetchErrors    prometheus.Counter
	unreadable     *prometheus.CounterVec
	unknown        *prometheus.CounterVec
}

// newMetrics registers everything that /metrics tells.
func newMetrics(b *Bridge) *metrics {
	registry := b.registry
	with := promauto.With(registry)
	m := &metrics{
		records: with.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_bridge_records_total",
			Help: "Records acknowledged by Pub/Sub, by result: published, or the reason of a dead letter.",
		}, []string{"result"}),
		tokenised: with.NewCounter(prometheus.CounterOpts{
			Name: "pix_bridge_tokenised_records_total",
			Help: "Payments acknowledged by the tokenised topic of Kafka, where one is written.",
		}),
		retries: with.NewCounter(prometheus.CounterOpts{
			Name: "pix_bridge_publish_retries_total",
			Help: "Messages published again after a failure, to Pub/Sub or to the tokenised topic.",
		}),
		latency: with.NewHistogram(prometheus.HistogramOpts{
			Name:    "pix_bridge_publish_latency_seconds",
			Help:    "Time from the publish of a chunk of at most 256 records to the acknowledgement of its last.",
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
		unknown: with.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_bridge_unknown_values_total",
			Help: "Values of enumerations that this release does not know and read as UNKNOWN or missing, by field.",
		}, []string{"field"}),
	}
	m.published = m.records.WithLabelValues(resultPublished)
	b.gauges(with)
	registry.MustRegister(newFlight(b.ledger))
	return m
}

// gauges are what health and the clock know, read at scrape time.
func (b *Bridge) gauges(with promauto.Factory) {
	for name, g := range map[string]struct {
		help  string
		value func(time.Time) time.Duration
	}{
		"pix_bridge_publish_failing_seconds": {"For how long Pub/Sub or the tokenised topic has failed without a success; 0 when both work.", b.health.failing},
		"pix_bridge_outside_group_seconds":   {"For how long this process has not been in the consumer group; 0 in it.", b.health.outside},
		"pix_bridge_kafka_silent_seconds":    {"For how long no broker has answered; 0 when one does.", b.health.silent},
		"pix_bridge_clock_behind_seconds": {
			"How far this machine's clock is behind the servers', once that is too far; payments wait meanwhile.",
			func(time.Time) time.Duration { return b.clock.Behind() },
		},
	} {
		with.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: g.help}, func() float64 { return g.value(time.Now()).Seconds() })
	}
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
	ledger                                        *ledger
	lag, oldest, pending, backlog, records, bytes *prometheus.Desc
}

func newFlight(l *ledger) *flight {
	labels := []string{"topic", "partition"}
	return &flight{
		ledger:  l,
		lag:     prometheus.NewDesc("pix_bridge_lag_records", "Records of an assigned partition that not every output has acknowledged yet, up to the end of the log.", labels, nil),
		oldest:  prometheus.NewDesc("pix_bridge_oldest_unacknowledged_seconds", "Age of the oldest record of an assigned partition that not every output has acknowledged; 0 when there is none.", labels, nil),
		pending: prometheus.NewDesc("pix_bridge_transaction_pending_seconds", "For how long one open transaction has been holding back what lies behind it; 0 when none does.", labels, nil),
		backlog: prometheus.NewDesc("pix_bridge_backlog_seconds", "The greatest pix_bridge_oldest_unacknowledged_seconds of this process: what says that there are too few.", nil, nil),
		records: prometheus.NewDesc("pix_bridge_in_flight_records", "Records polled and not yet acknowledged.", nil, nil),
		bytes:   prometheus.NewDesc("pix_bridge_in_flight_bytes", "Bytes of the records polled and not yet acknowledged, with their overhead.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (f *flight) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.lag, f.oldest, f.pending, f.backlog, f.records, f.bytes} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f *flight) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	var backlog time.Duration
	for _, s := range f.ledger.states(time.Now()) {
		backlog = max(backlog, s.oldest)
		partition := strconv.Itoa(int(s.id))
		gauge(f.lag, float64(s.lag), s.topic, partition)
		gauge(f.oldest, s.oldest.Seconds(), s.topic, partition)
		gauge(f.pending, s.pending.Seconds(), s.topic, partition)
	}
	gauge(f.backlog, backlog.Seconds())
	records, bytes := f.ledger.inFlight()
	gauge(f.records, float64(records))
	gauge(f.bytes, float64(bytes))
}
