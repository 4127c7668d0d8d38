package bridge_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
)

func TestBubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.cloud.produce(t, submissions(t, 1, 100))
		r := b.join(t, bridge.Config{}, nil)
		took := await(t, "published", time.Minute, func() bool { return len(b.pubsub.published()) == 100 })
		t.Log(took)
		time.Sleep(5 * time.Second)
		t.Log(r.get("/readyz"))
		t.Log(r.get("/metrics"))
	})
}
