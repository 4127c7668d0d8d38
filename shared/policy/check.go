package policy

import (
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// checks collects every problem of a pack. Messages name the place, never a value.
type checks struct{ problems []error }

func (c *checks) require(ok bool, format string, args ...any) {
	if !ok {
		c.problems = append(c.problems, fmt.Errorf(format, args...))
	}
}

// text requires a bounded, non-empty text.
func (c *checks) text(s, format string, args ...any) {
	ok := s != "" && len(s) <= maxText && utf8.ValidString(s)
	c.require(ok, format+": must be 1 to %d bytes of text", append(args, maxText)...)
}

// check finds what is wrong with the form of a pack; compiling finds the rest.
func (f *packFile) check(featureNames []string) []error {
	var c checks
	c.require(regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,63}$`).MatchString(f.Version), "version: must be [a-z0-9.-], at most 64")
	name := regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	for i, n := range featureNames {
		c.require(name.MatchString(n) && !slices.Contains(featureNames[:i], n), "feature %d: not a name, or there twice", i)
	}
	c.require(len(f.Thresholds) <= maxThresholds, "thresholds: more than %d", maxThresholds)
	for n, v := range f.Thresholds {
		c.require(name.MatchString(n), "threshold %q: not a name", n)
		c.require(v > 0 && v <= 1, "threshold %s: must be a probability above 0 and at most 1", n)
	}
	c.fail("fail", &f.Fail)
	c.fail("fail_features_missing", &f.NoFeatures)
	c.holds(f.Holds)
	c.rules(f.Rules)
	return c.problems
}

func (c *checks) fail(place string, f *failFile) {
	for d, o := range map[pix.Direction]pix.Outcome{pix.Outbound: f.Outbound, pix.Inbound: f.Inbound, pix.Internal: f.Internal} {
		c.require(isOutcome(o) && o != pix.Approve && Legal(d, o) == o, "%s.%s: %s is not an outcome that fails closed there", place, d, o)
	}
	c.text(f.ReasonPT, "%s.reason_pt", place)
	c.text(f.ReasonEN, "%s.reason_en", place)
}

func (c *checks) holds(holds []holdFile) {
	c.require(len(holds) > 0 && len(holds) <= maxHolds, "holds: must be 1 to %d", maxHolds)
	last := day(0)
	for i, h := range holds {
		from, err := parseDay(h.EffectiveFrom)
		c.require(err == nil && from > last, "holds[%d].effective_from: must be a day after the entry before", i)
		last = from
		c.require(h.DayFromHour >= 0 && h.DayFromHour < h.DayToHour && h.DayToHour <= 24, "holds[%d]: day hours must satisfy 0 <= from < to <= 24", i)
		for field, minutes := range map[string]int{"day_minutes": h.DayMinutes, "night_minutes": h.NightMinutes, "block_hours": h.BlockHours * 60} {
			c.require(minutes > 0 && minutes <= maxHoldHours*60, "holds[%d].%s: must be above 0 and at most %d hours", i, field, maxHoldHours)
		}
		c.provenance(h.LegalBasis, h.Source, h.Confidence, fmt.Sprintf("holds[%d]", i))
	}
}

func (c *checks) provenance(basis, source string, confidence Confidence, place string) {
	c.text(basis, "%s.legal_basis", place)
	c.text(source, "%s.source", place)
	c.require(slices.Contains([]Confidence{FromSpec, FromSecondHand, OurOwn}, confidence), "%s.confidence: must be spec, second-hand or own", place)
}

func (c *checks) rules(rules []ruleFile) {
	c.require(len(rules) > 0 && len(rules) <= maxRules, "rules: must be 1 to %d", maxRules)
	id := regexp.MustCompile(`^[a-z][a-z0-9-]{2,63}$`)
	byID := map[string]*ruleFile{}
	for i := range rules {
		r := &rules[i]
		c.require(id.MatchString(r.ID) && byID[r.ID] == nil, "rules[%d].id: must be [a-z0-9-], 3 to 64, and there once", i)
		byID[r.ID] = r
	}
	for i := range rules {
		c.rule(&rules[i], fmt.Sprintf("rules[%d]", i))
		for _, lifted := range rules[i].Lifts {
			target := byID[lifted]
			c.require(target != nil && target.Overridable, "rules[%d].lifts: names a rule that does not exist or is not overridable", i)
		}
	}
}

func (c *checks) rule(r *ruleFile, place string) {
	c.text(r.Description, "%s.description", place)
	c.provenance(r.LegalBasis, r.Source, r.Confidence, place)
	c.text(r.ReasonPT, "%s.reason_pt", place)
	c.text(r.ReasonEN, "%s.reason_en", place)
	c.require(r.When != "", "%s.when: missing", place)
	c.require(isOutcome(r.Outcome), "%s.outcome: must be APPROVE, REVIEW, BLOCK or REJECT", place)
	c.require((r.Outcome == pix.Approve) == (len(r.Lifts) > 0), "%s: an APPROVE rule needs lifts, and only it may have them", place)
	c.require(r.Outcome != pix.Approve || !r.Overridable, "%s.overridable: nothing lifts an APPROVE rule", place)
	c.require(len(r.Directions) > 0, "%s.directions: missing", place)
	for i, d := range r.Directions {
		c.require(known(d) && !slices.Contains(r.Directions[:i], d), "%s.directions[%d]: unknown, or there twice", place, i)
		c.require(r.Outcome != pix.Block || d != pix.Outbound, "%s: a paying institution cannot BLOCK; use REVIEW", place)
	}
}

// isOutcome reports whether o is one of the four.
func isOutcome(o pix.Outcome) bool {
	return slices.Contains([]pix.Outcome{pix.Approve, pix.Review, pix.Block, pix.Reject}, o)
}
