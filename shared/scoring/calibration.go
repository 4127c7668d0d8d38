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

// Probability returns the calibrated probability of a raw score.
func (c Calibration) Probability(raw float64) float64 { return 1 / (1 + math.Exp(-(c.A*raw + c.B))) }

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
