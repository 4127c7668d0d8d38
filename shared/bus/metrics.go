package bus

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// metrics count what was handed to Pub/Sub, which bills it whether or not somebody waits for the acknowledgement. What the client
// itself sends again is not counted again. Topics are configuration, so the label's values are few.
type metrics struct {
	messages *prometheus.CounterVec
	bytes    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_bus_published_messages_total", Help: "Messages handed to Pub/Sub, by topic.",
		}, []string{"topic"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pix_bus_published_bytes_total", Help: "Bytes of data and attributes of the messages handed to Pub/Sub, by topic.",
		}, []string{"topic"}),
	}
	if r == nil {
		return m, nil
	}
	if err := errors.Join(r.Register(m.messages), r.Register(m.bytes)); err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return m, nil
}

func (m *metrics) published(topic string, e event.Envelope) {
	n := len(e.Data)
	for k, v := range e.Attributes {
		n += len(k) + len(v)
	}
	m.messages.WithLabelValues(topic).Inc()
	m.bytes.WithLabelValues(topic).Add(float64(n))
}
