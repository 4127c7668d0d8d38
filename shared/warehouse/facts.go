package warehouse

import (
	"math"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// factColumns are the facts of a payment that identify nobody and that no query filters by, as the contract lists them.
// They are stored whole, so that a payment can be replayed from its row.
func factColumns(contract []pix.Field) []column[pix.Facts] {
	var columns []column[pix.Facts]
	for i := range contract {
		f := &contract[i]
		switch {
		case f.Own || f.Column == "":
		case f.Fields != nil:
			columns = append(columns, object(f.Column, factColumns(f.Fields), func(v *pix.Facts) *pix.Facts { return v }))
		default:
			columns = append(columns, factColumn(f))
		}
	}
	return columns
}

func factColumn(f *pix.Field) column[pix.Facts] {
	switch {
	case f.Text != nil:
		return text(f.Column, f.Text)
	case f.Whole != nil:
		return optionalInteger(f.Column, f.Whole)
	case f.Flag != nil:
		return optionalBoolean(f.Column, f.Flag)
	case f.Time != nil:
		return optionalMoment(f.Column, f.Time)
	case f.Span != nil:
		return optionalInteger(f.Column, func(v *pix.Facts) pix.Optional[int64] {
			if d, ok := f.Span(v).Get(); ok {
				return pix.Some(d.Milliseconds())
			}
			return pix.Optional[int64]{}
		})
	default:
		return float(f.Column, func(v *pix.Facts) float64 {
			if x := f.Real(v); x != 0 {
				return x
			}
			return math.NaN() // absent
		})
	}
}
