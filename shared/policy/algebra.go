package policy

import "github.com/sentinela-pix/sentinela/shared/pix"

// Claim is one rule's wish for a payment.
type Claim struct {
	Outcome     pix.Outcome
	Overridable bool
	AskedToLift bool // an allow rule that matched names this rule
}

// Stands reports whether the claim counts: only what is overridable can be lifted.
func (c Claim) Stands() bool { return !c.AskedToLift || !c.Overridable }

// Resolve is the decision algebra: the strongest outcome among the claims that stand, each first made legal for the
// direction; APPROVE when none stands. A payment of unknown direction is never approved. Order does not matter, and one
// claim more never gives a weaker outcome.
func Resolve(d pix.Direction, claims []Claim) pix.Outcome {
	strongest := pix.Approve
	if !known(d) {
		strongest = pix.Reject
	}
	for _, c := range claims {
		if !c.Stands() {
			continue
		}
		if o := Legal(d, c.Outcome); o.Severity() > strongest.Severity() {
			strongest = o
		}
	}
	return strongest
}

// Legal returns the outcome that stands for o in a direction, never a weaker one. Only the paying institution can hold
// (REVIEW) and only the receiving one can apply the cautionary block (BLOCK): an inbound REVIEW is a BLOCK, and an
// outbound BLOCK, which Load refuses, can only be a REJECT. An internal payment knows both. What is unknown is REJECT.
func Legal(d pix.Direction, o pix.Outcome) pix.Outcome {
	switch o {
	case pix.Approve:
		return pix.Approve
	case pix.Review:
		if d == pix.Outbound || d == pix.Internal {
			return pix.Review
		}
		if d == pix.Inbound {
			return pix.Block
		}
	case pix.Block:
		if d == pix.Inbound || d == pix.Internal {
			return pix.Block
		}
	}
	return pix.Reject
}

func known(d pix.Direction) bool {
	return d == pix.Outbound || d == pix.Inbound || d == pix.Internal
}
