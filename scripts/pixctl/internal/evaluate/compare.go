package evaluate

import (
	"context"
	"fmt"
)

// compare measures the table in question and those beside it.
func compare(ctx context.Context, o options, known *truth) (*Report, error) {
	r, err := one(ctx, o.scores, o, known)
	if err != nil {
		return nil, err
	}
	for _, name := range o.beside {
		other, err := one(ctx, name, o, known)
		if err != nil {
			return nil, err
		}
		if other.Role != r.Role || other.ids != r.ids { // else a replicate would count other accounts in each
			return nil, fmt.Errorf("%s holds other payments than %s, or in another order", name, o.scores)
		}
		r.Beside = append(r.Beside, beside(r, other))
	}
	return r, nil
}

func one(ctx context.Context, name string, o options, known *truth) (*Report, error) {
	s, err := read(ctx, name, known, o.window)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r, err := measure(ctx, s, o.settings)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func beside(r, other *Report) Beside {
	b := Beside{Model: other.Model, AtFPR: other.AtFPR, AtBudget: other.AtBudget, Mules: other.Mules, curve: other.curve}
	for i := range r.drawn {
		drawn := make([]float64, len(r.drawn[i]))
		for n, v := range r.drawn[i] {
			drawn[n] = ratio(v, other.drawn[i][n])
		}
		mine, theirs := &r.AtBudget[i], &other.AtBudget[i]
		b.Ratios = append(b.Ratios, Ratio{mine.Order, ratio(mine.BRL, theirs.BRL), interval(drawn)})
	}
	return b
}
