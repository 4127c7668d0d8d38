package scoring

import (
	"fmt"
	"math"
)

// Calibration maps a raw score to a probability: sigmoid(A·raw + B). It is monotone, so it changes no order and no
// recall; it only gives the number its meaning, for example after training on fewer legitimate payments than there are.
type Calibration struct {
	Type string  `json:"type"` // "sigmoid" (the model's own: A 1, B 0) or "platt" (fitted)
	A    float64 `json:"a"`
	B    float64 `json:"b"`
}

// Probability returns the calibrated probability of a raw score, the same bits on every processor: policies compare it
// with thresholds.
func (c Calibration) Probability(raw float64) float64 {
	return 1 / (1 + exp(-(float64(c.A*raw) + c.B)))
}

// exp is math.Exp within an ulp or two. That one is assembly of its own on amd64 and on arm64; here float64 of a product
// also keeps the compiler from fusing it with a sum where the processor could.
func exp(x float64) float64 {
	const most = 745.2 // beyond it e^−x is 0
	const log2e, ln2High, ln2Low = 1.4426950408889634, 0x1.62e42feep-1, 0x1.a39ef35793c76p-33
	switch {
	case x > most:
		return math.Inf(1)
	case x < -most:
		return 0
	}
	k := math.Floor(float64(x*log2e) + 0.5)
	r := (x - float64(k*ln2High)) - float64(k*ln2Low)
	sum := 0.0
	for _, inverse := range [...]float64{ // of the factorials from 13 down
		1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
		1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1, 1,
	} {
		sum = float64(sum*r) + inverse
	}
	return math.Ldexp(sum, int(k))
}

// check wants a rising map with finite coefficients. A slope far from 1 or a shift beyond e^±50 is a broken fit.
func (c Calibration) check() error {
	switch c.Type {
	case "sigmoid":
		if c.A != 1 || c.B != 0 {
			return fmt.Errorf("calibration \"sigmoid\" has a %g and b %g, expected 1 and 0", c.A, c.B)
		}
	case "platt":
		if !(c.A >= 1e-3 && c.A <= 1e3) || !(math.Abs(c.B) <= 50) {
			return fmt.Errorf("calibration has a %g and b %g: not a rising map within bounds", c.A, c.B)
		}
	default:
		return fmt.Errorf("calibration %q is unknown", clip(c.Type))
	}
	return nil
}
