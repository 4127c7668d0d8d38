package world

import (
	"math"
	"math/rand/v2"
)

// dice draws every random number of a world, from one PCG stream.
type dice struct{ r *rand.Rand }

func newDice(seed uint64) dice {
	return dice{rand.New(rand.NewPCG(seed, 0x53656e74696e656c))}
}

// chance is true with probability p.
func (d dice) chance(p float64) bool { return d.r.Float64() < p }

// between returns a uniform integer of [lo, hi].
func (d dice) between(lo, hi int64) int64 { return lo + d.r.Int64N(hi-lo+1) }

// index returns a uniform index below n.
func (d dice) index(n int32) int32 { return d.r.Int32N(n) }

// uniform returns a uniform number of [lo, hi).
func (d dice) uniform(lo, hi float64) float64 { return lo + d.r.Float64()*(hi-lo) }

// lognormal draws around a median; sigma is the standard deviation of the logarithm.
func (d dice) lognormal(median, sigma float64) float64 {
	return median * math.Exp(sigma*d.r.NormFloat64())
}

const mostPaid = 5_000_000_00 // centavos: no amount is drawn above R$ 5 million [assumed]

// centavos draws an amount around a median in reais, at least one centavo and at most R$ 5 million.
func (d dice) centavos(medianReais, sigma float64) int64 {
	return int64(min(max(d.lognormal(medianReais*100, sigma), 1), mostPaid))
}

// minutes draws a lognormal delay in milliseconds, at least one second.
func (d dice) minutes(median, sigma float64) int64 {
	return int64(max(d.lognormal(median*minuteMs, sigma), 1000))
}

// poisson draws a count. Above 64 it uses the normal approximation, whose error is far below the noise itself.
func (d dice) poisson(mean float64) int {
	if mean <= 0 {
		return 0
	}
	if mean > 64 {
		return int(max(mean+math.Sqrt(mean)*d.r.NormFloat64()+0.5, 0))
	}
	limit, product, n := math.Exp(-mean), d.r.Float64(), 0
	for product > limit {
		product *= d.r.Float64()
		n++
	}
	return n
}

// pick draws an index in proportion to weights, which need not sum to one.
func (d dice) pick(weights []float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	x := d.r.Float64() * total
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// alias draws indexes in proportion to fixed weights in constant time (Vose's method).
type alias struct {
	keep  []float32
	other []int32
}

func newAlias(weights []float64) alias {
	n := len(weights)
	a := alias{keep: make([]float32, n), other: make([]int32, n)}
	total := 0.0
	for _, w := range weights {
		total += w
	}
	scaled := make([]float64, n)
	var small, large []int32
	for i, w := range weights {
		scaled[i] = w * float64(n) / total
		if scaled[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.keep[s], a.other[s] = float32(scaled[s]), l
		if scaled[l] -= 1 - scaled[s]; scaled[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) {
		a.keep[i], a.other[i] = 1, i
	}
	return a
}

func (a alias) draw(d dice) int32 {
	i := d.index(int32(len(a.keep)))
	if d.r.Float32() < a.keep[i] {
		return i
	}
	return a.other[i]
}

// mix is the finaliser of splitmix64, a bijection on 64 bits: distinct inputs give distinct, unrelated outputs.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
