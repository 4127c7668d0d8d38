package obs_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

// patience is far above what tracing may take and far below what a collector that is away would make it take.
const patience = 8 * time.Second

// dead is a collector that takes calls and never answers.
type dead struct {
	tracepb.UnimplementedTraceServiceServer
}

// Export hangs until its caller has gone.
func (dead) Export(ctx context.Context, _ *tracepb.ExportTraceServiceRequest) (*tracepb.ExportTraceServiceResponse, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// away lists endpoints at which nothing is exported.
func away(t *testing.T) map[string]string {
	t.Helper()
	listen := func() net.Listener {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	url := func(l net.Listener) string { return "http://" + l.Addr().String() }
	refuses, silent, hangs := listen(), listen(), listen()
	_ = refuses.Close()
	t.Cleanup(func() { _ = silent.Close() }) // the kernel accepts, and nobody speaks
	server, done := grpc.NewServer(), make(chan struct{})
	tracepb.RegisterTraceServiceServer(server, dead{})
	go func() { _ = server.Serve(hangs); close(done) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return map[string]string{"refuses": url(refuses), "accepts and is silent": url(silent), "takes calls and never answers": url(hangs)}
}

// TestCollectorAway: neither a request nor the stop waits for a collector, the loss is told in numbers, and no goroutine
// is left behind.
func TestCollectorAway(t *testing.T) {
	t.Parallel()
	for name, endpoint := range away(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracing, err := obs.NewTracing(t.Context(), obs.Service{Name: "score"}, obs.TracingConfig{Endpoint: endpoint, SampleRatio: 1})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			for range 10_000 { // several times the batcher's queue
				_, span := tracing.Tracer("test").Start(t.Context(), "decide")
				span.End()
			}
			if took := time.Since(began); took > patience {
				t.Errorf("10,000 spans took %v", took)
			}
			began = time.Now()
			err = tracing.Shutdown(t.Context())
			if took := time.Since(began); took > patience {
				t.Errorf("the stop took %v", took)
			}
			if err == nil || !strings.Contains(err.Error(), "10000 spans were not exported") {
				t.Errorf("told %v", err)
			}
			for tracing.Lost() == 0 && time.Since(began) < patience { // the call that the stop cut off ends behind it
				time.Sleep(time.Millisecond)
			}
			if lost := tracing.Lost(); lost == 0 || lost > 10_000 {
				t.Errorf("counted %d", lost)
			}
		})
	}
}

// TestCollectorAwayWithoutSpans: nothing was lost, nothing is told and nothing is waited for.
func TestCollectorAwayWithoutSpans(t *testing.T) {
	t.Parallel()
	for name, endpoint := range away(t) {
		tracing, err := obs.NewTracing(t.Context(), obs.Service{}, obs.TracingConfig{Endpoint: endpoint, SampleRatio: 0})
		if err != nil {
			t.Fatal(err)
		}
		_, span := tracing.Tracer("test").Start(t.Context(), "decide")
		span.End()
		if err := tracing.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
