package pix_test

import (
	"math"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestExpected: the highest probability times the amount, to the centavo, and nothing where no model scored.
func TestExpected(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		scores []float64
		amount pix.Money
		want   pix.Money
		known  bool
	}{
		"no score":              {nil, 100, 0, false},
		"one that is no number": {[]float64{math.NaN()}, 100, 0, false},
		"the higher of two":     {[]float64{0.1, 0.5}, 100, 50, true},
		"whatever their order":  {[]float64{0.5, 0.1}, 100, 50, true},
		"a number beside none":  {[]float64{math.NaN(), 0.3}, 1000, 300, true},
		"rounded":               {[]float64{0.005}, 199, 1, true},
		"nothing":               {[]float64{0}, 199, 0, true},
		"the most that can be":  {[]float64{1}, pix.MaxAmount, pix.MaxAmount, true},
	}
	for name, c := range cases {
		d := pix.Decision{Transaction: pix.Transaction{Facts: pix.Facts{Amount: c.amount}}}
		for _, p := range c.scores {
			d.Scores = append(d.Scores, pix.Score{Probability: p})
		}
		if got, known := d.Expected(); got != c.want || known != c.known {
			t.Errorf("%s: %d, %v, want %d, %v", name, got, known, c.want, c.known)
		}
	}
}
