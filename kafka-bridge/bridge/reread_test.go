package bridge_test

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestReread: a range comes again as the bridge publishes it, a replay that says so, and what is no payment comes with the
// reason. Nothing is committed.
func TestReread(t *testing.T) {
	t.Parallel()
	c := newCloud(t, kfake.SeedTopics(1, "one"))
	list := submissions(t, 3, 4)
	for i := range list {
		c.hide(&list[i])
		data, err := event.EncodeSubmissionJSON(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			data = []byte(`{"amountCentavos":-1}`)
		}
		c.write(t, []*kgo.Record{{Topic: "one", Value: data}})
	}
	b, err := bridge.New(bridge.Config{Brokers: c.kafka.ListenAddrs(), Topic: "one", Replay: true}, deps(t))
	if err != nil {
		t.Fatal(err)
	}
	var offsets []int64
	err = b.Reread(t.Context(), bridge.Range{Topic: "one", First: 1, Last: 2}, func(offset int64, e event.Envelope, refused error) error {
		offsets = append(offsets, offset)
		if offset == 2 {
			if pix.KindOf(refused) != pix.Invalid {
				t.Errorf("no payment: %v", refused)
			}
			return nil
		}
		if refused != nil || e.Attributes[event.AttrReplay] != event.ReplayTrue || e.Attributes[event.AttrEventID] != string(list[offset].ID) {
			t.Errorf("offset %d: %v, %v", offset, e.Attributes, refused)
		}
		for _, raw := range c.secrets[list[offset].ID] {
			if strings.Contains(string(e.Data), raw) {
				t.Error("a raw value")
			}
		}
		return nil
	})
	if err != nil || len(offsets) != 2 || offsets[0] != 1 {
		t.Errorf("offsets %v: %v", offsets, err)
	}
	if len(c.committed()) > 0 {
		t.Errorf("committed %v", c.committed())
	}
	for says, r := range map[string]bridge.Range{
		"offset 4 is not there":   {Topic: "one", First: 3, Last: 4},
		"before it begins":        {Topic: "one", First: 2, Last: 1},
		"offset -1 is gone":       {Topic: "one", First: -1, Last: 1},
		"two/0: locate partition": {Topic: "two"},
		"unknown to the broker":   {Topic: "one", Partition: 7},
	} {
		err := b.Reread(t.Context(), r, func(int64, event.Envelope, error) error { t.Error("visited"); return nil })
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, want %q", r, err, says)
		}
	}
}
