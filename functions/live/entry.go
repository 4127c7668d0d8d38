package live

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// Bounds of what is shown of one decision. A policy pack may have hundreds of rules.
const (
	mostReasons = 8
	mostRules   = 12
)

// text is one text in both languages.
type text struct {
	PT string `json:"pt"`
	EN string `json:"en"`
}

func money(m pix.Money) text { return text{m.String(), m.English()} }

func percent(p float64) text {
	pt, en := policy.Percent(p)
	return text{pt, en}
}

// entry is a decision as it is shown.
type entry struct {
	id       pix.EndToEndID
	amount   pix.Money
	expected pix.Money // -1 when it is not known
	until    time.Time // when the hold lapses; zero when it does not, or the payment was not live
	at       time.Time
	body     json.RawMessage // a shown
}

// shown is the body of an entry. Texts are rendered already, in both languages.
type shown struct {
	ID          string  `json:"id"`
	At          int64   `json:"at"` // of the decision, in milliseconds
	Outcome     string  `json:"outcome"`
	Direction   string  `json:"direction"`
	Amount      text    `json:"amount"`
	Expected    *text   `json:"expected,omitempty"`
	Chance      *text   `json:"chance,omitempty"`
	Until       int64   `json:"until,omitempty"`
	Reasons     []text  `json:"reasons"`
	Rules       []rule  `json:"rules"`
	Scores      []score `json:"scores"`
	Policy      string  `json:"policy"`
	Missing     bool    `json:"missing"`
	Provisional bool    `json:"provisional"`
	Replay      bool    `json:"replay"`
	TookMicros  int64   `json:"took_us"`
}

type rule struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
	Lifted  bool   `json:"lifted"`
	Basis   string `json:"basis"` // in both languages, as the pack gives it
}

// score is one model's answer beside the thresholds of its role.
type score struct {
	Role       string  `json:"role"`
	Version    string  `json:"version"`
	Challenger bool    `json:"challenger"`
	Outcome    string  `json:"outcome,omitempty"` // of a challenger
	Value      float64 `json:"value"`
	Chance     text    `json:"chance"`
	Limits     []limit `json:"limits"`
}

type limit struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Chance  text    `json:"chance"`
	Reached bool    `json:"reached"`
}

func newEntry(n note, serving Serving) entry {
	d := n.Decision
	e := entry{id: d.ID(), amount: d.Transaction.Amount, expected: -1, at: n.at}
	s := shown{
		ID: string(d.ID()), At: d.DecidedAt.UnixMilli(), Outcome: string(d.Outcome), Direction: string(d.Transaction.Direction),
		Amount: money(d.Transaction.Amount), Policy: d.PolicyVersion, Missing: d.FeaturesMissing, Provisional: d.Provisional,
		Replay: d.Replayed(), TookMicros: n.Took.Microseconds(), Reasons: []text{}, Rules: []rule{}, Scores: []score{},
	}
	if expected, ok := d.Expected(); ok {
		e.expected = expected
		worth, chance := money(expected), percent(d.Probability())
		s.Expected, s.Chance = &worth, &chance
	}
	if !d.HoldUntil.IsZero() && !s.Replay { // a simulated hold lapsed long ago
		e.until, s.Until = d.HoldUntil, d.HoldUntil.UnixMilli()
	}
	s.tell(d)
	if d.PolicyVersion != serving.Policy { // it was decided under another pack, with thresholds of its own
		serving.Thresholds = nil
	}
	s.Scores = append(scores(d.Scores, serving.Thresholds, false), scores(d.Shadow, serving.Thresholds, true)...)
	body, err := json.Marshal(s)
	if err != nil { // a number that is none
		body = json.RawMessage("null")
	}
	e.body = body
	return e
}

// tell takes over reasons and rules. What two models say in the same words is told once, and that a payment was not live is
// no rule to a reader.
func (s *shown) tell(d *pix.Decision) {
	for _, r := range d.Reasons {
		known := slices.ContainsFunc(s.Reasons, func(t text) bool { return t.PT == r.TextPT && t.EN == r.TextEN })
		if !known && len(s.Reasons) < mostReasons {
			s.Reasons = append(s.Reasons, text{r.TextPT, r.TextEN})
		}
	}
	for _, h := range d.RuleHits {
		if h.ID != pix.HitReplay && len(s.Rules) < mostRules {
			s.Rules = append(s.Rules, rule{h.ID, string(h.Outcome), h.Lifted, h.LegalBasis})
		}
	}
}

func scores(list []pix.Score, thresholds map[string]float64, challenger bool) []score {
	out := make([]score, 0, len(list))
	for i := range list {
		s := &list[i]
		if math.IsNaN(s.Probability) || math.IsInf(s.Probability, 0) {
			continue
		}
		shown := score{
			Role: string(s.Role), Version: s.Version, Challenger: challenger, Value: s.Probability, Chance: percent(s.Probability),
			Limits: []limit{},
		}
		if challenger {
			shown.Outcome = string(s.Outcome)
		}
		for name, value := range thresholds {
			if of, _, _ := strings.Cut(name, "_"); of == string(s.Role) {
				shown.Limits = append(shown.Limits, limit{name, value, percent(value), s.Probability >= value})
			}
		}
		slices.SortFunc(shown.Limits, func(a, b limit) int { return cmp.Compare(a.Value, b.Value) })
		out = append(out, shown)
	}
	return out
}
