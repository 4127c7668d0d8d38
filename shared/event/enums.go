package event

import (
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// The domain's codes are the names of the enum values without the prefix that proto style asks for, so one rule
// converts all enums and a test proves that every code has its value.

// notRecognised stands for an enum number that this release does not know. It is in none of the domain's closed sets,
// so validation refuses it under the field's name. Writing it, as in a decision made by a newer release, gives absent.
const notRecognised = "NOT_RECOGNISED"

const notKnownValue = "not one of the known values"

// toCode converts an enum number; 0 is absent.
func toCode[T ~string](names map[int32]string, prefix string, n int32) T {
	if n == 0 {
		return ""
	}
	name, ok := names[n]
	if !ok {
		return notRecognised
	}
	return T(name[len(prefix):])
}

// enums converts codes to numbers and notes those that have none.
type enums struct{ problems pix.Problems }

func (e *enums) number(values map[string]int32, prefix, code, field string) int32 {
	if code == "" || code == notRecognised {
		return 0
	}
	n, ok := values[prefix+code]
	if !ok || n == 0 {
		e.problems.Add(field, notKnownValue)
	}
	return n
}

func (e *enums) direction(d pix.Direction) pixv1.Direction {
	return pixv1.Direction(e.number(pixv1.Direction_value, directionPrefix, string(d), "direction"))
}

// Prefixes of the enum values.
const (
	directionPrefix    = "DIRECTION_"
	initiationPrefix   = "INITIATION_"
	purposePrefix      = "PURPOSE_"
	priorityPrefix     = "PRIORITY_"
	serviceLevelPrefix = "SERVICE_LEVEL_"
	accountTypePrefix  = "ACCOUNT_TYPE_"
	personPrefix       = "PERSON_"
	keyKindPrefix      = "KEY_KIND_"
	outcomePrefix      = "OUTCOME_"
	rolePrefix         = "ROLE_"
	labelSourcePrefix  = "LABEL_SOURCE_"
	statePrefix        = "PAYMENT_STATE_"
)
