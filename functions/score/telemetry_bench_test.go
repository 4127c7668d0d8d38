package score

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/otlp"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// anybody lets everybody in.
type anybody struct{}

func (anybody) Require(_ identity.Role, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(identity.With(r.Context(), identity.Anybody())))
	})
}

// inProcess publishes a decision as publisher does, to nobody.
type inProcess struct{ publisher }

// PublishDecision encodes the decision in its trace.
func (p inProcess) PublishDecision(ctx context.Context, d *pix.Decision) error {
	e, err := event.EncodeDecision(d)
	if err != nil {
		return fmt.Errorf("encode decision: %w", err)
	}
	ctx, span := p.start(ctx, d)
	defer span.End()
	obs.Inject(ctx, e.Attributes)
	return nil
}

// arm is a service of its own that decides the same payments.
type arm struct {
	service *Service
	url     string // of the same over loopback
	cpu     time.Duration
	bytes   uint64
}

// telemetry is what one arm has and the other has not.
type telemetry struct {
	logger   *slog.Logger
	tracing  *obs.Tracing
	registry prometheus.Registerer
}

func newArm(b *testing.B, f *forger, clock func() time.Time, t telemetry) *arm {
	b.Helper()
	store := memory.New(clock)
	e, err := engine.New(engine.Deps{Store: store, Models: f.champions, Policies: f.policies, Features: f.features, Clock: clock})
	if err != nil {
		b.Fatal(err)
	}
	tracer := t.tracing.Tracer("bench")
	outbox, err := engine.NewOutbox(engine.OutboxDeps{Store: store, Publisher: inProcess{publisher{tracer: tracer}}})
	if err != nil {
		b.Fatal(err)
	}
	marker, err := engine.NewMarker(store)
	if err != nil {
		b.Fatal(err)
	}
	tokenizer, err := pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("k"), 32)}, nil)
	if err != nil {
		b.Fatal(err)
	}
	service, err := New(Deps{
		Engine: e, Outbox: outbox, Marker: marker, Tokenizer: tokenizer, Clock: clock, Callers: anybody{},
		Push: push.Deps{
			Gate: anybody{}, DeadLetters: nobody{}, DeadLetterTopic: "dlq", Logger: t.logger, Tracer: tracer, Metrics: t.registry, Timeout: time.Minute,
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = service.Close(context.Background()) })
	return &arm{service: service}
}

// due is a payment and the moment at which it comes, in milliseconds.
type due struct {
	body []byte
	at   int64
}

// decide asks for the payments, each at its moment, and returns what the process spent on that, with the publications.
func (a *arm) decide(b *testing.B, payments []due, now *atomic.Int64) time.Duration {
	b.Helper()
	before, held := spent(b), allocated()
	for _, p := range payments {
		now.Store(p.at)
		if a.url != "" {
			a.ask(b, p.body)
			continue
		}
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, decisionsPath, bytes.NewReader(p.body))
		r.Header.Set("Content-Type", mediaJSON)
		w := httptest.NewRecorder()
		a.service.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	took := spent(b) - before
	a.cpu += took
	a.bytes += allocated() - held
	return took
}

// allocated is what the process has allocated since its start, in bytes.
func allocated() uint64 {
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	runtimemetrics.Read(sample)
	return sample[0].Value.Uint64()
}

// ask asks over loopback, as a caller does.
func (a *arm) ask(b *testing.B, body []byte) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, a.url+decisionsPath, bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaJSON)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		b.Fatal(response.Status)
	}
}

func spent(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// nobody takes dead letters, of which there are none.
type nobody struct{}

// DeadLetter implements push.DeadLetterer.
func (nobody) DeadLetter(context.Context, string, bus.Letter) error { return nil }

// BenchmarkTelemetry is what traces at production's ratio, metrics and logs cost a payment over HTTP, against a service with
// none of them that decides the same payments in the same run, by turns: of the handler alone, and of what the whole process
// spends over loopback, with its caller. Time is the processor's, so that what else the machine does is left out. The share is
// the median of many short turns, between which garbage is collected: one collection more in the turns of one arm would be
// as much as telemetry costs. What is allocated is told instead.
func BenchmarkTelemetry(b *testing.B) {
	for _, over := range []string{"handler", "loopback"} {
		b.Run("over="+over, func(b *testing.B) { benchTelemetry(b, over == "loopback") })
	}
}

func benchTelemetry(b *testing.B, loopback bool) {
	b.Helper()
	const block = 500
	var now atomic.Int64
	clock := func() time.Time { return time.UnixMilli(now.Load()).UTC() }
	f := newForger(b)
	r, err := otlp.Start(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Close() })
	arms := []*arm{newArm(b, f, clock, silent(b)), newArm(b, f, clock, telling(b, r.URL()))}
	if loopback {
		for _, a := range arms {
			server := httptest.NewServer(a.service)
			b.Cleanup(server.Close)
			a.url = server.URL
		}
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	w := world.New(world.Params{Seed: 3, Accounts: 20_000, Days: 60})
	var shares []float64
	for b.Loop() {
		payments := draw(b, w, block)
		var took [2]time.Duration
		for i := range arms {
			which := (i + len(shares)) % 2
			runtime.GC()
			took[which] = arms[which].decide(b, payments, &now)
		}
		shares = append(shares, 1-took[0].Seconds()/took[1].Seconds())
	}
	slices.Sort(shares)
	payments := float64(len(shares) * block)
	b.ReportMetric(float64(arms[0].cpu.Microseconds())/payments, "cpu_us/payment_without")
	b.ReportMetric(float64(arms[1].cpu.Microseconds())/payments, "cpu_us/payment_with")
	b.ReportMetric(float64(arms[0].bytes)/payments, "B/payment_without")
	b.ReportMetric(float64(arms[1].bytes)/payments, "B/payment_with")
	b.ReportMetric(100*shares[len(shares)/2], "%_of_throughput")
	b.ReportMetric(100*float64(len(r.Spans()))/payments, "spans/100_payments")
}

// silent says nothing.
func silent(b *testing.B) telemetry {
	b.Helper()
	none, err := obs.NewTracing(b.Context(), obs.Service{}, obs.TracingConfig{})
	if err != nil {
		b.Fatal(err)
	}
	return telemetry{logger: slog.New(slog.DiscardHandler), tracing: none}
}

// telling logs, traces and registers its metrics as a deployed process does. The log goes nowhere, and drift and the live page
// are in neither arm: they are no telemetry of a request. Counters count in both.
func telling(b *testing.B, collector string) telemetry {
	b.Helper()
	traced, err := obs.NewTracing(b.Context(), obs.Service{Name: Name}, obs.TracingConfig{Endpoint: collector, SampleRatio: 0.01})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = traced.Shutdown(context.Background()) })
	logs, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	lines := obs.NewLines(logs)
	b.Cleanup(func() { _, _ = lines.Close(), logs.Close() })
	logger, _ := obs.Summarise(obs.Logger(lines, slog.LevelInfo, obs.Service{Name: Name, ProjectID: "p"}))
	return telemetry{logger: logger, tracing: traced, registry: obs.NewRegistry()}
}

func draw(b *testing.B, w *world.World, n int) []due {
	b.Helper()
	payments := make([]due, n)
	for i := range payments {
		e, ok := w.Next()
		if !ok {
			b.Fatal("the world ended")
		}
		var err error
		payments[i].at = max(e.Submission.EventTime.UnixMilli(), e.Submission.ReceivedAt.UnixMilli())
		if payments[i].body, err = event.EncodeSubmissionJSON(&e.Submission); err != nil {
			b.Fatal(err)
		}
	}
	return payments
}
