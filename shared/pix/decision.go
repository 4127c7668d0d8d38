package pix

import (
	"math"
	"slices"
	"time"
)

// Lack is what there was too little of for a decision that stands. The set is closed: it is a metric's label.
type Lack string

// What a provisional decision lacked.
const (
	LackStore  Lack = "store"  // the store did not take the decision in time
	LackRoom   Lack = "room"   // too many decisions were in flight
	LackBudget Lack = "budget" // the caller gave the store next to no time
)

// Lacks lists every lack, so that metrics exist before the first.
func Lacks() []Lack { return []Lack{LackStore, LackRoom, LackBudget} }

// Decision is what Sentinela decided on one payment, with everything an auditor or a training job needs to see why.
// There is exactly one per EndToEndID: the first committed.
type Decision struct {
	Transaction     Transaction
	Outcome         Outcome
	HoldUntil       time.Time // UTC; when a REVIEW or BLOCK lapses, zero otherwise
	Reasons         []Reason  // most important first; empty for a plain approval
	RuleHits        []RuleHit
	Scores          []Score   // one per role that scored, in the order of Direction.Roles; none where FeaturesMissing
	Shadow          []Score   // challengers on the same vector, in the order of roles; they decide nothing
	Vector          []float64 // as served, in the order of the feature list; NaN is missing
	FeatureSet      string    // version of the feature list
	FeaturesMissing bool      // the store did not answer: the vector holds only what the event itself says
	Provisional     bool      // answered because the store was away, without a place, or in a caller's haste: not stored, not published, never an approval
	Published       bool      // it is known to have reached the bus; told by the store alone, neither sent nor part of the record
	Lack            Lack      // of a provisional one: what there was too little of; neither stored nor sent
	Unrecorded      bool      // whoever holds it does not know the payment's event to be written; neither stored nor sent
	Stored          []byte    // what a store wrote of it, which is sent as it is; nil where none did, and of no use to who changes it
	PolicyVersion   string
	DecidedAt       time.Time     // UTC, wall clock
	StoreLatency    time.Duration // write, read and score timings, for the audit row
	ScoreLatency    time.Duration
	TotalLatency    time.Duration
	TraceID         string
}

// ID returns the payment's EndToEndID.
func (d *Decision) ID() EndToEndID { return d.Transaction.ID }

// Replayed reports whether the payment was not live: the policy says so with every decision on one.
func (d *Decision) Replayed() bool {
	return slices.ContainsFunc(d.RuleHits, func(h RuleHit) bool { return h.ID == HitReplay })
}

// ModelVersion names every model that scored, for example "payer/1 receiver/1"; empty when none did.
func (d *Decision) ModelVersion() string {
	s := ""
	for i, sc := range d.Scores {
		if i > 0 {
			s += " "
		}
		s += string(sc.Role) + "/" + sc.Version
	}
	return s
}

// Probability is the highest of the roles that scored, NaN when none did: what a fraud desk takes for the payment's.
func (d *Decision) Probability() float64 {
	top := math.NaN()
	for i := range d.Scores {
		if p := d.Scores[i].Probability; math.IsNaN(top) || p > top {
			top = p
		}
	}
	return top
}

// Expected is the money that is lost on average if such a payment goes through, probability × amount, by which a fraud desk
// orders its alerts. It is not known of a payment without a score.
func (d *Decision) Expected() (Money, bool) {
	p := d.Probability()
	if math.IsNaN(p) {
		return 0, false
	}
	return Money(math.Round(p * float64(d.Transaction.Amount))), true
}

// Score is one model's answer.
type Score struct {
	Role        Role
	Version     string
	Raw         float64 // log-odds
	Probability float64
	Top         []Contribution // largest absolute contributions first, bounded
	Outcome     Outcome        // of a challenger: what would have been decided with its score in the champion's place
}

// LogOdds returns the probability in log-odds, which unlike Raw are calibrated and so compare across versions. They are bounded:
// a probability of exactly 0 or 1 is one in a million, not an infinity.
func (s *Score) LogOdds() float64 {
	const least = 1e-6
	p := min(max(s.Probability, least), 1-least)
	return math.Log(p / (1 - p))
}

// Contribution is one feature's share of a raw score, in log-odds.
type Contribution struct {
	Feature      string
	Value        float64 // NaN when missing
	Contribution float64
}

// Reason is one cause of a decision. Text never holds a token or a raw value.
type Reason struct {
	Code   string // a rule id or a feature name
	TextPT string
	TextEN string
}

// HitReplay is the rule that says of a decision that its payment was not live. It claims nothing.
const HitReplay = "replay"

// RuleHit records a policy rule that matched.
type RuleHit struct {
	ID         string
	Outcome    Outcome
	LegalBasis string
	Lifted     bool // the rule matched but an override lifted its outcome
}
