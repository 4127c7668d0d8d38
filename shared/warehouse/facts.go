package warehouse

import (
	"strconv"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// facts are the facts of a payment that identify nobody and that no query filters by, as the contract lists them.
// They are stored whole, so that a payment can be replayed from its row.
func facts(contract []pix.Field) []member[pix.Facts] {
	var members []member[pix.Facts]
	for i := range contract {
		f := &contract[i]
		switch {
		case f.Own || f.Column == "":
		case f.Fields != nil:
			members = append(members, object(f.Column, facts(f.Fields)))
		default:
			members = append(members, member[pix.Facts]{f.Column, fact(f)})
		}
	}
	return members
}

// fact appends one fact. A real one is finite: no payment is valid with another.
func fact(f *pix.Field) func(b []byte, v *pix.Facts) []byte {
	switch {
	case f.Text != nil:
		return present(func(v *pix.Facts) (string, bool) { s := f.Text(v); return s, s != "" }, appendJSONText)
	case f.Whole != nil:
		return present(func(v *pix.Facts) (int64, bool) { return f.Whole(v).Get() }, appendWhole)
	case f.Flag != nil:
		return present(func(v *pix.Facts) (bool, bool) { return f.Flag(v).Get() }, strconv.AppendBool)
	case f.Time != nil:
		return present(func(v *pix.Facts) (time.Time, bool) { return f.Time(v).Get() }, appendTime)
	case f.Span != nil:
		return present(func(v *pix.Facts) (time.Duration, bool) { return f.Span(v).Get() }, appendSpan)
	default:
		return present(func(v *pix.Facts) (float64, bool) { x := f.Real(v); return x, x != 0 }, appendReal)
	}
}

// present appends a value where there is one.
func present[V any](get func(*pix.Facts) (V, bool), put func([]byte, V) []byte) func([]byte, *pix.Facts) []byte {
	return func(b []byte, v *pix.Facts) []byte {
		if x, ok := get(v); ok {
			return put(b, x)
		}
		return b
	}
}

func appendWhole(b []byte, n int64) []byte        { return strconv.AppendInt(b, n, 10) }
func appendSpan(b []byte, d time.Duration) []byte { return appendWhole(b, d.Milliseconds()) }
func appendReal(b []byte, x float64) []byte       { return strconv.AppendFloat(b, x, 'g', -1, 64) }

func appendTime(b []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}
