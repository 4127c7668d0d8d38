package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sentinela-pix/sentinela/scripts/internal/openloop"
)

// step is a schedule: so many payments a second, first for a while that is not measured.
type step struct {
	rate             float64
	warmup, duration time.Duration
}

func (s step) unmeasured() int { return int(s.rate * s.warmup.Seconds()) }

func (s step) payments() int { return s.unmeasured() + int(s.rate*s.duration.Seconds()) }

// row is what was measured of one service at one rate, over all rounds.
type row struct {
	due, answered int64
	latency       *hdrhistogram.Histogram // of all that were due, in microseconds from that moment; without an answer, the time-out
	failed        map[string]int
	processor     []time.Duration // an answer, of each round
	allocated     []float64       // bytes an answer, of each round; none where the process does not tell
	memory        int64           // bytes resident at the peak
}

// add takes in another round.
func (r *row) add(o *row) {
	if r.latency == nil {
		r.latency, r.failed = hdrhistogram.New(1, time.Minute.Microseconds(), 3), map[string]int{}
	}
	r.due, r.answered, r.memory = r.due+o.due, r.answered+o.answered, max(r.memory, o.memory)
	r.latency.Merge(o.latency)
	for why, n := range o.failed {
		r.failed[why] += n
	}
	r.processor, r.allocated = append(r.processor, o.processor...), append(r.allocated, o.allocated...)
}

// ms is a percentile in milliseconds.
func (r *row) ms(q float64) float64 { return float64(r.latency.ValueAtQuantile(q)) / 1000 }

// mean is that of the rounds' processor time an answer.
func (r *row) mean() time.Duration {
	var sum time.Duration
	for _, d := range r.processor {
		sum += d
	}
	return sum / time.Duration(max(1, len(r.processor)))
}

// spread is the least and the most of it.
func (r *row) spread() (least, most time.Duration) {
	return slices.Min(r.processor), slices.Max(r.processor)
}

// holds says whether a rate is within the bounds: at most 1 % of the payments without a decision, and p99.
func (r *row) holds(maxP99 time.Duration) bool {
	return r.answered > 0 && float64(r.due-r.answered) <= 0.01*float64(r.due) && r.ms(99) <= float64(maxP99.Microseconds())/1000
}

// measure asks a service for the payments on the schedule. What the service's processes use is counted, nobody else's.
func measure(ctx context.Context, s *service, at step, payments []payment) (*row, error) {
	if s.before != nil {
		if err := s.before(ctx, payments); err != nil {
			return nil, err
		}
	}
	warm, measured := payments[:at.unmeasured()], payments[at.unmeasured():]
	if len(warm) > 0 {
		loop(s, at.rate, warm).Run(ctx)
	}
	was, bytes, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	out := loop(s, at.rate, measured).Run(ctx)
	now, allocated, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	if out.Interrupted {
		return nil, fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	r := &row{due: int64(len(measured)), answered: out.Latency.TotalCount(), failed: out.Failed, memory: now.memory}
	if r.latency, err = ofAll(out.Latency, r.due-r.answered); err != nil {
		return nil, err
	}
	if out.Dropped > 0 {
		r.failed["not_sent"] = out.Dropped
	}
	if r.answered > 0 {
		r.processor = []time.Duration{(now.processor - was.processor) / time.Duration(r.answered)}
		if s.admin != "" {
			r.allocated = []float64{(allocated - bytes) / float64(r.answered)}
		}
	}
	return r, nil
}

// ofAll is the latency of what was answered and of what was not, which takes as long as the client waits: a service that refuses what
// it would be slow at is no faster.
func ofAll(answered *hdrhistogram.Histogram, without int64) (*hdrhistogram.Histogram, error) {
	all := hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	all.Merge(answered)
	if err := all.RecordValues(timeout.Microseconds(), without); err != nil {
		return nil, fmt.Errorf("count what was not answered: %w", err)
	}
	return all, nil
}

// look is what a service has used and allocated so far.
func (s *service) look(ctx context.Context) (u usage, allocated float64, err error) {
	if s.admin != "" {
		if allocated, err = s.allocated(context.WithoutCancel(ctx)); err != nil {
			return usage{}, 0, err
		}
	}
	u, err = s.used()
	return u, allocated, err
}

func loop(s *service, rate float64, payments []payment) *openloop.Loop {
	return &openloop.Loop{Rate: rate, Calls: len(payments), InFlight: inFlight, Call: func(ctx context.Context, i int) string {
		_, failure := s.ask(ctx, payments[i])
		return failure
	}}
}
