package conn

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// latest is when a silent connection is closed at the latest, after it began to owe an answer.
const latest = limit + limit/4

func (n *network) expect(replaced float64, opened int) {
	n.t.Helper()
	if got := counts(n.t, n.registry)["test"]; got != replaced {
		n.t.Errorf("%v connections were replaced, want %v", got, replaced)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.wires) != opened {
		n.t.Errorf("%d connections were opened, want %d", len(n.wires), opened)
	}
}

// counts reads pix_connections_replaced_total by client.
func counts(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	byClient := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "pix_connections_replaced_total" && m.GetLabel()[0].GetName() == "client" {
				byClient[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	return byClient
}

func TestConnectionThatDiesIsReplaced(t *testing.T) {
	t.Parallel()
	tests := map[string]func(c *channel) error{
		"calls give up long before": func(c *channel) error {
			for range int(latest / time.Second) {
				if err := c.call(0, 150*time.Millisecond); status.Code(err) != codes.DeadlineExceeded {
					return err
				}
				time.Sleep(850 * time.Millisecond)
			}
			return nil
		},
		"one call gives up and nobody calls again": func(c *channel) error {
			if err := c.call(0, 150*time.Millisecond); status.Code(err) != codes.DeadlineExceeded {
				return err
			}
			time.Sleep(latest)
			return nil
		},
		"a call waits on": func(c *channel) error {
			began := time.Now()
			err := c.call(0, time.Hour)
			if status.Code(err) != codes.Unavailable || time.Since(began) > latest {
				return err
			}
			return nil
		},
		"a stream waits on": func(c *channel) error {
			began := time.Now()
			err := ask(c.chat(), 0)
			if status.Code(err) != codes.Unavailable && !strings.Contains(err.Error(), "Unavailable") || time.Since(began) > latest {
				return err
			}
			return nil
		},
	}
	for name, meanwhile := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := start(t)
				c := n.dial()
				c.must(c.call(0, time.Second))
				n.die()
				if err := meanwhile(c); err != nil {
					t.Fatalf("while dead: %v", err)
				}
				time.Sleep(time.Millisecond) // the last look and the next call are not to meet
				if err := n.watch.Err(); err == nil || !strings.Contains(err.Error(), "test") {
					t.Errorf("Err = %v before another connection has answered", err)
				}
				c.must(c.call(0, time.Second))
				n.expect(1, 2)
				if err := n.watch.Err(); err != nil {
					t.Errorf("Err = %v after an answer", err)
				}
			})
		})
	}
}

// A message larger than the peer's window keeps its sender waiting inside gRPC, where no deadline of the message reaches.
func TestBlockedSendIsFreed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		c := n.dial()
		stream := c.chat()
		c.must(ask(stream, 0))
		n.die()
		large := durationpb.New(0)
		large.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 99, protowire.BytesType), make([]byte, 16<<10)))
		began := time.Now()
		for {
			if err := stream.SendMsg(large); err != nil {
				break
			}
		}
		if took := time.Since(began); took > latest {
			t.Errorf("the sender was held for %v", took)
		}
		c.must(c.call(0, time.Second))
		n.expect(1, 2)
	})
}

func TestLivingConnectionStays(t *testing.T) {
	t.Parallel()
	tests := map[string]func(c *channel){
		// gRPC's default policy answers pings that come this early with GOAWAY too_many_pings.
		"idle, with a stream open": func(c *channel) {
			c.must(ask(c.chat(), 0))
			time.Sleep(20 * time.Minute)
		},
		"idle after a call was cancelled": func(c *channel) {
			ctx, cancel := context.WithCancel(c.t.Context())
			time.AfterFunc(time.Second, cancel)
			_ = c.Invoke(ctx, methodCall, durationpb.New(-1), new(durationpb.Duration))
			time.Sleep(20 * time.Minute)
		},
		"slower than its callers wait, but below the limit": func(c *channel) {
			for range 20 {
				_ = c.call(limit/2, 150*time.Millisecond)
				c.must(c.call(limit/2, limit))
			}
		},
		"one call is far slower than the limit while others are answered": func(c *channel) {
			done := make(chan error)
			go func() { done <- c.call(10*limit, time.Hour) }()
			for range 20 {
				time.Sleep(limit / 2)
				c.must(c.call(0, time.Second))
			}
			c.must(<-done)
		},
		"a stream answers each message below the limit": func(c *channel) {
			stream := c.chat()
			for range 20 {
				c.must(ask(stream, limit/2))
			}
		},
	}
	for name, use := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := start(t)
				c := n.dial()
				c.must(c.call(0, time.Second))
				use(c)
				c.must(c.call(0, time.Second))
				n.expect(0, 1)
			})
		})
	}
}

// Of a pool whose network is gone, one call finds out for all: the idle ones are replaced at no cost. One that has
// answered meanwhile stays.
func TestIdleConnectionsGoWithADeadOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		connected := func() *channel {
			c := n.dial()
			c.must(c.call(0, time.Second))
			return c
		}
		first, second, third := connected(), connected(), connected()
		n.wires[0].dead.Store(true)
		n.wires[1].dead.Store(true)
		go func() { _ = first.call(0, time.Hour) }()
		time.Sleep(time.Second)
		third.must(third.call(0, time.Second))
		time.Sleep(latest)
		second.must(second.call(0, 150*time.Millisecond))
		first.must(first.call(0, 150*time.Millisecond))
		third.must(third.call(0, 150*time.Millisecond))
		n.expect(2, 5)
	})
}

func TestCloseIsBoundWhenGoodbyeIsNotTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		n.full = true
		c := n.dial()
		c.must(c.call(0, time.Second))
		n.die()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		if err := n.watch.Close(ctx, c.Close); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("closing took %v", took)
		}
		if _, err := n.watch.dial(t.Context(), "test"); err == nil {
			t.Error("a closed client may dial")
		}
	})
}

func TestLimitIsNoShorterThanAPauseOfTheMachine(t *testing.T) {
	t.Parallel()
	w, err := New(Config{Client: "test", Limit: time.Millisecond})
	if err != nil || w.limit != time.Second {
		t.Errorf("limit %v, error %v", w.limit, err)
	}
}

func TestClientsShareARegistry(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	for _, client := range []string{"bigtable", "pubsub"} {
		w, err := New(Config{Client: client, Metrics: registry})
		if err != nil {
			t.Fatal(err)
		}
		w.replaced.Inc()
	}
	want := map[string]float64{"bigtable": 1, "pubsub": 1}
	if diff := cmp.Diff(want, counts(t, registry)); diff != "" {
		t.Error(diff)
	}
}

// While new connections die too, nobody gets through; afterwards the next attempt is never far away.
func TestComesBackSoonAfterAnIsolation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := start(t)
		c := n.dial()
		c.must(c.call(0, time.Second))
		n.die()
		n.isolated.Store(true)
		until := time.Now().Add(5 * time.Minute) // gRPC's own pauses would have grown to as long
		for time.Now().Before(until) {
			if err := c.call(0, time.Second); err == nil {
				t.Fatal("a call was answered")
			}
			time.Sleep(time.Second)
		}
		if n.watch.Err() == nil {
			t.Error("nothing answers, and nothing is said of it")
		}
		n.isolated.Store(false)
		healed := time.Now()
		for c.call(0, time.Second) != nil {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(healed); took > connectTimeout+2*maxBackoff {
			t.Errorf("back %v after the network", took)
		}
	})
}
