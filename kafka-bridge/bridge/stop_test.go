package bridge_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
)

// wall is a network between a bridge and Kafka that can fall silent: everything sent is swallowed, nothing comes, and
// new connections hang or are refused.
type wall struct {
	silent, refuses atomic.Bool

	mu    sync.Mutex
	conns []net.Conn
}

func (w *wall) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if w.refuses.Load() {
		return nil, io.ErrClosedPipe
	}
	if w.silent.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conn)
	return &walled{Conn: conn, wall: w}, nil
}

// cut closes every connection.
func (w *wall) cut() {
	w.refuses.Store(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
}

type walled struct {
	net.Conn
	wall *wall
}

func (c *walled) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.wall.silent.Load() {
			return n, err
		}
	}
}

func (c *walled) Write(p []byte) (int, error) {
	if c.wall.silent.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// A stop ends in time and without an error whatever state Kafka and Pub/Sub are in, and what was not committed is
// published by the next bridge. That no goroutine is left is checked by TestMain.
func TestStopInAnyState(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before func(*cloud, *wall) // the bridge starts
		during func(*testing.T, *cloud, *wall)
	}{
		"Kafka was never there":          {before: func(_ *cloud, w *wall) { w.silent.Store(true) }},
		"Kafka refuses connections":      {before: func(_ *cloud, w *wall) { w.refuses.Store(true) }},
		"the connections are cut":        {during: func(_ *testing.T, _ *cloud, w *wall) { w.cut() }},
		"the connections swallow":        {during: func(_ *testing.T, _ *cloud, w *wall) { w.silent.Store(true) }},
		"the connections swallowed long": {during: func(_ *testing.T, _ *cloud, w *wall) { w.silent.Store(true); time.Sleep(6 * time.Second) }},
		"Pub/Sub is away": {during: func(t *testing.T, c *cloud, _ *wall) {
			t.Helper()
			c.gate.set(codes.Unavailable)
			c.produce(t, submissions(t, 82, 100))
			time.Sleep(200 * time.Millisecond)
		}},
		"both are away": {during: func(t *testing.T, c *cloud, w *wall) {
			t.Helper()
			c.gate.set(codes.Unavailable)
			c.produce(t, submissions(t, 82, 100))
			time.Sleep(200 * time.Millisecond)
			w.silent.Store(true)
		}},
		"a rebalance never ends": {during: func(t *testing.T, c *cloud, _ *wall) {
			t.Helper()
			ended := make(chan struct{})
			t.Cleanup(func() { close(ended) })
			c.kafka.ControlKey(int16(kmsg.JoinGroup), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.kafka.KeepControl()
				c.kafka.SleepControl(func() { <-ended })
				return nil, nil, false
			})
			c.kafka.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Err: kerr.RebalanceInProgress})
			time.Sleep(1500 * time.Millisecond)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.produce(t, submissions(t, 81, 300))
			w := &wall{}
			if tc.before != nil {
				tc.before(c, w)
			}
			m := c.join(t, options{bridge: bridge.Config{CommitInterval: time.Hour}, kafka: []kgo.Opt{kgo.Dialer(w.dial)}})
			if tc.during != nil {
				eventually(t, "all published", c.complete)
				tc.during(t, c, w)
			} else {
				time.Sleep(300 * time.Millisecond)
			}
			started := time.Now()
			err := m.leave(t)
			t.Logf("stopping took %v", time.Since(started))
			if err != nil {
				t.Errorf("the bridge ended with %v", err)
			}
			c.verify(t)
		})
	}
}

// A bridge that lets what is in flight be acknowledged says that it is stopping.
func TestUnreadyWhileStopping(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t)
		b.pubsub.away.Store(true)
		b.cloud.produce(t, submissions(t, 83, 10))
		r := b.join(t, bridge.Config{}, nil)
		time.Sleep(15 * time.Second)
		if ok, body := r.ready(); !ok || !strings.Contains(body, "every publish fails for") {
			t.Errorf("before: ready %v, %s", ok, body)
		}
		r.stop()
		time.Sleep(time.Second)
		if ok, body := r.ready(); ok || !strings.Contains(body, `"stopping"`) {
			t.Errorf("while stopping: ready %v, %s", ok, body)
		}
	})
}
