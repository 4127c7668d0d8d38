// Package openloop makes calls on a fixed schedule, whether or not the earlier ones have returned, and measures each from the
// moment it was due. A slow answer therefore counts against all calls that had to wait behind it: there is no coordinated
// omission.
package openloop

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Loop is a schedule and what is called on it. It runs once.
type Loop struct {
	Rate     float64 // calls per second
	Calls    int
	WarmUp   int       // how many of the first calls are not measured
	InFlight int       // calls under way at most
	Queue    bool      // a call that is due while so many are under way begins late; otherwise it is dropped and counted
	Start    time.Time // when the first call is due; zero means at once
	// Call makes call i and returns in one word what went wrong, empty when nothing did.
	Call func(ctx context.Context, i int) (failure string)

	sleep func(time.Duration) // may return early

	mu    sync.Mutex
	out   Outcome
	start time.Time
}

// Outcome is what a run measured. Nothing of the warm-up is in it.
type Outcome struct {
	Latency *hdrhistogram.Histogram // of calls that succeeded, in microseconds, from the moment each was due
	Dropped int
	Failed  map[string]int // by what went wrong
	// FailedLatency is as Latency, of the calls that failed, by what went wrong.
	FailedLatency map[string]*hdrhistogram.Histogram
	Interrupted   bool
	// Wall and CPU are from the first measured call to the end of the last one. What ends after the schedule is counted, so
	// the time that it took is too: a target that works off afterwards what it was asked at three times its rate has not kept
	// up, and the calls over Wall must not say that it has.
	Wall, CPU time.Duration
}

// Run makes the calls on their schedule and returns when the last one is over. When ctx ends no further call begins; those
// under way are finished.
func (l *Loop) Run(ctx context.Context) *Outcome {
	if l.sleep == nil {
		l.sleep = sleep
	}
	l.out = Outcome{Latency: newHistogram(), Failed: map[string]int{}, FailedLatency: map[string]*hdrhistogram.Histogram{}}
	if l.start = l.Start; l.start.IsZero() {
		l.start = time.Now()
	}
	places := make(chan struct{}, l.InFlight)
	var calls sync.WaitGroup
	began, used := l.feed(ctx, func(i int) bool {
		if !l.take(ctx, places) {
			return false
		}
		calls.Go(func() {
			defer func() { <-places }()
			l.measure(context.WithoutCancel(ctx), i)
		})
		return true
	})
	calls.Wait()
	l.out.Wall, l.out.CPU = time.Since(began), cpuTime()-used
	return &l.out
}

// newHistogram takes microseconds up to a minute, which is longer than any deadline of a decision.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, time.Minute.Microseconds(), 3)
}

// take takes a place among the calls under way.
func (l *Loop) take(ctx context.Context, places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
	}
	if !l.Queue {
		return false
	}
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *Loop) at(i int) time.Time {
	return l.start.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))
}

func (l *Loop) measure(ctx context.Context, i int) {
	failure := l.Call(ctx, i)
	took := time.Since(l.at(i))
	if i < l.WarmUp {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.out.Latency
	if failure != "" {
		l.out.Failed[failure]++
		if h = l.out.FailedLatency[failure]; h == nil {
			h = newHistogram()
			l.out.FailedLatency[failure] = h
		}
	}
	_ = h.RecordValue(min(took.Microseconds(), h.HighestTrackableValue()))
}

// feed begins the calls at their due times. It returns when the first measured one began, and what processors had been used by
// then.
func (l *Loop) feed(ctx context.Context, begin func(i int) bool) (began time.Time, used time.Duration) {
	began, used = l.start, cpuTime()
	for i := range l.Calls {
		if !l.wait(ctx, l.at(i)) {
			l.out.Interrupted = true
			break
		}
		if i == l.WarmUp {
			began, used = time.Now(), cpuTime()
		}
		if !begin(i) && i >= l.WarmUp {
			l.out.Dropped++
		}
		// The call waits on this processor, which the next sleep would hold: where no other one is free to take it over, as
		// while garbage is collected, it would begin late for no fault of its own.
		runtime.Gosched()
	}
	return began, used
}

// coarse is how late a timer of the runtime may be: it waits in whole milliseconds.
const coarse = 2 * time.Millisecond

// wait sleeps until the moment and reports false when ctx ended before.
func (l *Loop) wait(ctx context.Context, until time.Time) bool {
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
