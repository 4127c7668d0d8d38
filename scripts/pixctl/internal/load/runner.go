package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/internal/openloop"
)

// burst is how much a burst is over the rate, and what a ramp asks of the breaking point in the end.
const burst = 3

// Bounds of a ramp.
const (
	rampDoublings = 4    // up or down, from where it begins
	rampSearch    = 3    // halvings of what lies between the last rate that held and the first that did not
	rampShed      = 0.01 // of the payments due
)

// lead is what the loops of several parts need to be set up before the first call is due.
const lead = 20 * time.Millisecond

// runner plays a profile.
type runner struct {
	*options
	target target
	report *report
	log    io.Writer
}

var errInterrupted = errors.New("interrupted")

// play fills the report. An interrupt leaves what was measured until then.
func (r *runner) play(ctx context.Context) error {
	var err error
	switch r.shape {
	case shapeBurst:
		err = r.staged(ctx, []stage{{"before", r.plan, nil}, {"burst", r.at(burst * r.rate), nil}, {"after", r.at(r.rate), nil}})
	case shapeRamp:
		err = r.ramp(ctx)
	case shapeSlow:
		err = r.beside(ctx)
	case shapeOutage:
		err = r.away(ctx)
	default:
		_, err = r.part(ctx, shapeSteady, r.target, r.plan)
	}
	if errors.Is(err, errInterrupted) {
		r.report.Interrupted = true
		return nil
	}
	return err
}

// at is the plan at another rate, without a warm-up.
func (r *runner) at(rate float64) plan {
	p := r.plan
	p.rate, p.warmup = rate, 0
	return p
}

// floor measures what the loop itself takes, and HTTP where that is asked.
func (r *runner) floor(ctx context.Context) error {
	if r.options.floor == 0 {
		return nil
	}
	var t target = nothing{}
	if r.on == onHTTP || r.url != "" {
		f, err := openIdle(ctx, r.options)
		if err != nil {
			return err
		}
		t = f
	}
	p := r.at(r.rate)
	p.duration = r.options.floor
	_, err := r.part(ctx, floorName, t, p)
	if err := errors.Join(err, t.close(context.WithoutCancel(ctx))); err != nil && !errors.Is(err, errInterrupted) {
		return fmt.Errorf("floor: %w", err)
	}
	return nil
}

// part makes the payments of one part, asks for them and reports it.
func (r *runner) part(ctx context.Context, name string, t target, p plan) (*part, error) {
	fmt.Fprintf(r.log, "load: %s: %.0f a second for %v\n", name, p.rate, p.warmup+p.duration)
	if err := t.prepare(p.calls()); err != nil {
		return nil, fmt.Errorf("make payments: %w", err)
	}
	out := p.loop(t).Run(ctx)
	measured := newPart(name, p.rate, out)
	r.report.Parts = append(r.report.Parts, measured)
	if out.Interrupted {
		return measured, errInterrupted
	}
	return measured, nil
}

// stage is a part that follows another one without a pause.
type stage struct {
	name string
	plan
	begin func() // at its first call; nil does nothing
}

// staged plays parts that follow each other at their moments, whatever the ones before have left.
func (r *runner) staged(ctx context.Context, stages []stage) error {
	total := 0
	for _, s := range stages {
		total += s.calls()
	}
	if err := r.target.prepare(total); err != nil {
		return fmt.Errorf("make payments: %w", err)
	}
	var loops sync.WaitGroup
	outcomes := make([]*openloop.Outcome, len(stages))
	first, due := 0, time.Now().Add(lead)
	for n, s := range stages {
		loop := s.loop(r.target)
		offset := first
		loop.Start = due
		loop.Call = func(ctx context.Context, i int) string {
			if i == 0 && s.begin != nil {
				s.begin()
			}
			return r.target.call(ctx, offset+i)
		}
		loops.Go(func() { outcomes[n] = loop.Run(ctx) })
		first, due = first+s.calls(), due.Add(s.warmup+s.duration)
	}
	loops.Wait()
	var err error
	for n, s := range stages {
		r.report.Parts = append(r.report.Parts, newPart(s.name, s.rate, outcomes[n]))
		if outcomes[n].Interrupted {
			err = errInterrupted
		}
	}
	return err
}

// away lets the store hang. The breaker opens within the second part and closes within the fourth.
func (r *runner) away(ctx context.Context) error {
	served, ok := r.target.(*served)
	if !ok {
		return errors.New("there is no store to take away")
	}
	hang := func(away bool) func() { return func() { served.local.outage.away.Store(away) } }
	opening, closing := r.at(r.rate), r.at(r.rate)
	opening.duration, closing.duration = time.Second, 2*time.Second
	return r.staged(ctx, []stage{
		{"before", r.plan, nil}, {"opening", opening, hang(true)}, {"away", r.at(r.rate), nil},
		{"closing", closing, hang(false)}, {"after", r.at(r.rate), nil},
	})
}

// ramp looks for the highest rate that keeps within the bounds, on a scale of factors, and asks for three times as much.
func (r *runner) ramp(ctx context.Context) error {
	if r.warmup > 0 {
		if _, err := r.part(ctx, "warm-up", r.target, plan{rate: r.rate, duration: r.warmup, inFlight: r.inFlight}); err != nil {
			return err
		}
	}
	good, bad, err := r.bracket(ctx)
	if err != nil {
		return err
	}
	for range rampSearch {
		if good == nil || bad == 0 {
			break
		}
		middle := math.Sqrt(good.Rate * bad)
		p, held, err := r.step(ctx, middle)
		switch {
		case err != nil:
			return err
		case held:
			good = p
		default:
			bad = middle
		}
	}
	if good == nil {
		return nil
	}
	over, err := r.part(ctx, "overload", r.target, r.at(burst*good.Rate))
	r.report.Breaking = newBreaking(good, over, bad == 0)
	return err
}

// step asks at a rate and says whether the bounds held. Where they did not it asks once more: what else this machine does for a
// moment is no limit of the scorer's.
func (r *runner) step(ctx context.Context, rate float64) (p *part, held bool, err error) {
	for range 2 {
		if p, err = r.part(ctx, "step", r.target, r.at(rate)); err != nil {
			return nil, false, err
		}
		if p.within(r.maxP99) {
			return p, true, nil
		}
	}
	return p, false, nil
}

// bracket returns the last rate that held, nil when none does, and the first that did not, 0 when all do.
func (r *runner) bracket(ctx context.Context) (good *part, bad float64, err error) {
	rate := r.rate
	for range rampDoublings + 1 {
		p, held, err := r.step(ctx, rate)
		if err != nil {
			return nil, 0, err
		}
		switch {
		case held && bad > 0:
			return p, bad, nil
		case held:
			good, rate = p, 2*rate
		case good != nil:
			return good, rate, nil
		default:
			bad, rate = rate, rate/2
		}
	}
	return good, bad, nil
}

// beside asks alone, then beside clients that take their time.
func (r *runner) beside(ctx context.Context) error {
	if _, err := r.part(ctx, "alone", r.target, r.plan); err != nil {
		return err
	}
	url := r.url
	if served, ok := r.target.(*served); ok {
		url = "http://" + served.listener.Addr().String()
	}
	clients, err := startSlow(ctx, url, r.slow)
	if err != nil {
		return err
	}
	_, err = r.part(ctx, "beside slow clients", r.target, r.at(r.rate))
	r.report.Slow = clients.stop()
	return err
}
