package store_test

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigtable/bttest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// pool is how many connections the client opens.
const pool = 10

// realLimits makes the tests of lost connections keep a deployment's deadlines, print how long recovery takes, and idle
// in real time.
func realLimits() bool { return os.Getenv("PIX_REAL_LIMITS") != "" }

// behind opens a store whose connections pass through a proxy.
func behind(t *testing.T) (*store.Store, *fault.Proxy, *prometheus.Registry) {
	t.Helper()
	server, err := bttest.NewServer("127.0.0.1:0", pixtest.OneWriter()...)
	must(t, err)
	t.Cleanup(server.Close)
	proxy, err := fault.NewProxy(server.Addr)
	must(t, err)
	t.Cleanup(func() { must(t, proxy.Close()) })
	cfg, registry := config(t), prometheus.NewRegistry()
	must(t, store.CreateSchema(t.Context(), cfg, store.Retention{Events: forever}, reach(server.Addr)...))
	cfg.CallTimeout, cfg.Metrics = time.Second, registry
	if realLimits() {
		cfg.CallTimeout = 0
	}
	s, err := store.Open(t.Context(), cfg, reach(proxy.Addr())...)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s, proxy, registry
}

// replaced reads how many connections were replaced.
func replaced(t *testing.T, registry *prometheus.Registry) float64 {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() == "pix_connections_replaced_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("no metric of replaced connections")
	return 0
}

// allWork tells whether so many calls at once, that every connection of the pool has some, are answered.
func allWork(ctx context.Context, s *store.Store) bool {
	var calls sync.WaitGroup
	errs := make([]error, 5*pool)
	for i := range errs {
		calls.Go(func() {
			tx := storetest.Payment(i, 10, 20)
			_, errs[i] = s.Decision(ctx, tx.ID)
		})
	}
	calls.Wait()
	for _, err := range errs {
		if err != nil {
			return false
		}
	}
	return true
}

// soon polls until ok, within a time that a busy machine keeps.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestLostConnectionsAreReplaced(t *testing.T) {
	t.Parallel()
	for name, loss := range map[string]fault.Loss{"packets are swallowed": fault.Swallow, "the far end is deaf": fault.Deaf} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy, registry := behind(t)
			soon(t, "the pool", func() bool { return allWork(t.Context(), s) && proxy.Opened() == pool })
			proxy.Break(loss)
			began := time.Now()
			tx := storetest.Payment(1, 10, 20)
			_, _, err := pay(t.Context(), s, &tx, "x")
			t.Logf("the first write came back after %v: %v", time.Since(began).Round(time.Millisecond), err)
			if kind := pix.KindOf(err); err != nil && kind != pix.Timeout && kind != pix.Unavailable {
				t.Errorf("the first write: %v, want success, timeout or unavailable", err)
			}
			soon(t, "every connection", func() bool { return allWork(t.Context(), s) && replaced(t, registry) >= pool })
			t.Logf("every connection was back after %v", time.Since(began).Round(time.Millisecond))
			soon(t, "the payment", func() bool {
				_, _, err := pay(t.Context(), s, &tx, "x")
				return err == nil && s.Reachable() == nil
			})
		})
	}
}

// While no new connection works either, calls fail in their time; afterwards the pool is back.
func TestIsolatedStoreComesBack(t *testing.T) {
	t.Parallel()
	s, proxy, registry := behind(t)
	soon(t, "the pool", func() bool { return allWork(t.Context(), s) })
	proxy.Isolate(fault.Deaf)
	soon(t, "replacement", func() bool { return !allWork(t.Context(), s) && replaced(t, registry) >= pool })
	if s.Reachable() == nil {
		t.Error("nothing answers, and nothing is said of it")
	}
	proxy.Heal()
	began := time.Now()
	soon(t, "every connection", func() bool { return allWork(t.Context(), s) })
	t.Logf("back %v after the network", time.Since(began).Round(time.Millisecond))
	soon(t, "nothing is amiss", func() bool { return allWork(t.Context(), s) && s.Reachable() == nil })
}

// Dead connections do not keep a store from closing.
func TestCloseWithDeadConnections(t *testing.T) {
	t.Parallel()
	s, proxy, _ := behind(t)
	soon(t, "the pool", func() bool { return allWork(t.Context(), s) })
	proxy.Break(fault.Swallow)
	began := time.Now()
	must(t, s.Close())
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("closing took %v", took)
	}
}

// The server's policy is gRPC's default, which answers early pings with GOAWAY too_many_pings. The same in virtual time
// is in shared/conn.
func TestIdleConnectionsStay(t *testing.T) {
	t.Parallel()
	if !realLimits() {
		t.Skip("it idles for two minutes; set PIX_REAL_LIMITS=1")
	}
	s, proxy, registry := behind(t)
	soon(t, "the pool", func() bool { return allWork(t.Context(), s) })
	opened := proxy.Opened()
	time.Sleep(130 * time.Second)
	if !allWork(t.Context(), s) || proxy.Opened() != opened || replaced(t, registry) != 0 {
		t.Errorf("%d connections were opened, want %d; %v were replaced, want 0", proxy.Opened(), opened, replaced(t, registry))
	}
}
