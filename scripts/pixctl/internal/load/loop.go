package load

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// plan is the schedule of a run.
type plan struct {
	rate             float64 // payments per second
	warmup, duration time.Duration
	inFlight         int // payments under way at most
}

// calls is how many payments a run of the plan needs.
func (p plan) calls() int { return p.unmeasured() + int(p.rate*p.duration.Seconds()) }

// unmeasured is how many of them are warm-up.
func (p plan) unmeasured() int { return int(p.rate * p.warmup.Seconds()) }

// outcome is what a run measured. Nothing of the warm-up is in it.
type outcome struct {
	latency     *hdrhistogram.Histogram // of calls that succeeded, in microseconds, from the moment each was due
	dropped     int
	failed      map[string]int // by what went wrong
	interrupted bool
	wall, cpu   time.Duration
}

func (o *outcome) failures() int {
	n := 0
	for _, k := range o.failed {
		n += k
	}
	return n
}

// loop runs one plan.
type loop struct {
	plan
	call  func(ctx context.Context, i int) (failure string)
	sleep func(time.Duration) // may return early

	mu    sync.Mutex
	out   outcome
	start time.Time
}

// run makes the calls of the plan on their schedule and returns when the last one is over. When ctx ends no further call
// begins; those under way are finished.
func (l *loop) run(ctx context.Context) *outcome {
	// A minute is longer than any deadline of a decision.
	l.out = outcome{latency: hdrhistogram.New(1, time.Minute.Microseconds(), 3), failed: map[string]int{}}
	l.start = time.Now()
	places := make(chan struct{}, l.inFlight)
	var calls sync.WaitGroup
	l.feed(ctx, func(i int) bool {
		select {
		case places <- struct{}{}:
		default:
			return false
		}
		calls.Go(func() {
			defer func() { <-places }()
			l.measure(context.WithoutCancel(ctx), i)
		})
		return true
	})
	calls.Wait()
	return &l.out
}

func (l *loop) at(i int) time.Time {
	return l.start.Add(time.Duration(float64(i) / l.rate * float64(time.Second)))
}

func (l *loop) measure(ctx context.Context, i int) {
	failure := l.call(ctx, i)
	took := time.Since(l.at(i))
	if i < l.unmeasured() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if failure != "" {
		l.out.failed[failure]++
		return
	}
	_ = l.out.latency.RecordValue(min(took.Microseconds(), l.out.latency.HighestTrackableValue()))
}

// feed begins the calls at their due times.
func (l *loop) feed(ctx context.Context, begin func(i int) bool) {
	began, used := l.start, cpuTime()
	for i := range l.calls() {
		if !l.wait(ctx, l.at(i)) {
			l.out.interrupted = true
			break
		}
		if i == l.unmeasured() {
			began, used = time.Now(), cpuTime()
		}
		if !begin(i) && i >= l.unmeasured() {
			l.out.dropped++
		}
		// The call waits on this processor, which the next sleep would hold: where no other one is free to take it over, as
		// while garbage is collected, it would begin late for no fault of its own.
		runtime.Gosched()
	}
	l.out.wall, l.out.cpu = time.Since(began), cpuTime()-used
}

// coarse is how late a timer of the runtime may be: it waits in whole milliseconds.
const coarse = 2 * time.Millisecond

// wait sleeps until the moment and reports false when ctx ended before.
func (l *loop) wait(ctx context.Context, until time.Time) bool {
	if d := time.Until(until) - coarse; d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	for d := time.Until(until); d > 0 && ctx.Err() == nil; d = time.Until(until) {
		l.sleep(d)
	}
	return ctx.Err() == nil
}

// cpuTime is what this process has used of all processors so far; 0 where the system does not tell.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
