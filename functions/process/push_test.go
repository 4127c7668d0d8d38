package process_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/functions/process"
	"github.com/sentinela-pix/sentinela/shared/pixtest/otlp"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
)

// run serves a function from its start to its end and returns how long both took.
func run(t *testing.T, push bool) (start, end time.Duration) {
	t.Helper()
	admin, public := port.Free(t), port.Free(t)
	t.Setenv("ADMIN_ADDR", admin)
	t.Setenv("GOMEMLIMIT", "1GiB")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended, began := make(chan error, 1), time.Now()
	go func() {
		f := function{http.NotFoundHandler(), make(chan struct{})}
		ended <- process.Run(ctx, process.Options{Name: "audit", Address: public, Open: f.open, Push: push})
	}()
	await(t, "http://"+admin+"/readyz", `"ready":true`)
	start, began = time.Since(began), time.Now()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return start, time.Since(began)
}

// TestWhatNobodyScrapesIsPushed: the last push, at the end of the process, tells of all that it did, and who it was.
func TestWhatNobodyScrapesIsPushed(t *testing.T) {
	r, err := otlp.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	for name, c := range map[string]struct {
		push bool
		env  map[string]string
		want int
	}{
		"to the collector":          {true, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL()}, 1},
		"to one for metrics alone":  {true, map[string]string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": r.URL(), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, 1},
		"no collector":              {true, nil, 0},
		"switched off":              {true, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL(), "OTEL_METRICS_EXPORTER": "none"}, 0},
		"a process that is scraped": {false, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL()}, 0},
		"the place where it runs":   {true, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": r.URL(), "OTEL_RESOURCE_ATTRIBUTES": "cloud.region=southamerica-east1"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range c.env {
				t.Setenv(variable, value)
			}
			before := len(r.Pushes())
			run(t, c.push)
			pushes := r.Pushes()[before:]
			if len(pushes) != c.want {
				t.Fatalf("%d pushes, want %d", len(pushes), c.want)
			}
			for _, p := range pushes {
				who := map[string]string{}
				for _, a := range p.GetResource().GetAttributes() {
					who[a.GetKey()] = a.GetValue().GetStringValue()
				}
				if who["service.name"] != "audit" || who["service.instance.id"] == "" || who["cloud.region"] != region(c.env) {
					t.Errorf("it comes from %v", who)
				}
			}
		})
	}
}

func region(env map[string]string) string {
	if env["OTEL_RESOURCE_ATTRIBUTES"] == "" {
		return ""
	}
	return "southamerica-east1"
}

// TestACollectorThatIsAwayCostsNothing: neither the start nor the end waits for it, whether it refuses or says nothing.
func TestACollectorThatIsAwayCostsNothing(t *testing.T) { //nolint:paralleltest // sets variables
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, endpoint := range []string{"http://" + port.Free(t), "http://" + silent.Addr().String()} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
		if start, end := run(t, true); start > 8*time.Second || end > 8*time.Second {
			t.Errorf("with %s away the process took %v to start and %v to end", endpoint, start, end)
		}
	}
}
