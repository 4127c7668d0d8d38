package push

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

// metrics are shared by all endpoints of one registry; the function is a label.
type metrics struct {
	messages    *prometheus.CounterVec
	deadLetters *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	ages        *prometheus.HistogramVec
	ageless     *prometheus.CounterVec
	unreadable  *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_function_messages_total", Help: "Pushed messages, by function and result (ok, panic, clock, unreadable or error kind).",
		}, []string{"function", "result"}),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_function_dead_letters_total", Help: "Dead letters published by functions, by result (ok or failed).",
		}, []string{"function", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pix_function_message_seconds", Help: "Time from the request to its answer.", Buckets: obs.LatencyBuckets(),
		}, []string{"function"}),
		ages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pix_function_message_age_seconds", Help: "Age of a message, from Pub/Sub's publish time, when it is handled.", Buckets: ageBuckets(),
		}, []string{"function"}),
		ageless: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_function_messages_without_age_total", Help: "Pushed messages without a publish time: a passing failure never ends for them.",
		}, []string{"function"}),
		unreadable: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_push_unreadable_total", Help: "Requests and batch elements that are no push, refused so that they come again: a wrong configuration, by reason.",
		}, []string{"function", "reason"}),
	}
	if r == nil {
		return m, nil
	}
	var err error
	if m.messages, err = register(r, m.messages); err != nil {
		return nil, err
	}
	if m.deadLetters, err = register(r, m.deadLetters); err != nil {
		return nil, err
	}
	if m.seconds, err = register(r, m.seconds); err != nil {
		return nil, err
	}
	if m.ages, err = register(r, m.ages); err != nil {
		return nil, err
	}
	if m.ageless, err = register(r, m.ageless); err != nil {
		return nil, err
	}
	m.unreadable, err = register(r, m.unreadable)
	return m, err
}

// ageBuckets go from a message that was never refused to the longest retention, in seconds.
func ageBuckets() []float64 {
	const hour, day = 3600, 86400
	return []float64{.1, 1, 10, 60, 600, hour, 6 * hour, day, 2 * day, 4 * day, 6 * day, 7 * day}
}

// register returns the collector that the registry has under this name: several functions of one process share it.
func register[C prometheus.Collector](r prometheus.Registerer, c C) (C, error) {
	err := r.Register(c)
	var known prometheus.AlreadyRegisteredError
	if errors.As(err, &known) {
		if same, ok := known.ExistingCollector.(C); ok {
			return same, nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("register metrics: %w", err)
	}
	return c, nil
}

func (m *metrics) handled(ctx context.Context, function, result string, took time.Duration) {
	m.messages.WithLabelValues(function, result).Inc()
	obs.Observe(ctx, m.seconds.WithLabelValues(function), took.Seconds())
}

// met notes the age of a message, when it has one.
func (m *metrics) met(function string, age time.Duration, known bool) {
	if !known {
		m.ageless.WithLabelValues(function).Inc()
		return
	}
	m.ages.WithLabelValues(function).Observe(age.Seconds())
}

func (m *metrics) deadLettered(function string, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.deadLetters.WithLabelValues(function, result).Inc()
}
