package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// openLoop starts one call at each tick of a fixed schedule, whether or not the earlier ones have returned, and measures
// every call from the moment it was due. A slow answer therefore counts against all calls that had to wait behind it:
// there is no coordinated omission.
type openLoop struct {
	rate    float64 // calls per second
	workers int     // bound on calls under way; a call that finds none free starts late, and its lateness is measured
}

// run makes n calls and returns their latencies in microseconds. The first error ends it.
func (o openLoop) run(ctx context.Context, n int, call func(ctx context.Context, i int) error) (*hdrhistogram.Histogram, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	due := make(chan int, o.workers)
	start := time.Now()
	at := func(i int) time.Time { return start.Add(time.Duration(float64(i) / o.rate * float64(time.Second))) }
	parts := make([]*hdrhistogram.Histogram, o.workers)
	var wg sync.WaitGroup
	for w := range parts {
		parts[w] = newHistogram()
		wg.Go(func() {
			for i := range due {
				if err := call(ctx, i); err != nil {
					cancel(fmt.Errorf("call %d: %w", i, err))
					return
				}
				_ = parts[w].RecordValue(time.Since(at(i)).Microseconds())
			}
		})
	}
	feed(ctx, due, n, at)
	close(due)
	wg.Wait()
	all := newHistogram()
	for _, p := range parts {
		all.Merge(p)
	}
	if err := context.Cause(ctx); err != nil {
		return all, fmt.Errorf("open loop: %w", err)
	}
	return all, nil
}

// feed hands out the calls at their due times.
func feed(ctx context.Context, due chan<- int, n int, at func(int) time.Time) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range n {
		timer.Reset(time.Until(at(i)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		select {
		case due <- i:
		case <-ctx.Done():
			return
		}
	}
}

// newHistogram covers one microsecond to one minute with three significant digits.
func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, 60_000_000, 3) }
