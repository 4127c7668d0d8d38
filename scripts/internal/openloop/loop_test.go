package openloop

import (
	"context"
	"sync"
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
				l := &Loop{Rate: second, Calls: second, InFlight: inFlight, sleep: time.Sleep}
				l.Call = func(context.Context, int) string {
					if stalled := time.Since(start); stalled >= 300*time.Millisecond && stalled < 500*time.Millisecond {
						time.Sleep(500*time.Millisecond - stalled)
					}
					time.Sleep(time.Millisecond)
					return ""
				}
				out := l.Run(t.Context())
				if out.Dropped != 0 || len(out.Failed) != 0 || out.Latency.TotalCount() != second {
					t.Fatalf("dropped %d, failed %v, decided %d", out.Dropped, out.Failed, out.Latency.TotalCount())
				}
				slow := 0
				for _, bar := range out.Latency.Distribution() {
					if bar.From > 1500 {
						slow += int(bar.Count)
					}
				}
				if p50, longest := out.Latency.ValueAtQuantile(50), out.Latency.Max(); slow != 200 || p50 > 1001 || longest < 200_000 {
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
		l := &Loop{Rate: second, Calls: second, InFlight: second}
		l.sleep = func(d time.Duration) {
			if !late && time.Since(start) >= 300*time.Millisecond {
				late = true
				d += 200 * time.Millisecond
			}
			time.Sleep(d)
		}
		l.Call = func(context.Context, int) string {
			time.Sleep(time.Millisecond)
			return ""
		}
		out := l.Run(t.Context())
		slow := 0
		for _, bar := range out.Latency.Distribution() {
			if bar.From > 1500 {
				slow += int(bar.Count)
			}
		}
		if n := out.Latency.TotalCount(); n != second || slow < 199 || slow > 201 || out.Latency.Max() < 200_000 {
			t.Errorf("decided %d, %d slow calls, max %d µs", n, slow, out.Latency.Max())
		}
	})
}

// TestLoopCounts: what is dropped, fails or is warm-up is in no latency.
func TestLoopCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Loop{Rate: second, Calls: 2 * second, WarmUp: second, InFlight: 1, sleep: time.Sleep}
		l.Call = func(_ context.Context, i int) string {
			time.Sleep(9500 * time.Microsecond)
			if i >= 1500 {
				return "timeout"
			}
			return ""
		}
		out := l.Run(t.Context())
		got := []int{int(out.Latency.TotalCount()), out.Failed["timeout"], out.Dropped, len(out.Failed)}
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
		l := &Loop{Rate: second, Calls: 3600 * second, InFlight: second, sleep: time.Sleep}
		l.Call = func(ctx context.Context, _ int) string {
			time.Sleep(50 * time.Millisecond)
			if ctx.Err() != nil {
				return "cancelled"
			}
			return ""
		}
		out := l.Run(ctx)
		if n := out.Latency.TotalCount(); !out.Interrupted || len(out.Failed) != 0 || n < 99 || n > 101 {
			t.Errorf("interrupted %v, decided %d, failed %v", out.Interrupted, n, out.Failed)
		}
	})
}

// TestQueueChargesWaitingToTheCallsThatWait: one place, ten calls a second; the first takes a second, so the next nine begin
// late, and none is dropped.
func TestQueueChargesWaitingToTheCallsThatWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Loop{Rate: 10, Calls: 10, InFlight: 1, Queue: true, sleep: time.Sleep}
		l.Call = func(_ context.Context, i int) string {
			if i == 0 {
				time.Sleep(time.Second)
			}
			return ""
		}
		out := l.Run(t.Context())
		if late := out.Latency.ValueAtQuantile(50); late < 400_000 || out.Dropped != 0 || out.Latency.TotalCount() != 10 {
			t.Errorf("median %d µs, dropped %d, made %d", late, out.Dropped, out.Latency.TotalCount())
		}
	})
}

// TestALoopBeginsWhenItIsToldTo: two loops that follow each other leave no pause in which what the first one left behind
// could be worked off unseen.
func TestALoopBeginsWhenItIsToldTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var first time.Duration
		l := &Loop{Rate: second, Calls: 10, InFlight: second, Start: began.Add(time.Second), sleep: time.Sleep}
		l.Call = func(_ context.Context, i int) string {
			if i == 0 {
				first = time.Since(began)
				return "late"
			}
			return ""
		}
		out := l.Run(t.Context())
		if first != time.Second || out.Wall > 10*time.Millisecond || out.Latency.Max() > 1 {
			t.Errorf("began after %v, took %v, max %d µs", first, out.Wall, out.Latency.Max())
		}
		if h := out.FailedLatency["late"]; h == nil || h.TotalCount() != 1 || h.Max() > 1 {
			t.Errorf("the call that failed: %v", h)
		}
	})
}

// TestTimeLastsUntilTheLastCallEnds: calls that are counted though they end after the schedule are counted over the time that
// they took. The target makes one call a millisecond and is asked for three.
func TestTimeLastsUntilTheLastCallEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := time.Now()
		var mu sync.Mutex
		l := &Loop{Rate: 3 * second, Calls: 3 * second, InFlight: 3 * second, sleep: time.Sleep}
		l.Call = func(context.Context, int) string {
			mu.Lock()
			free = free.Add(time.Millisecond)
			end := free
			mu.Unlock()
			time.Sleep(time.Until(end))
			return ""
		}
		out := l.Run(t.Context())
		if goodput := float64(out.Latency.TotalCount()) / out.Wall.Seconds(); out.Latency.TotalCount() != 3*second || goodput > 1.01*second {
			t.Errorf("%d calls in %v: %.0f a second of a target that makes %d", out.Latency.TotalCount(), out.Wall, goodput, second)
		}
	})
}
