package warehouse_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// realLimits makes the tests of lost connections keep a deployment's deadlines, print how long recovery takes, and idle
// in real time.
func realLimits() bool { return os.Getenv("PIX_REAL_LIMITS") != "" }

// behind opens a warehouse whose connections pass through a proxy.
func behind(t *testing.T, timeout time.Duration) (*warehouse.Warehouse, *fault.Proxy, *prometheus.Registry) {
	t.Helper()
	_, endpoint := startFake(t, accept)
	proxy, err := fault.NewProxy(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	registry := prometheus.NewRegistry()
	if realLimits() {
		timeout = 0
	}
	w, err := warehouse.Open(t.Context(), warehouse.Config{ProjectID: "p", Dataset: "fraud", AppendTimeout: timeout, Metrics: registry},
		emulator.GRPC(proxy.Addr())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = w.Close(ctx)
	})
	appended(t, w)
	return w, proxy, registry
}

func replaced(t *testing.T, registry *prometheus.Registry) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "pix_connections_replaced_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("no metric of replaced connections")
	return 0
}

// appended polls until a row is acknowledged, within a time that a busy machine keeps.
func appended(t *testing.T, w *warehouse.Warehouse) {
	t.Helper()
	for deadline := time.Now().Add(patience); w.AppendDecision(t.Context(), sampleDecision(2)) != nil; {
		if time.Now().After(deadline) {
			t.Fatal("no row is acknowledged any more")
		}
	}
}

func TestLostConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	for name, loss := range map[string]fault.Loss{"packets are swallowed": fault.Swallow, "the far end is deaf": fault.Deaf} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, proxy, registry := behind(t, 2*time.Second)
			proxy.Break(loss)
			began := time.Now()
			large := sampleDecision(3) // more than the server's window: its sender is held inside the client
			large.PolicyVersion = filler(1 << 20)
			err := w.AppendDecision(t.Context(), large)
			t.Logf("the first row came back after %v: %v", time.Since(began).Round(time.Millisecond), err)
			if kind := pix.KindOf(err); err != nil && kind != pix.Timeout && kind != pix.Unavailable {
				t.Errorf("the first row: %v, want success, timeout or unavailable", err)
			}
			appended(t, w)
			t.Logf("the next one was acknowledged after %v", time.Since(began).Round(time.Millisecond))
			if replaced(t, registry) == 0 {
				t.Error("no connection was replaced")
			}
			if err := w.Reachable(); err != nil {
				t.Error(err)
			}
		})
	}
}

// While no new connection works either, rows fail in their time; afterwards they are acknowledged again.
func TestIsolatedWarehouseComesBack(t *testing.T) {
	t.Parallel()
	w, proxy, registry := behind(t, 2*time.Second)
	proxy.Isolate(fault.Deaf)
	for range 3 {
		if err := w.AppendDecision(t.Context(), sampleDecision(3)); err == nil {
			t.Fatal("a row was acknowledged by a deaf service")
		}
	}
	if replaced(t, registry) == 0 || w.Reachable() == nil {
		t.Error("nothing answers, and nothing is said of it")
	}
	proxy.Heal()
	began := time.Now()
	appended(t, w)
	t.Logf("back %v after the network", time.Since(began).Round(time.Millisecond))
}

// Dead connections do not keep a warehouse from closing in its time, whatever its streams are doing.
func TestCloseWithDeadConnections(t *testing.T) {
	t.Parallel()
	for name, breaking := range map[string]func(p *fault.Proxy){
		"open streams swallowed":    func(p *fault.Proxy) { p.Break(fault.Swallow) },
		"open streams deaf":         func(p *fault.Proxy) { p.Break(fault.Deaf) },
		"none can be opened either": func(p *fault.Proxy) { p.Isolate(fault.Swallow) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, proxy, _ := behind(t, time.Minute)
			breaking(proxy)
			failed := make(chan error, 2)
			go func() {
				large := sampleDecision(3)
				large.PolicyVersion = filler(1 << 20)
				failed <- w.AppendDecision(t.Context(), large)
			}()
			go func() {
				failed <- w.AppendAlert(t.Context(), &pix.Alert{ID: sampleDecision(4).Transaction.ID, EventTime: time.Now()})
			}()
			waitFor(t, func() bool { return w.Sending() == 2 })
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Close = %v, want its deadline", err)
			}
			if took := time.Since(began); took > patience/2 {
				t.Errorf("closing took %v", took)
			}
			<-failed
			<-failed
		})
	}
}

// The server's policy is gRPC's default, which answers early pings with GOAWAY too_many_pings, and a stream is open. The
// same in virtual time is in shared/conn.
func TestIdleConnectionsStay(t *testing.T) {
	t.Parallel()
	if !realLimits() {
		t.Skip("it idles for two minutes; set PIX_REAL_LIMITS=1")
	}
	w, proxy, registry := behind(t, 0)
	opened := proxy.Opened()
	time.Sleep(130 * time.Second)
	appended(t, w)
	if proxy.Opened() != opened || replaced(t, registry) != 0 {
		t.Errorf("%d connections were opened, want %d; %v were replaced, want 0", proxy.Opened(), opened, replaced(t, registry))
	}
}
