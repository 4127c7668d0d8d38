package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// TestArrivals: what a broker stamps is carried on; what a producer stamps, or writes into a header, is not.
func TestArrivals(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ stamped, replay bool }{
		"a broker's time": {true, false}, "a producer's time": {false, false}, "a backfill": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t)
				if c.stamped {
					b.logAppendTime()
				}
				b.join(t, bridge.Config{Replay: c.replay}, time.Now)
				b.stable(t, 1)
				produced := time.Now()
				records := []*kgo.Record{{
					Value: edited(t, 81, func(map[string]any) {}), Timestamp: produced.Add(-time.Hour),
					Headers: []kgo.RecordHeader{
						{Key: event.AttrArrivedAt, Value: []byte("2020-12-01T00:00:00.000Z")}, {Key: event.AttrReplay, Value: []byte(event.ReplayTrue)},
					},
				}, {Value: []byte(`{}`)}}
				b.cloud.write(t, records)
				await(t, "both messages", time.Minute, func() bool {
					return b.pubsub.count(event.TopicDeadLetter) == 1 && len(b.pubsub.published()) == 1
				})
				b.pubsub.mu.Lock()
				defer b.pubsub.mu.Unlock()
				for _, message := range append(b.pubsub.messages[event.TopicTransactions], b.pubsub.messages[event.TopicDeadLetter]...) {
					m := message.GetAttributes()
					at, ok := event.ParseArrival(m[event.AttrArrivedAt])
					if ok != c.stamped || ok && (at.Before(produced.Truncate(time.Millisecond)) || at.After(time.Now())) {
						t.Errorf("arrived at %q, produced at %v", m[event.AttrArrivedAt], produced)
					}
					if (m[event.AttrReplay] == event.ReplayTrue) != c.replay {
						t.Errorf("replay is %q", m[event.AttrReplay])
					}
				}
			})
		})
	}
}
