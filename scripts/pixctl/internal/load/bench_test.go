package load

import (
	"fmt"
	"runtime/debug"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/internal/openloop"
)

// BenchmarkDecisions is `pixctl load` at 2,000 payments/s as a line of make bench: each is due at its moment, and its
// latency counts from there. Nothing but the percentiles says anything; ns/op is the length of the run.
func BenchmarkDecisions(b *testing.B) {
	for _, on := range []string{onBigtable, onMemory} {
		b.Run(fmt.Sprint("rate=2000,on=", on), func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
			o := &options{
				plan: plan{rate: 2000, warmup: 3 * time.Second, duration: 20 * time.Second, inFlight: 256},
				on:   on, seed: 1, history: 20_000, timeout: decisionTimeout,
			}
			t, err := openLocal(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			if err := t.prepare(o.calls()); err != nil {
				b.Fatal(err)
			}
			var out *openloop.Outcome
			for b.Loop() {
				out = o.loop(t).Run(b.Context())
			}
			if err := t.close(b.Context()); err != nil {
				b.Error(err)
			}
			r := newPart(shapeSteady, o.rate, out)
			b.ReportMetric(r.MsP50, "p50_ms")
			b.ReportMetric(r.MsP99, "p99_ms")
			b.ReportMetric(r.MsP999, "p999_ms")
			b.ReportMetric(r.CPUPerCall, "cpu_us/payment")
			b.ReportMetric(float64(r.Dropped), "dropped")
			b.ReportMetric(float64(r.failures()), "failed")
		})
	}
}
