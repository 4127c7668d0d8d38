package evaluate

import (
	"context"
	"math"
	"slices"
)

// The Poisson bootstrap: in each replicate every account counts 0, 1, 2, … times, Poisson distributed with mean 1,
// drawn by hashing seed, replicate and the account's number, so that any program can draw the same.

// splitmix64 is the finaliser of Steele, Lea and Flood (2014).
func splitmix64(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// poissonSteps are the cumulated probabilities of a Poisson distribution with mean 1.
func poissonSteps() []float64 {
	steps := make([]float64, 12)
	p, sum := math.Exp(-1), 0.0
	for k := range steps {
		if k > 0 {
			p /= float64(k)
		}
		sum += p
		steps[k] = sum
	}
	return steps
}

// drawTimes fills times with how often each account counts in a replicate.
func drawTimes(times []float64, seed uint64, replicate int, steps []float64) {
	base := splitmix64(seed ^ splitmix64(uint64(replicate)))
	for account := range times {
		u := float64(splitmix64(base+uint64(account))>>11) / (1 << 53)
		k := 0
		for k < len(steps) && u >= steps[k] {
			k++
		}
		times[account] = float64(k)
	}
}

// interval returns the 2.5th and 97.5th percentile, by the nearest rank.
func interval(values []float64) Interval {
	if len(values) == 0 {
		return Interval{}
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := func(share float64) float64 {
		n := int(math.Ceil(share*float64(len(sorted)))) - 1
		return sorted[min(max(n, 0), len(sorted)-1)]
	}
	return Interval{rank(0.025), rank(0.975)}
}

// head is the part of a ranking that a false positive rate of 2 % reaches: far enough for the levels that are told,
// whatever a replicate counts.
func (s *sample) head(order []int32, t totals) []int32 {
	legit := 0.0
	for i, n := range order {
		if r := &s.rows[n]; !r.fraud {
			legit += r.weight
		}
		if legit > 0.02*t.legit && i >= 10_000 {
			return order[:i+1]
		}
	}
	return order
}

// replicates collects the figures of every replicate.
type replicates struct {
	points  [][3][]float64 // by level: recall, precision, share of R$
	budgets [][3][]float64 // by desk: precision, recall, share of R$
	mules   []float64
}

// resampler is what every replicate needs.
type resampler struct {
	s      *sample
	head   []int32
	frauds []int32   // row numbers
	legit  []float64 // weight of legitimate payments by account
	desks  []*desk
	budget float64
	mules  *muleTable
}

func newResampler(s *sample, order []int32, t totals) *resampler {
	b := &resampler{s: s, head: s.head(order, t), legit: make([]float64, len(s.accounts.list))}
	for i := range s.rows {
		if r := &s.rows[i]; r.fraud {
			b.frauds = append(b.frauds, int32(i))
		} else {
			b.legit[r.account] += r.weight
		}
	}
	return b
}

// run draws n replicates, or as many as there are before ctx ends.
func (b *resampler) run(ctx context.Context, n int, seed uint64) (replicates, error) {
	out := replicates{points: make([][3][]float64, len(fprLevels())), budgets: make([][3][]float64, len(b.desks))}
	times, steps := make([]float64, len(b.legit)), poissonSteps()
	items := make([]item, 0, len(b.head))
	for replicate := range n {
		if err := ctx.Err(); err != nil {
			return out, err //nolint:wrapcheck // the caller says what was interrupted
		}
		drawTimes(times, seed, replicate, steps)
		t := b.totals(times)
		items = items[:0]
		for _, n := range b.head {
			r := &b.s.rows[n]
			if w := r.weight * times[r.account]; w > 0 {
				items = append(items, item{r.raw, w, r.amount, r.fraud})
			}
		}
		for i, level := range fprLevels() {
			p := at(items, t, level)
			add(&out.points[i], p.Recall, p.Precision, p.BRLRecall)
		}
		for i, d := range b.desks {
			p := d.spend(b.s, b.budget, func(r *row) float64 { return times[r.account] }, t)
			add(&out.budgets[i], p.Precision, p.Recall, p.BRLRecall)
		}
		if b.mules != nil {
			_, early, _ := b.mules.measure(times)
			out.mules = append(out.mules, early)
		}
	}
	return out, nil
}

func add(lists *[3][]float64, values ...float64) {
	for i, v := range values {
		lists[i] = append(lists[i], v)
	}
}

func (b *resampler) totals(times []float64) totals {
	var t totals
	for account, w := range b.legit {
		t.legit += w * times[account]
	}
	for _, n := range b.frauds {
		r := &b.s.rows[n]
		w := r.weight * times[r.account]
		t.fraud += w
		t.fraudBRL += w * r.amount
	}
	return t
}
