package load

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const second = 1000 // calls

// TestStallCountsAgainstEveryCallThatWaited: the target stands still from 0.3 s to 0.5 s. A closed loop would notice one
// slow call; 200 were due.
func TestStallCountsAgainstEveryCallThatWaited(t *testing.T) {
	t.Parallel()
	for name, inFlight := range map[string]int{"all at once": second, "one by one": 300} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				l := &loop{plan: plan{rate: second, duration: time.Second, inFlight: inFlight}, sleep: time.Sleep}
				l.call = func(context.Context, int) string {
					if stalled := time.Since(start); stalled >= 300*time.Millisecond && stalled < 500*time.Millisecond {
						time.Sleep(500*time.Millisecond - stalled)
					}
					time.Sleep(time.Millisecond)
					return ""
				}
				out := l.run(t.Context())
				if out.dropped != 0 || out.failures() != 0 || out.latency.TotalCount() != second {
					t.Fatalf("dropped %d, failed %v, decided %d", out.dropped, out.failed, out.latency.TotalCount())
				}
				slow := 0
				for _, bar := range out.latency.Distribution() {
					if bar.From > 1500 {
						slow += int(bar.Count)
					}
				}
				if p50, longest := out.latency.ValueAtQuantile(50), out.latency.Max(); slow != 200 || p50 > 1001 || longest < 200_000 {
					t.Errorf("%d slow calls, p50 %d µs, max %d µs", slow, p50, longest)
				}
			})
		})
	}
}

// TestLateLoopCountsAgainstTheCalls: the loop itself wakes 200 ms too late once. Every call that was due meanwhile counts
// from its moment, though the target answers at once.
func TestLateLoopCountsAgainstTheCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, late := time.Now(), false
		l := &loop{plan: plan{rate: second, duration: time.Second, inFlight: second}}
		l.sleep = func(d time.Duration) {
			if !late && time.Since(start) >= 300*time.Millisecond {
				late = true
				d += 200 * time.Millisecond
			}
			time.Sleep(d)
		}
		l.call = func(context.Context, int) string {
			time.Sleep(time.Millisecond)
			return ""
		}
		out := l.run(t.Context())
		slow := 0
		for _, bar := range out.latency.Distribution() {
			if bar.From > 1500 {
				slow += int(bar.Count)
			}
		}
		if n := out.latency.TotalCount(); n != second || slow < 199 || slow > 201 || out.latency.Max() < 200_000 {
			t.Errorf("decided %d, %d slow calls, max %d µs", n, slow, out.latency.Max())
		}
	})
}

// TestLoopCounts: what is dropped, fails or is warm-up is in no latency.
func TestLoopCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &loop{plan: plan{rate: second, warmup: time.Second, duration: time.Second, inFlight: 1}, sleep: time.Sleep}
		l.call = func(_ context.Context, i int) string {
			time.Sleep(9500 * time.Microsecond)
			if i >= 1500 {
				return "timeout"
			}
			return ""
		}
		out := l.run(t.Context())
		got := []int{int(out.latency.TotalCount()), out.failed["timeout"], out.dropped, len(out.failed)}
		if d := cmp.Diff([]int{50, 50, 900, 1}, got); d != "" {
			t.Error(d)
		}
	})
}

func TestInterruptFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		l := &loop{plan: plan{rate: second, duration: time.Hour, inFlight: second}, sleep: time.Sleep}
		l.call = func(ctx context.Context, _ int) string {
			time.Sleep(50 * time.Millisecond)
			if ctx.Err() != nil {
				return "cancelled"
			}
			return ""
		}
		out := l.run(ctx)
		if n := out.latency.TotalCount(); !out.interrupted || out.failures() != 0 || n < 99 || n > 101 {
			t.Errorf("interrupted %v, decided %d, failed %v", out.interrupted, n, out.failed)
		}
	})
}
