package main

import "context"

// tries is how often a rate is asked that does not hold: what else this machine does for a moment is no limit of the service's.
const tries = 3

// breakingPoint finds the highest rate that a service bears, from the first rate on.
func (c *comparison) breakingPoint(ctx context.Context, s *service, payments [][]payment) error {
	found := map[float64]*row{}
	asked := 0
	rate, most, err := breaking(c.rates[0], func(rate float64) (bool, error) {
		first := asked * tries
		asked++
		for try := range tries {
			at := c.rampStep(rate)
			r, err := measure(ctx, s, at, payments[first+try][:at.payments()])
			if err != nil {
				return false, err
			}
			c.say("ramp, %s", r.brief(rate, s.name))
			if found[rate] = r; r.holds(c.maxP99) {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	if found[rate] == nil {
		c.say("%s bears no rate that was tried", s.name)
		return nil
	}
	c.broken = append(c.broken, line{rate: rate, service: s.name, breaks: true, most: most, row: found[rate]})
	return nil
}

// rampStep is one of the ramp, half as long as a round's.
func (o *options) rampStep(rate float64) step { return step{rate, o.warmup / 2, o.duration / 2} }

// rampMost is the highest rate that the ramp can ask for in its so manieth step.
func (o *options) rampMost(at int) float64 {
	return o.rates[0] * float64(int(1)<<min(at, doublings-1))
}

// rampPayments are those of each try of each step, the same for every service whatever rate the step has come to.
func (c *comparison) rampPayments() ([][]payment, error) {
	out := make([][]payment, 0, (doublings+halvings)*tries)
	for at := range doublings + halvings {
		for range tries {
			payments, err := c.source.take(c.rampStep(c.rampMost(at)).payments())
			if err != nil {
				return nil, err
			}
			out = append(out, payments)
		}
	}
	return out, nil
}

// Factors of a search for the breaking point.
const (
	doublings = 4 // from the first rate up or down
	halvings  = 3 // of the gap that is left: the point is known to within an eighth
)

// breaking looks for the highest rate that holds, from a first one on: 0 when none does. most says that every rate held.
func breaking(first float64, holds func(rate float64) (bool, error)) (rate float64, most bool, err error) {
	good, bad, at := 0.0, 0.0, first
	for range doublings {
		ok, err := holds(at)
		switch {
		case err != nil:
			return 0, false, err
		case ok && bad > 0:
			good = at
		case ok:
			good, at = at, 2*at
		case good > 0:
			bad = at
		default:
			bad, at = at, at/2
		}
		if good > 0 && bad > 0 {
			break
		}
	}
	if good == 0 || bad == 0 {
		return good, good > 0, nil
	}
	for range halvings {
		at = (good + bad) / 2
		ok, err := holds(at)
		if err != nil {
			return 0, false, err
		}
		if ok {
			good = at
		} else {
			bad = at
		}
	}
	return good, false, nil
}
