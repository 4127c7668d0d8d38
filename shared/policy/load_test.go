package policy_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// head is a pack without rules.
const head = `
version: test.1
thresholds: {}
fail: {OUTBOUND: REVIEW, INBOUND: BLOCK, INTERNAL: REJECT, reason_pt: a, reason_en: b}
fail_features_missing: {OUTBOUND: REJECT, INBOUND: REJECT, INTERNAL: BLOCK, reason_pt: c, reason_en: d}
holds:
  - {effective_from: 2020-01-01, legal_basis: x, source: x, confidence: own, day_from_hour: 6, day_to_hour: 20,
     day_minutes: 30, night_minutes: 60, block_hours: 72}
  - {effective_from: 2026-01-01, legal_basis: x, source: x, confidence: own, day_from_hour: 8, day_to_hour: 20,
     day_minutes: 10, night_minutes: 20, block_hours: 24}
rules:
`

// ruleYAML is one rule on one line; fields given later in extra are added.
func ruleYAML(id, when, outcome, extra string) string {
	return `  - {id: ` + id + `, description: d, legal_basis: l, source: s, confidence: own, effective_from: 2020-01-01,
     directions: [OUTBOUND, INTERNAL], reason_pt: p, reason_en: e, outcome: ` + outcome + `, when: '` + when + `'` + extra + "}\n"
}

func load(tb testing.TB, yaml string) *policy.Pack {
	tb.Helper()
	p, err := policy.Load([]byte(yaml), testFeatures)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	good := head + ruleYAML("rule-a", "amount_centavos > 1", "REVIEW", ", overridable: true")
	load(t, good)
	replace := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in the good pack", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	with := func(when string) string { return head + ruleYAML("rule-a", when, "REVIEW", "") }
	tests := map[string]struct{ pack, want string }{
		"empty":                       {"", "yaml"},
		"not yaml":                    {"version: [", "yaml"},
		"unknown field":               {replace("version:", "edition: 1\nversion:"), "edition"},
		"misspelt field of a rule":    {replace("overridable:", "overridible:"), "overridible"},
		"field twice":                 {replace("version:", "version: a\nversion:"), "already defined"},
		"two documents":               {good + "---\nversion: b\n", "more than one document"},
		"no version":                  {replace("test.1", "''"), "version"},
		"no rules":                    {head, "rules"},
		"rule twice":                  {good + ruleYAML("rule-a", "true", "REVIEW", ""), "rules[1].id"},
		"bad id":                      {replace("rule-a", "Rule/error"), "rules[0].id"},
		"no legal basis":              {replace("legal_basis: l,", ""), "rules[0].legal_basis"},
		"no source":                   {replace("source: s,", ""), "rules[0].source"},
		"confidence of no kind":       {replace("source: s, confidence: own", "source: s, confidence: sure"), "rules[0].confidence"},
		"no reason":                   {replace("reason_pt: p,", ""), "rules[0].reason_pt"},
		"no direction":                {replace("[OUTBOUND, INTERNAL]", "[]"), "directions"},
		"direction twice":             {replace("[OUTBOUND, INTERNAL]", "[OUTBOUND, OUTBOUND]"), "directions[1]"},
		"unknown direction":           {replace("[OUTBOUND, INTERNAL]", "[SIDEWAYS]"), "directions[0]"},
		"unknown outcome":             {replace("outcome: REVIEW", "outcome: HOLD"), "outcome"},
		"outbound block":              {replace("outcome: REVIEW", "outcome: BLOCK"), "cannot BLOCK"},
		"no first day":                {replace("confidence: own, effective_from: 2020-01-01,\n     directions", "confidence: own,\n     directions"), "effective_from"},
		"bad day":                     {replace("confidence: own, effective_from: 2020-01-01,\n     directions", "confidence: own, effective_from: 2020-02-30,\n     directions"), "effective_from"},
		"ends before it starts":       {replace("overridable: true", "effective_to: 2019-12-31"), "before effective_from"},
		"allow that lifts nothing":    {replace("outcome: REVIEW", "outcome: APPROVE"), "needs lifts"},
		"a review with lifts":         {replace("overridable: true", "lifts: [rule-a]"), "only it may have them"},
		"allow lifts the unknown":     {good + ruleYAML("allow", "true", "APPROVE", ", lifts: [rule-b]"), "rules[1].lifts"},
		"allow lifts what is firm":    {with("true") + ruleYAML("allow", "true", "APPROVE", ", lifts: [rule-a]"), "rules[1].lifts"},
		"allow lifts itself":          {good + ruleYAML("allow", "true", "APPROVE", ", lifts: [allow]"), "rules[1].lifts"},
		"overridable allow":           {good + ruleYAML("allow", "true", "APPROVE", ", overridable: true, lifts: [rule-a]"), "overridable"},
		"fail mode approves":          {replace("OUTBOUND: REVIEW", "OUTBOUND: APPROVE"), "fail.OUTBOUND"},
		"fail mode missing":           {replace("INBOUND: BLOCK,", ""), "fail.INBOUND"},
		"fail mode not legal":         {replace("INBOUND: BLOCK", "INBOUND: REVIEW"), "fail.INBOUND"},
		"no mode without features":    {replace("fail_features_missing: {OUTBOUND: REJECT, INBOUND: REJECT, INTERNAL: BLOCK, reason_pt: c, reason_en: d}\n", ""), "fail_features_missing.OUTBOUND"},
		"approves without features":   {replace("INTERNAL: BLOCK", "INTERNAL: APPROVE"), "fail_features_missing.INTERNAL"},
		"no words without features":   {replace("reason_en: d", "reason_en: ''"), "fail_features_missing.reason_en"},
		"hold of a year":              {replace("day_minutes: 30", "day_minutes: 525600"), "day_minutes"},
		"hold of nothing":             {replace("block_hours: 72", "block_hours: 0"), "block_hours"},
		"holds out of order":          {replace("effective_from: 2026-01-01", "effective_from: 2019-01-01"), "holds[1].effective_from"},
		"a day that ends before":      {replace("day_from_hour: 6", "day_from_hour: 21"), "holds[0]"},
		"threshold above one":         {replace("thresholds: {}", "thresholds: {a: 1.1}"), "threshold a"},
		"threshold NaN":               {replace("thresholds: {}", "thresholds: {a: .nan}"), "threshold a"},
		"threshold that nobody reads": {replace("thresholds: {}", "thresholds: {a: 0.5}"), "no rule reads it"},
		"unknown variable":            {with("amount > 1"), "undeclared reference"},
		"unknown field of a variable": {with(`payer.name == ""`), "undeclared reference"},
		"unknown feature":             {with("feature.nonsense > 1.0"), "undeclared reference"},
		"unknown threshold":           {with("payer_probability > threshold.nonsense"), "undeclared reference"},
		"known of the unknown":        {with("known(payer.name)"), "undeclared reference"},
		"known of an expression":      {with("known(1 + 1)"), "known()"},
		"wrong type":                  {with("amount_centavos > 1.5"), "no matching overload"},
		"not a bool":                  {with("amount_centavos"), "not bool"},
		"syntax":                      {with("amount_centavos >"), "Syntax error"},
		"comprehension":               {with("[1, 2].all(x, x > amount_centavos)"), "undeclared reference"},
		"too long":                    {with("amount_centavos > 1" + strings.Repeat(" || amount_centavos > 1", 100)), "when"},
		"too deep":                    {with(strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100)), "when"},
		"too dear":                    {with(`(` + strings.Repeat(`direction + `, 60) + `direction).matches(".*a.*b.*c.*")`), "when"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := policy.Load([]byte(tc.pack), testFeatures)
			if err == nil {
				t.Fatal("loaded")
			}
			if pix.KindOf(err) != pix.Invalid || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("kind %v: %v; want %q in it", pix.KindOf(err), err, tc.want)
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		_, err := policy.Load(bytes.Repeat([]byte("#"), policy.MaxPackBytes+1), testFeatures)
		if pix.KindOf(err) != pix.TooLarge {
			t.Errorf("kind %v: %v", pix.KindOf(err), err)
		}
	})
	t.Run("feature there twice", func(t *testing.T) {
		t.Parallel()
		if _, err := policy.Load([]byte(good), []string{"a", "a"}); pix.KindOf(err) != pix.Invalid {
			t.Errorf("kind %v: %v", pix.KindOf(err), err)
		}
	})
}

func TestLoadReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := policy.Load([]byte(head+ruleYAML("rule-a", "nope", "REVIEW", "")+ruleYAML("rule-b", "nada", "REVIEW", "")), testFeatures)
	if err == nil || !strings.Contains(err.Error(), "rule-a") || !strings.Contains(err.Error(), "rule-b") {
		t.Errorf("one of two problems is missing: %v", err)
	}
}

func TestEffectiveDaysAreInclusiveAndLocal(t *testing.T) {
	t.Parallel()
	pack := load(t, head+ruleYAML("rule-a", "true", "REVIEW", ", effective_to: 2026-06-10")+
		ruleYAML("rule-b", "false", "REVIEW", ""))
	for when, want := range map[string]pix.Outcome{
		"2019-12-31 23:59:59.999": pix.Approve, "2020-01-01 00:00:00.000": pix.Review,
		"2026-06-10 23:59:59.999": pix.Review, "2026-06-11 00:00:00.000": pix.Approve,
	} {
		in := noon(t, pix.Outbound)
		in.Tx.EventTime = local(t, when)
		if v := pack.Decide(in); v.Outcome != want {
			t.Errorf("%s: %s, want %s", when, v.Outcome, want)
		}
	}
}

func TestHoldsAreDated(t *testing.T) {
	t.Parallel()
	pack := load(t, head+ruleYAML("rule-a", "true", "REVIEW", ""))
	for when, want := range map[string]time.Duration{
		"2019-06-01 07:00:00.000": 30 * time.Minute, // before the first entry: the first serves
		"2025-12-31 07:00:00.000": 30 * time.Minute, "2026-01-01 07:00:00.000": 20 * time.Minute,
		"2026-01-01 08:00:00.000": 10 * time.Minute,
	} {
		in := noon(t, pix.Outbound)
		in.Tx.EventTime = local(t, when)
		// The rule starts in 2020; before that a missing score holds.
		in.Scores = nil
		if v := pack.Decide(in); hold(in, v) != want {
			t.Errorf("%s: %v, want %v", when, hold(in, v), want)
		}
	}
}

// TestUnevaluableRuleFailsClosed: every kind of rule that cannot be evaluated claims the fail outcome, an allow lifts
// nothing, and all of it shows.
func TestUnevaluableRuleFailsClosed(t *testing.T) {
	t.Parallel()
	pack := load(t, head+
		ruleYAML("divides", "1 / (amount_centavos - amount_centavos) > 0", "REJECT", "")+
		ruleYAML("reads-nan", "feature.amount_brl > 5.0", "REVIEW", ", overridable: true")+
		ruleYAML("allows", "feature.amount_brl < 5.0", "APPROVE", ", lifts: [reads-nan]"))
	in := noon(t, pix.Outbound)
	in.Vector[0] = math.NaN()
	v := pack.Decide(in)
	want := []pix.RuleHit{
		{ID: "divides/error", Outcome: pix.Review, LegalBasis: "l"}, {ID: "reads-nan/error", Outcome: pix.Review, LegalBasis: "l"},
		{ID: "allows/error", Outcome: pix.Approve, LegalBasis: "l"},
	}
	if diff := cmp.Diff(want, v.Hits); diff != "" || v.Outcome != pix.Review {
		t.Errorf("%s, hits (-want +got):\n%s", v.Outcome, diff)
	}
	if len(v.Reasons) != 1 || v.Reasons[0].TextPT != "a" {
		t.Errorf("reasons %v, want the pack's words once", v.Reasons)
	}
}

func TestLiftedHitsShow(t *testing.T) {
	t.Parallel()
	pack := load(t, head+ruleYAML("rule-a", "true", "REJECT", ", overridable: true")+
		ruleYAML("allows", "amount_centavos < 20000", "APPROVE", ", lifts: [rule-a]"))
	in := noon(t, pix.Outbound)
	v := pack.Decide(in)
	want := []pix.RuleHit{{ID: "rule-a", Outcome: pix.Reject, LegalBasis: "l", Lifted: true}, {ID: "allows", Outcome: pix.Approve, LegalBasis: "l"}}
	if diff := cmp.Diff(want, v.Hits); diff != "" || v.Outcome != pix.Approve || len(v.Reasons) != 0 {
		t.Errorf("%s %v, hits (-want +got):\n%s", v.Outcome, v.Reasons, diff)
	}
	in.Tx.Amount = 20000
	if v := pack.Decide(in); v.Outcome != pix.Reject {
		t.Errorf("without the allow rule: %s", v.Outcome)
	}
}

// TestOneRuleMoreNeverWeakens adds rules to a pack: unless it is an allow rule, the outcome cannot get weaker.
func TestOneRuleMoreNeverWeakens(t *testing.T) {
	t.Parallel()
	whens := []string{"true", "false", "feature.amount_brl > 5.0", "payer_probability > 0.5", "local_hour > 12"}
	rapid.Check(t, func(rt *rapid.T) {
		yaml := head + ruleYAML("base", "false", "REVIEW", "")
		in := noon(t, pix.Outbound)
		in.Vector[0] = rapid.SampledFrom([]float64{1, 10, math.NaN()}).Draw(rt, "feature")
		in.Scores[0].Probability = rapid.SampledFrom([]float64{0.1, 0.9, math.NaN()}).Draw(rt, "score")
		before := load(t, yaml).Decide(in).Outcome
		for i := range rapid.IntRange(1, 4).Draw(rt, "rules") {
			when := rapid.SampledFrom(whens).Draw(rt, "when")
			outcome := rapid.SampledFrom([]string{"REVIEW", "REJECT"}).Draw(rt, "outcome")
			yaml += ruleYAML("rule-"+string(rune('a'+i)), when, outcome, "")
			after := load(t, yaml).Decide(in).Outcome
			if after.Severity() < before.Severity() {
				rt.Fatalf("%s became %s with\n%s", before, after, yaml)
			}
			before = after
		}
	})
}

func FuzzLoad(f *testing.F) {
	f.Add(policy.Shipped())
	f.Add([]byte(head + ruleYAML("rule-a", "true", "REVIEW", "")))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := policy.Load(data, testFeatures)
		if err != nil {
			if k := pix.KindOf(err); k != pix.Invalid && k != pix.TooLarge {
				t.Fatalf("kind %v: %v", k, err)
			}
			return
		}
		in := noon(t, pix.Internal)
		in.Scores = nil
		if v := p.Decide(in); v.Outcome == pix.Approve {
			t.Fatal("a pack approved a payment without scores")
		}
	})
}
