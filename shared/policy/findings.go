package policy

import (
	"slices"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// findings collects what matched one payment. The zero value is ready and costs nothing while nothing matches.
type findings struct {
	claims []finding
	lifted []int // indices of rules that allow rules ask to lift
}

// finding is a claim and where it came from.
type finding struct {
	Claim
	id         string
	rule       int // index in the pack, -1 when it is not a rule's own claim
	legalBasis string
	reason     pix.Reason
	roles      []pix.Role
	failure    bool
}

// matched notes a rule that matched, in the words that fit the payment: a claim, or what an allow rule lifts.
func (f *findings) matched(index int, r *rule, words pix.Reason) {
	if r.allows() {
		f.lifted = append(f.lifted, r.lifts...)
	}
	f.claims = append(f.claims, finding{
		Claim: Claim{Outcome: r.outcome, Overridable: r.overridable},
		id:    r.id, rule: index, legalBasis: r.legalBasis, reason: words, roles: r.roles,
	})
}

// failed notes a rule that could not be evaluated. An allow rule then lifts nothing; any other claims the fail outcome,
// which nothing lifts.
func (f *findings) failed(r *rule, outcome pix.Outcome, words pix.Reason) {
	if r.allows() {
		outcome = pix.Approve
	}
	f.missing(r.id+ErrorSuffix, outcome, words)
	f.claims[len(f.claims)-1].legalBasis = r.legalBasis
}

// missing notes something that the decision needs and does not have.
func (f *findings) missing(id string, outcome pix.Outcome, words pix.Reason) {
	f.told(id, outcome, words)
	f.claims[len(f.claims)-1].failure = true
}

// told notes a claim that no rule makes and nothing lifts.
func (f *findings) told(id string, outcome pix.Outcome, words pix.Reason) {
	words.Code = id
	f.claims = append(f.claims, finding{Claim: Claim{Outcome: outcome}, id: id, rule: -1, reason: words})
}

// verdict applies the algebra.
func (f *findings) verdict(d pix.Direction) Verdict {
	if len(f.claims) == 0 {
		return Verdict{Outcome: Resolve(d, nil)}
	}
	claims := make([]Claim, len(f.claims))
	for i := range f.claims {
		c := &f.claims[i]
		c.AskedToLift = c.rule >= 0 && slices.Contains(f.lifted, c.rule)
		c.Outcome = Legal(d, c.Outcome)
		claims[i] = c.Claim
	}
	slices.SortStableFunc(f.claims, func(a, b finding) int { return b.rank() - a.rank() })
	v := Verdict{Outcome: Resolve(d, claims), Hits: make([]pix.RuleHit, len(f.claims))}
	failureTold := false
	for i := range f.claims {
		c := &f.claims[i]
		v.Hits[i] = pix.RuleHit{ID: c.id, Outcome: c.Outcome, LegalBasis: c.legalBasis, Lifted: !c.Stands()}
		if !c.Stands() || c.Outcome == pix.Approve {
			continue
		}
		v.blame(c, &failureTold)
	}
	return v
}

// blame adds the reasons of a claim that stands. Several failures share one reason, and so do several claims on the
// score of one role: the strongest comes first and speaks for all.
func (v *Verdict) blame(c *finding, failureTold *bool) {
	if c.failure {
		if !*failureTold {
			v.Reasons = append(v.Reasons, c.reason)
		}
		*failureTold = true
		return
	}
	fresh := len(c.roles) == 0
	for _, role := range c.roles {
		if !slices.Contains(v.Roles, role) {
			v.Roles = append(v.Roles, role)
			fresh = true
		}
	}
	if fresh {
		v.Reasons = append(v.Reasons, c.reason)
	}
}

// rank orders hits: the strongest claim that stands first, lifted claims and allow rules last.
func (c *finding) rank() int {
	if !c.Stands() {
		return 0
	}
	return c.Outcome.Severity()
}
