package bus_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// TestPublishedBytes: data and attributes are counted by topic, and nothing of what never reached Pub/Sub's client.
func TestPublishedBytes(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	b, _, _ := open(t, bus.Config{Metrics: registry})
	for range 2 {
		if err := b.Publish(t.Context(), topic, event.Envelope{Data: []byte("12345"), Attributes: map[string]string{"abc": "de"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Publish(t.Context(), topic, event.Envelope{}); err == nil {
		t.Fatal("an empty message was published")
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if labels := m.GetLabel(); labels[0].GetName() == "topic" {
				got[f.GetName()+" "+labels[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	want := map[string]float64{"pix_bus_published_messages_total " + topic: 2, "pix_bus_published_bytes_total " + topic: 20}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
