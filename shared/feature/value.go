package feature

import (
	"math"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// fromPayer computes from the payer's history: NaN when it is not known.
func fromPayer(v func(*frame) float64) func(*frame) float64 {
	return func(f *frame) float64 {
		if !f.known || f.tx.Payer.Account.Current == "" {
			return math.NaN()
		}
		return v(f)
	}
}

// fromPayee computes from the payee's history: NaN when it is not known.
func fromPayee(v func(*frame) float64) func(*frame) float64 {
	return func(f *frame) float64 {
		if !f.known || f.tx.Payee.Account.Current == "" {
			return math.NaN()
		}
		return v(f)
	}
}

// fromPair computes from both histories: NaN when one is not known.
func fromPair(v func(*frame) float64) func(*frame) float64 { return fromPayer(fromPayee(v)) }

// fromDevice computes from the device's history: NaN when it is not known or the payment names no device.
func fromDevice(v func(*frame) float64) func(*frame) float64 {
	return func(f *frame) float64 {
		if !f.device {
			return math.NaN()
		}
		return v(f)
	}
}

// truth writes true as 1 and false as 0.
func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// optionalFlag turns an optional truth into a number, absent into NaN.
func optionalFlag(o pix.Optional[bool]) float64 {
	if b, ok := o.Get(); ok {
		return truth(b)
	}
	return math.NaN()
}

// optionalCount turns an optional count into a number, absent into NaN.
func optionalCount(o pix.Optional[int64]) float64 {
	if n, ok := o.Get(); ok {
		return float64(n)
	}
	return math.NaN()
}

// since is the time from an optional moment to the payment, in units; NaN when absent or the Unix epoch, which DICT
// writes for no data. A moment after the payment is zero within the skew of clocks, and beyond it NaN: pix.Age says why.
func since(f *frame, o pix.Optional[time.Time], unit int64) float64 {
	t, ok := o.Get()
	if !ok || t.UnixMilli() <= 0 || t.UnixMilli()-f.moment.at > pix.MaxClockSkew.Milliseconds() {
		return math.NaN()
	}
	return sinceMilli(f, t.UnixMilli(), unit)
}

// sinceMilli is the time from something that the payment sees.
func sinceMilli(f *frame, at, unit int64) float64 {
	return float64(max(f.moment.at-at, 0)) / float64(unit)
}

// sinceLast is the time since the newest event of streams, NaN when there is none.
func sinceLast(f *frame, unit int64, streams ...*stream) float64 {
	last := int64(0)
	for _, s := range streams {
		last = max(last, s.last)
	}
	if last == 0 {
		return math.NaN()
	}
	return sinceMilli(f, last, unit)
}

// ratio is a/b, NaN when b is not positive.
func ratio(a, b float64) float64 {
	if !(b > 0) {
		return math.NaN()
	}
	return a / b
}

// moneyRatio is a/b of two amounts, NaN when b is absent or not positive.
func moneyRatio(a pix.Money, b pix.Optional[pix.Money]) float64 {
	m, ok := b.Get()
	if !ok {
		return math.NaN()
	}
	return ratio(float64(a), float64(m))
}

// unlessBusy computes what needs the devices of the payer: NaN when it paid so often that it is served in tiles.
func unlessBusy(v func(*frame) float64) func(*frame) float64 {
	return func(f *frame) float64 {
		if !f.devices.known {
			return math.NaN()
		}
		return v(f)
	}
}
