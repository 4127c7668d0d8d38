package policy

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// variable is one name that a rule may read. get returns nil when the value is not known for this payment: reading it
// then is an evaluation error, so that absence never passes for a value. known(name) asks first.
type variable struct {
	name string
	kind *cel.Type
	get  func(*activation) ref.Val
}

// Names with a meaning of their own.
const (
	payerProbability    = "payer_probability"
	receiverProbability = "receiver_probability"
	featurePrefix       = "feature."   // then a feature's name: double
	thresholdPrefix     = "threshold." // then the name of a threshold of the pack: double
	knownPrefix         = "known."     // what known(x) expands to
)

// variables lists every name beside features and thresholds: those that the contract of a payment gives to its facts, and
// what follows from several. Money is in centavos, local time is America/Sao_Paulo, ages are whole hours at event time,
// not known of what happened after it, and local_weekday counts from Sunday = 0 as CEL does.
func variables() []variable {
	integer, double := cel.IntType, cel.DoubleType
	all := []variable{
		{"local_hour", integer, func(a *activation) ref.Val { return types.Int(a.local.Hour()) }},
		{"local_weekday", integer, func(a *activation) ref.Val { return types.Int(a.local.Weekday()) }},
		{payerProbability, double, func(a *activation) ref.Val { return a.probability(pix.PayerRole) }},
		{receiverProbability, double, func(a *activation) ref.Val { return a.probability(pix.ReceiverRole) }},
		{"device.present", cel.BoolType, func(a *activation) ref.Val { return types.Bool(a.tx.DeviceToken.Current != "") }},
	}
	pix.Walk(pix.Contract(), func(_, _ string, f *pix.Field) {
		if f.Variable != "" {
			all = append(all, factVariable(f))
		}
	})
	return all
}

// factVariable is a fact as rules read it.
func factVariable(f *pix.Field) variable {
	switch {
	case f.Text != nil:
		return variable{f.Variable, cel.StringType, func(a *activation) ref.Val { return word(f.Text(&a.tx.Facts)) }}
	case f.Flag != nil:
		return variable{f.Variable, cel.BoolType, func(a *activation) ref.Val { return flag(f.Flag(&a.tx.Facts)) }}
	case f.Time != nil:
		return variable{f.Variable, cel.IntType, func(a *activation) ref.Val { return a.hours(f.Time(&a.tx.Facts)) }}
	case f.Span != nil:
		return variable{f.Variable, cel.IntType, func(a *activation) ref.Val {
			d, ok := f.Span(&a.tx.Facts).Get()
			if !ok {
				return nil
			}
			return types.Int(d / time.Second)
		}}
	default:
		return variable{f.Variable, cel.IntType, func(a *activation) ref.Val { return number(f.Whole(&a.tx.Facts)) }}
	}
}

// word gives a code of the domain; an empty one is not known.
func word(s string) ref.Val {
	if s == "" {
		return nil
	}
	return types.String(s)
}

func flag(o pix.Optional[bool]) ref.Val {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	return types.Bool(v)
}

func number(o pix.Optional[int64]) ref.Val {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	return types.Int(v)
}

// double gives a finite number; NaN and the infinities are not known.
func double(v float64) ref.Val {
	if !finite(v) {
		return nil
	}
	return types.Double(v)
}
