package policy

import (
	"errors"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// errUnknown is what reading an unknown value gives; the algebra turns it into the fail outcome.
var errUnknown = errors.New("value is not known for this payment")

// activation resolves the names of one payment on demand, so that no map is built for a decision.
type activation struct {
	names    map[string]getter // of the pack, shared and read only
	tx       *pix.Transaction
	vector   []float64
	local    time.Time // of the standpoint, in America/Sao_Paulo
	payer    float64   // probabilities, NaN when the role did not score
	receiver float64
	// miscalculated is set while a rule is evaluated, when one of its calculations failed, whatever its answer is.
	miscalculated bool
}

// getter reads one name; nil means not known.
type getter func(*activation) ref.Val

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	if asked, ok := strings.CutPrefix(name, knownPrefix); ok {
		get := a.names[asked]
		return types.Bool(get != nil && get(a) != nil), true
	}
	get := a.names[name]
	if get == nil {
		return nil, false
	}
	v := get(a)
	if v == nil {
		return types.WrapErr(errUnknown), true
	}
	return v, true
}

// Parent implements cel.Activation: there is none.
func (a *activation) Parent() cel.Activation { return nil }

func (a *activation) probability(role pix.Role) ref.Val {
	if role == pix.PayerRole {
		return double(a.payer)
	}
	return double(a.receiver)
}

// hours gives the whole hours from t to the standpoint; what happened after it has no age, as pix.Age says.
func (a *activation) hours(t pix.Optional[time.Time]) ref.Val {
	at, ok := t.Get()
	if !ok {
		return nil
	}
	age, ok := pix.Age(at, a.local)
	if !ok {
		return nil
	}
	return types.Int(age / time.Hour)
}
