package score

import (
	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// operation is what a caller asks. The set is closed: it is a metric's label.
type operation string

const (
	operationDecide   operation = "decide"
	operationStanding operation = "standing"
)

// result is what a caller got: one of those below, or the kind of its problem. The set is closed: it is a metric's label.
type result string

const (
	resultOK          result = "ok"          // a decision that stands
	resultProvisional result = "provisional" // for want of a store or of room
	resultHurried     result = "hurried"     // provisional for the caller's own budget, which is no failure of ours
	resultShed        result = "shed"        // 429
	resultMethod      result = "method_not_allowed"
)

// results are those that alerts and objectives ask, which must be there before the first.
func results() []result {
	return []result{
		resultOK, resultProvisional, resultHurried, resultShed,
		result(pix.Unavailable.String()), result(pix.Timeout.String()), result(pix.Unexpected.String()),
	}
}

func resultOf(d *pix.Decision) result {
	switch {
	case !d.Provisional:
		return resultOK
	case d.Lack == pix.LackBudget:
		return resultHurried
	default:
		return resultProvisional
	}
}

func resultOfError(err error) result {
	kind := problem.Of(err).Kind
	if kind == pix.Overloaded.String() {
		return resultShed
	}
	return result(kind)
}
