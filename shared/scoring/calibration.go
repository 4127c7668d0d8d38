package scoring

import "math"

// Calibration maps a raw score to a probability: sigmoid(A·raw + B). It is monotone, so it changes no order and no
// recall; it only gives the number its meaning, for example after training on fewer legitimate payments than there are.
type Calibration struct {
	Type string  `json:"type"` // "sigmoid" (the model's own: A 1, B 0) or "platt" (fitted)
	A    float64 `json:"a"`
	B    float64 `json:"b"`
}

// Probability returns the calibrated probability of a raw score.
func (c Calibration) Probability(raw float64) float64 { return 1 / (1 + math.Exp(-(c.A*raw + c.B))) }
