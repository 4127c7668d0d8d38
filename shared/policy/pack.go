package policy

import (
	_ "embed" // the shipped pack
	"maps"
	"math"
	"slices"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

//go:embed packs/pix.yaml
var shipped []byte

// Shipped returns the pack that this release ships, packs/pix.yaml.
func Shipped() []byte { return slices.Clone(shipped) }

// Ids of the hits that do not come from a rule. A rule that could not be evaluated hits as its id with ErrorSuffix.
const (
	HitPayerScore    = "missing/payer-score"
	HitReceiverScore = "missing/receiver-score"
	HitFeatures      = "missing/features"
	HitLate          = "late_event"  // the payment came long after the time that it states
	HitAhead         = "dated_ahead" // the payment came well before the time that it states
	HitBlockOver     = "block_over"  // the payment was sent so long ago that no block can hold it
	ErrorSuffix      = "/error"
)

// Pack is a loaded policy. It never changes and is safe for concurrent use.
type Pack struct {
	version string
	rules   []rule
	// thresholds are the pack's own, by name.
	thresholds map[string]float64
	fail       failMode // of a score that is missing and a rule that cannot be evaluated
	// noFeatures is the fail mode of a store that did not answer.
	noFeatures failMode
	holds      []hold // by day of effect
	names      map[string]getter
	width      int // of a vector
	zone       *time.Location
}

// failMode is what the pack claims where a dependency gave no answer.
type failMode struct {
	outcomes map[pix.Direction]pix.Outcome
	words    pix.Reason // the code is the hit's
}

// outcome gives the claim for a direction. A direction that the pack does not know is rejected.
func (f *failMode) outcome(d pix.Direction) pix.Outcome {
	if o, ok := f.outcomes[d]; ok {
		return o
	}
	return pix.Reject
}

// rule is one compiled rule.
type rule struct {
	id            string
	legalBasis    string
	from, to      day // both inclusive
	directions    []pix.Direction
	when          cel.Program
	outcome       pix.Outcome
	overridable   bool
	lifts         []int // indices of rules, of an allow rule only
	reason        pix.Reason
	roles         []pix.Role // whose probability it reads
	usesHistories bool       // it reads a feature or a probability
}

// hold is how long a payment may be held, from a day on.
type hold struct {
	from           day
	dayFrom, dayTo int // local hours [from, to)
	byDay, byNight time.Duration
	block          time.Duration
}

// Input is everything the policy may look at.
type Input struct {
	Tx              *pix.Transaction
	Scores          []pix.Score // of the roles that scored
	Vector          []float64   // in the order of the feature names given to Load
	FeaturesMissing bool        // the store did not answer: the scores, computed without histories, count for nothing
	Moments
}

// Verdict is what the policy says of one payment.
type Verdict struct {
	Outcome   pix.Outcome
	HoldUntil time.Time     // UTC; zero for APPROVE and REJECT
	Hits      []pix.RuleHit // every rule that matched, strongest first; see ErrorSuffix
	Reasons   []pix.Reason  // of the claims that stand, strongest first
	Roles     []pix.Role    // whose score speaks against the payment
}

// Version names the pack: the version written in it and the first twelve hex digits of its SHA-256.
func (p *Pack) Version() string { return p.version }

// Thresholds are the probabilities that the pack's rules compare scores with, by name. The map is the caller's.
func (p *Pack) Thresholds() map[string]float64 { return maps.Clone(p.thresholds) }

// Decide applies the pack to one payment. It never fails: what it cannot know claims the pack's fail outcome.
func (p *Pack) Decide(in Input) Verdict {
	first, second := p.standpoints(&in)
	v := p.decideFrom(&in, first)
	if second != first {
		if w := p.decideFrom(&in, second); w.Outcome.Severity() > v.Outcome.Severity() {
			v = w
		}
	}
	v.HoldUntil = p.holdUntil(v.Outcome, &in)
	return v
}

// decideFrom applies the pack from one standpoint.
func (p *Pack) decideFrom(in *Input, from standpoint) Verdict {
	tx := in.Tx
	a := activation{
		names: p.names, tx: tx, vector: in.Vector, local: from.local,
		payer: probabilityOf(in.Scores, pix.PayerRole), receiver: probabilityOf(in.Scores, pix.ReceiverRole),
	}
	blind := in.FeaturesMissing || len(in.Vector) != p.width
	if blind {
		a.payer, a.receiver = math.NaN(), math.NaN()
	}
	var found findings
	p.failures(&found, &a, blind)
	found.moments(&in.Moments)
	for i := range p.rules {
		r := &p.rules[i]
		if !r.inForce(from.today, tx.Direction) {
			continue
		}
		matched, known := r.matches(&a)
		// What a blind rule would have read is missing, which is claimed already; that it miscalculated is not.
		if !known && (a.miscalculated || !blind || !r.usesHistories) {
			found.failed(r, p.fail.outcome(tx.Direction), p.fail.words)
		}
		if matched && (known || !r.allows()) {
			found.matched(i, r, a.told(r.reason))
		}
	}
	v := found.verdict(tx.Direction)
	if v.Outcome == pix.Block && in.live() && !p.holdUntil(pix.Block, in).After(in.DecidedAt) {
		found.told(HitBlockOver, pix.Reject, blockOverWords())
		v = found.verdict(tx.Direction)
	}
	return v
}

// failures claims the fail outcome for each answer that the decision needs and does not have.
func (p *Pack) failures(found *findings, a *activation, blind bool) {
	if blind {
		found.missing(HitFeatures, p.noFeatures.outcome(a.tx.Direction), p.noFeatures.words)
		return
	}
	for _, role := range a.tx.Direction.Roles() {
		if a.probability(role) == nil {
			found.missing(scoreHit(role), p.fail.outcome(a.tx.Direction), p.fail.words)
		}
	}
}

func scoreHit(role pix.Role) string {
	if role == pix.PayerRole {
		return HitPayerScore
	}
	return HitReceiverScore
}

// holdFor returns how long the outcome may last from a local moment on. Without an entry in force yet, the earliest one
// serves.
func (p *Pack) holdFor(o pix.Outcome, local time.Time) time.Duration {
	h := p.holds[0]
	for _, later := range p.holds[1:] {
		if later.from <= dayOf(local) {
			h = later
		}
	}
	switch o {
	case pix.Review:
		if hour := local.Hour(); hour >= h.dayFrom && hour < h.dayTo {
			return h.byDay
		}
		return h.byNight
	case pix.Block:
		return h.block
	default:
		return 0
	}
}

// inForce reports whether the rule applies on a local day to a direction.
func (r *rule) inForce(today day, d pix.Direction) bool {
	return r.from <= today && today <= r.to && slices.Contains(r.directions, d)
}

// matches evaluates the rule, if it can be known whether it matches. Why it cannot is not told: CEL's errors quote values.
// A rule that miscalculated is not known. It can match all the same, by what || has beside the calculation: then its own
// claim stands beside the failure, so that a division by zero never softens a refusal, and an allow rule lifts nothing.
func (r *rule) matches(a *activation) (matched, known bool) {
	a.miscalculated = false
	out, _, err := r.when.Eval(a)
	if err != nil {
		return false, false
	}
	answer, ok := out.(types.Bool)
	return bool(answer), ok && !a.miscalculated
}

// allows reports whether the rule only lifts others.
func (r *rule) allows() bool { return r.outcome == pix.Approve }

// probabilityOf returns the probability of a role, NaN when it did not score or the number is none. Of several scores
// of a role the highest counts.
func probabilityOf(scores []pix.Score, role pix.Role) float64 {
	best := math.NaN()
	for i := range scores {
		p := scores[i].Probability
		if scores[i].Role != role || !(p >= 0 && p <= 1) {
			continue
		}
		if !(best >= p) {
			best = p
		}
	}
	return best
}
