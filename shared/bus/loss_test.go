package bus_test

import (
	"context"
	"os"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
)

// realLimits makes the tests of lost connections keep a deployment's deadlines, print how long recovery takes, and idle
// in real time.
func realLimits() bool { return os.Getenv("PIX_REAL_LIMITS") != "" }

// behind opens a bus whose connections pass through a proxy.
func behind(t *testing.T, timeout time.Duration) (*bus.Bus, *fault.Proxy, *prometheus.Registry) {
	t.Helper()
	server := pstest.NewServer()
	t.Cleanup(func() { _ = server.Close() })
	proxy, err := fault.NewProxy(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	registry := prometheus.NewRegistry()
	if realLimits() {
		timeout = 0
	}
	b, err := bus.Open(t.Context(), bus.Config{ProjectID: "test", PublishTimeout: timeout, Metrics: registry},
		option.WithEndpoint(proxy.Addr()), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	if err := b.EnsureTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	published(t, b)
	return b, proxy, registry
}

func replaced(t *testing.T, registry *prometheus.Registry) float64 {
	t.Helper()
	families, err := registry.Gather()
	for _, f := range families {
		if f.GetName() == "pix_connections_replaced_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("metrics %v: %v", families, err)
	return 0
}

// published polls until a message is acknowledged, within a time that a busy machine keeps.
func published(t *testing.T, b *bus.Bus) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); b.Publish(t.Context(), topic, data("x")) != nil; {
		if time.Now().After(deadline) {
			t.Fatal("nothing is acknowledged any more")
		}
	}
}

func TestLostConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	for name, loss := range map[string]fault.Loss{"packets are swallowed": fault.Swallow, "the far end is deaf": fault.Deaf} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, proxy, registry := behind(t, 6*time.Second)
			proxy.Break(loss)
			began := time.Now()
			err := b.Publish(t.Context(), topic, data("meanwhile"))
			t.Logf("the first message came back after %v: %v", time.Since(began).Round(time.Millisecond), err)
			if kind := pix.KindOf(err); err != nil && kind != pix.Timeout && kind != pix.Unavailable {
				t.Errorf("the first message: %v, want success, timeout or unavailable", err)
			}
			for range 20 {
				published(t, b)
			}
			t.Logf("twenty more were acknowledged after %v", time.Since(began).Round(time.Millisecond))
			if replaced(t, registry) == 0 {
				t.Error("no connection was replaced")
			}
			if err := b.Reachable(); err != nil {
				t.Error(err)
			}
		})
	}
}

// While no new connection works either, messages fail in their time; afterwards they are acknowledged again.
func TestIsolatedBusComesBack(t *testing.T) {
	t.Parallel()
	b, proxy, registry := behind(t, 2*time.Second)
	proxy.Isolate(fault.Swallow)
	for replaced(t, registry) == 0 {
		if err := b.Publish(t.Context(), topic, data("meanwhile")); err == nil {
			t.Fatal("a message was acknowledged through a network that loses everything")
		}
	}
	if b.Reachable() == nil {
		t.Error("nothing answers, and nothing is said of it")
	}
	proxy.Heal()
	began := time.Now()
	published(t, b)
	t.Logf("back %v after the network", time.Since(began).Round(time.Millisecond))
}

// Dead connections do not keep a bus from closing in its time.
func TestCloseWithDeadConnections(t *testing.T) {
	t.Parallel()
	b, proxy, _ := behind(t, time.Minute)
	proxy.Break(fault.Swallow)
	result := b.PublishAsync(t.Context(), topic, data("meanwhile"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := b.Close(ctx); pix.KindOf(err) != pix.Timeout {
		t.Errorf("Close = %v, want kind timeout", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("closing took %v", took)
	}
	if err := result.Wait(t.Context()); err == nil {
		t.Error("a message was acknowledged through a network that loses everything")
	}
}

// The server's policy is gRPC's default, which answers early pings with GOAWAY too_many_pings. The same in virtual time
// is in shared/conn.
func TestIdleConnectionsStay(t *testing.T) {
	t.Parallel()
	if !realLimits() {
		t.Skip("it idles for two minutes; set PIX_REAL_LIMITS=1")
	}
	b, proxy, registry := behind(t, 0)
	opened := proxy.Opened()
	time.Sleep(130 * time.Second)
	published(t, b)
	if proxy.Opened() != opened || replaced(t, registry) != 0 {
		t.Errorf("%d connections were opened, want %d; %v were replaced, want 0", proxy.Opened(), opened, replaced(t, registry))
	}
}
