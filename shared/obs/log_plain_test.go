package obs_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

func words(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
		"", "decided", "não <é> & “x”", "\x7f", "\"", "\\", "\n", "\x00", "\u2028", "\u2029", "\xff", "\U0001F600",
	}), 0, 3).Draw(t, "words"), "")
}

func attribute(t *rapid.T) slog.Attr {
	key := rapid.SampledFrom([]string{"outcome", "duration_us", "msg", "level", "time", "message", "a b", `a"b`, ""}).Draw(t, "key")
	at := time.Date(2026, 11, 23, 14, 0, 0, 5000, time.FixedZone("", -3*3600))
	return slog.Attr{Key: key, Value: rapid.OneOf(
		rapid.Map(rapid.String(), slog.StringValue), rapid.Map(rapid.Custom(words), slog.StringValue), rapid.Map(rapid.Int64(), slog.Int64Value),
		rapid.Map(rapid.Bool(), slog.BoolValue), rapid.SampledFrom([]slog.Value{
			{}, slog.Float64Value(0.1), slog.Uint64Value(1 << 63), slog.DurationValue(time.Second), slog.TimeValue(at), slog.AnyValue(io.EOF),
			slog.GroupValue(), slog.GroupValue(slog.String("msg", "x")), slog.AnyValue([]int{1}),
		}),
	).Draw(t, "value")}
}

// TestPlainLinesAreSlogs: whatever is logged, and by whichever derived logger, has the bytes that slog's handler gives it.
func TestPlainLinesAreSlogs(t *testing.T) {
	t.Parallel()
	traced, span := obs.RecordTracing(obs.Service{}, tracetest.NewSpanRecorder()).Tracer("test").Start(t.Context(), "decide")
	defer span.End()
	rapid.Check(t, func(t *rapid.T) {
		var plain, want bytes.Buffer
		service := obs.Service{Name: words(t), Version: words(t), ProjectID: words(t)}
		a, b := obs.Logger(&plain, slog.LevelInfo, service).Handler(), obs.SlogHandler(&want, slog.LevelInfo, service)
		for range rapid.IntRange(0, 2).Draw(t, "derived") {
			if rapid.IntRange(0, 4).Draw(t, "group") == 0 {
				name := rapid.SampledFrom([]string{"g", ""}).Draw(t, "name")
				a, b = slog.New(a).WithGroup(name).Handler(), slog.New(b).WithGroup(name).Handler()
				continue
			}
			attrs := rapid.SliceOfN(rapid.Custom(attribute), 0, 3).Draw(t, "attrs")
			a, b = a.WithAttrs(attrs), b.WithAttrs(attrs)
		}
		for range 3 {
			at := rapid.SampledFrom([]time.Time{{}, time.Now(), time.Unix(1, 0).UTC(), time.Unix(2, 3).In(time.FixedZone("", 3600))}).Draw(t, "at")
			level := rapid.SampledFrom([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, 9, 2}).Draw(t, "level")
			r := slog.NewRecord(at, level, words(t), 0)
			r.AddAttrs(rapid.SliceOfN(rapid.Custom(attribute), 0, 8).Draw(t, "attrs")...)
			ctx := rapid.SampledFrom([]context.Context{context.Background(), traced}).Draw(t, "ctx")
			if a.Enabled(ctx, level) != b.Enabled(ctx, level) {
				t.Fatal(level)
			}
			if err := a.Handle(ctx, r); err != nil {
				t.Fatal(err)
			}
			if err := b.Handle(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want.String(), plain.String()); diff != "" {
			t.Fatalf("(-slog +plain)\n%s", diff)
		}
	})
}

// single is a writer that takes one call at a time, and lets others come while it is in one.
type single struct {
	bytes.Buffer
	busy  atomic.Bool
	mixed atomic.Bool
}

func (s *single) Write(p []byte) (int, error) {
	if !s.busy.CompareAndSwap(false, true) {
		s.mixed.Store(true)
		return len(p), nil
	}
	defer s.busy.Store(false)
	runtime.Gosched()
	return s.Buffer.Write(p)
}

// TestLinesOfManyDoNotMix: both handlers write to one writer, which takes one call at a time.
func TestLinesOfManyDoNotMix(t *testing.T) {
	t.Parallel()
	var out single
	logger := obs.Logger(&out, slog.LevelInfo, obs.Service{Name: "score"})
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for range 200 {
				if i%2 == 0 {
					logger.InfoContext(t.Context(), "plain", "n", i)
				} else {
					logger.InfoContext(t.Context(), "not \"plain\"", "n", i)
				}
			}
		})
	}
	work.Wait()
	if n := bytes.Count(out.Bytes(), []byte("\n")); n != 1600 || out.mixed.Load() {
		t.Errorf("%d lines, or two at once", n)
	}
}

// decided is the line of a payment.
func decided(ctx context.Context, logger *slog.Logger) {
	logger.LogAttrs(ctx, slog.LevelInfo, "decided",
		slog.String("end_to_end_id", "E12345678202611231405aB3dE5fG7hI"), slog.String("direction", "OUTBOUND"),
		slog.String("outcome", "APPROVE"), slog.Bool("repeated", false), slog.Bool("replay", false), slog.Bool("features_missing", false),
		slog.Bool("provisional", false), slog.String("model_version", "payer/20261128-1"), slog.String("policy_version", "2026.11"),
		slog.Int64("duration_us", 1234),
	)
}

// TestALineOfAPaymentIsPlain: it takes the short way, on which nothing is made but what slog keeps of so many attributes.
func TestALineOfAPaymentIsPlain(t *testing.T) { //nolint:paralleltest // it counts allocations
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
	logger := obs.Logger(io.Discard, slog.LevelInfo, obs.Service{Name: "score", ProjectID: "p"})
	if allocations := testing.AllocsPerRun(200, func() { decided(ctx, logger) }); allocations > 2 {
		t.Errorf("%v allocations", allocations)
	}
}

// BenchmarkLine is what a payment's line costs, up to the writer.
func BenchmarkLine(b *testing.B) {
	ctx := trace.ContextWithSpanContext(b.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
	service := obs.Service{Name: "score", ProjectID: "p"}
	for name, h := range map[string]slog.Handler{
		"plain": obs.Logger(io.Discard, slog.LevelInfo, service).Handler(), "slog": obs.SlogHandler(io.Discard, slog.LevelInfo, service),
	} {
		b.Run(name, func(b *testing.B) {
			logger := slog.New(h)
			b.ReportAllocs()
			for b.Loop() {
				decided(ctx, logger)
			}
		})
	}
}
