package policy_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// expression writes a and b out as the two features of the tests.
func expression(short string) string {
	return strings.NewReplacer("$a", "feature.amount_brl", "$b", "feature.payer_out_sum_24h_brl").Replace(short)
}

// threeRoles is a pack with an expression as an allow rule, which would lift base, and as a rule of its own.
func threeRoles(when string) string {
	return head + ruleYAML("base", "true", "REVIEW", ", overridable: true") +
		ruleYAML("allow", when, "APPROVE", ", lifts: [base]") + ruleYAML("claim", when, "REJECT", "")
}

// TestMiscalculationFails: a rule that computes NaN or an infinity anywhere claims the fail outcome, and as an allow rule
// lifts nothing.
func TestMiscalculationFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		when string
		a, b float64
	}{
		"0/0":                         {"$a / $b > 0.5", 0, 0},
		"0/0, negated":                {"!($a / $b > 0.5)", 0, 0},
		"0/0, not equal":              {"$a / $b != 1.0", 0, 0},
		"0/0, equal":                  {"$a / $b == 1.0", 0, 0},
		"0/0 is not itself":           {"$a / $b == $a / $b", 0, 0},
		"0/0, less":                   {"$a / $b < 0.5", 0, 0},
		"0/0, at most":                {"!($a / $b <= 0.5)", 0, 0},
		"0/0, on the right":           {"0.5 >= $a / $b", 0, 0},
		"x/0":                         {"$a / $b > 0.5", 3, 0},
		"x/0, equal":                  {"$a / $b == 1.0", 3, 0},
		"-x/0":                        {"-$a / $b < 0.5", 3, 0},
		"x/-0":                        {"$a / $b < 0.5", 3, math.Copysign(0, -1)},
		"x/0 by a literal":            {"$a / 0.0 > 0.5", 3, 1},
		"constants":                   {"0.0 / 0.0 != 1.0", 1, 1},
		"inf-inf":                     {"$a / $b - $a / $b < 1.0", 3, 0},
		"huge*huge":                   {"$a * $b > 1.0", 1e200, 1e200},
		"huge+huge":                   {"$a + $b > 1.0", math.MaxFloat64, math.MaxFloat64},
		"-huge-huge":                  {"-$a - $b < 1.0", math.MaxFloat64, math.MaxFloat64},
		"huge/tiny":                   {"$a / $b > 1.0", 1e300, 1e-300},
		"finite again":                {"1.0 / ($a / $b) < 0.5", 3, 0},
		"a negation of it":            {"-($a / $b) < 0.5", 3, 0},
		"in a list":                   {"$a / $b in [1.0, 2.0] || true", 0, 0},
		"a member of a list":          {"!(1.0 in [$a / $b])", 0, 0},
		"an element beside the asked": {"[$a / $b, 1.0][1] == 1.0", 0, 0},
		"a value of a map":            {`{"x": $a / $b, "y": 1.0}["y"] == 1.0`, 0, 0},
		"the size of a list":          {"size([$a / $b]) == 1", 0, 0},
		"added to a list":             {"size([1.0] + [$a / $b]) == 2", 0, 0},
		"a condition":                 {"$a / $b > 0.5 ? false : true", 0, 0},
		"a branch":                    {"(true ? $a / $b : 1.0) != 1.0", 0, 0},
		"the other branch":            {"($a > 0.0 ? 1.0 : $a / $b) != 1.0", 0, 0},
		"and":                         {"$b == 0.0 && $a / $b != 1.0", 0, 0},
		"or":                          {"$b != 0.0 || $a / $b != 1.0", 0, 0},
		"a dynamic type":              {"dyn($a) / dyn($b) != 1.0", 0, 0},
		"a text":                      {`double(payer.state) != 1.0`, 0, 0},
		"a text of it":                {`string($a / $b) != "1"`, 0, 0},
		"a pattern of it":             {`!string($a / $b).matches("^1")`, 0, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := noon(t, pix.Outbound)
			in.Vector = []float64{tc.a, tc.b}
			in.Tx.PayerFacts.State = "NaN"
			v := load(t, threeRoles(expression(tc.when))).Decide(in)
			hits := hitIDs(v)
			if strings.HasSuffix(tc.when, "|| true") {
				hits = strings.TrimPrefix(hits, "claim ") // it matches whatever was computed
			}
			if hits != "base claim/error allow/error" {
				t.Errorf("%s, hits %q", v.Outcome, hits)
			}
		})
	}
}

// TestWhatIsNotComputedDoesNotFail: a rule may ask first, and then divide.
func TestWhatIsNotComputedDoesNotFail(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		"$b != 0.0 && $a / $b > 0.5":                 "false",
		"$b == 0.0 || $a / $b > 0.5":                 "true",
		"!($b > 0.0 && $a / $b > 0.5)":               "true",
		"$b == 0.0 ? true : $a / $b > 0.5":           "true",
		"($b > 0.0 ? $a / $b : 0.0) < 0.5":           "true",
		"false && 0.0 / 0.0 > 1.0":                   "false",
		"$b != 0.0 && $a / $b > 0.5 || true":         "true",
		"amount_centavos > 1 || 1 / 0 > 1":           "true",
		"payer.state == \"\" || amount_centavos > 1": "true", // a fact that is missing, and not needed
	} {
		if got := answer(t, when, []float64{1, 0}); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
}

// TestMiscalculationIsNotForgotten: || and && forget the error of one side when the other decides. An allow rule must not
// lift then, and a refusal must not become milder.
func TestMiscalculationIsNotForgotten(t *testing.T) {
	t.Parallel()
	reject := pix.RuleHit{ID: "claim", Outcome: pix.Reject, LegalBasis: "l"}
	base := pix.RuleHit{ID: "base", Outcome: pix.Review, LegalBasis: "l"}
	failed := pix.RuleHit{ID: "claim/error", Outcome: pix.Review, LegalBasis: "l"}
	allow := pix.RuleHit{ID: "allow/error", Outcome: pix.Approve, LegalBasis: "l"}
	for when, want := range map[string][]pix.RuleHit{
		"$a / $b > 0.5 || true":                             {reject, base, failed, allow},
		"!($a / $b > 0.5 && false)":                         {reject, base, failed, allow},
		"($a / $b > 0.5 || true) ? true : false":            {reject, base, failed, allow},
		"$a / $b > 0.5 && false":                            {base, failed, allow},
		"1 / 0 > 0 || true":                                 {reject, base, failed, allow},
		"1 % 0 > 0 && false":                                {base, failed, allow},
		"9223372036854775807 + amount_centavos > 0 || true": {reject, base, failed, allow},
		"double(payer.person) > 0.0 || true":                {reject, base, failed, allow},
	} {
		in := noon(t, pix.Outbound)
		in.Vector = []float64{0, 0}
		v := load(t, threeRoles(expression(when))).Decide(in)
		if diff := cmp.Diff(byID(want), byID(v.Hits)); diff != "" || v.Outcome != want[0].Outcome {
			t.Errorf("%s: %s, hits (-want +got):\n%s", when, v.Outcome, diff)
		}
	}
}

// TestMiscalculationOfTheBlind: without a history the rules that need one are silent, but not one that miscalculates.
func TestMiscalculationOfTheBlind(t *testing.T) {
	t.Parallel()
	for when, want := range map[string]string{
		"1.0 / double(local_hour - 12) > 1.0 || $a > 1.0": "rule-a/error",
		"$a / $b > 1.0": "",
	} {
		in := noon(t, pix.Outbound)
		in.FeaturesMissing, in.Vector = true, nil
		if hits := hitIDs(load(t, head+ruleYAML("rule-a", expression(when), "REVIEW", "")).Decide(in)); hits != want {
			t.Errorf("%s: hits %q, want %q", when, hits, want)
		}
	}
}

// TestMiscalculationEndsWithItsRule: the rules after one that failed are judged by themselves, and the next payment too.
func TestMiscalculationEndsWithItsRule(t *testing.T) {
	t.Parallel()
	pack := load(t, head+ruleYAML("divides", expression("$a / $b > 0.5"), "REJECT", "")+
		ruleYAML("base", "true", "REVIEW", ", overridable: true")+ruleYAML("allow", expression("$b < 1.0"), "APPROVE", ", lifts: [base]"))
	in := noon(t, pix.Outbound)
	in.Vector = []float64{0, 0}
	if hits := hitIDs(pack.Decide(in)); hits != "divides/error base allow" {
		t.Errorf("hits %q", hits)
	}
	in.Vector = []float64{0, 0.5}
	if v := pack.Decide(in); v.Outcome != pix.Approve || hitIDs(v) != "base allow" {
		t.Errorf("%s, hits %q", v.Outcome, hitIDs(v))
	}
}

// byID keeps hits without their order.
func byID(hits []pix.RuleHit) map[string]pix.RuleHit {
	out := map[string]pix.RuleHit{}
	for _, h := range hits {
		out[h.ID] = h
	}
	return out
}

// answer tells what a rule says: true, false, error, "true, error" where it miscalculated on the way, or refused when it
// does not load.
func answer(t *testing.T, when string, vector []float64) string {
	t.Helper()
	pack, err := policy.Load([]byte(head+ruleYAML("rule-a", expression(when), "REVIEW", "")), testFeatures)
	if err != nil {
		if pix.KindOf(err) != pix.Invalid || !strings.Contains(err.Error(), "when: ") {
			t.Errorf("%s: refused for another reason: %v", when, err)
		}
		return "refused"
	}
	in := noon(t, pix.Outbound)
	in.Vector = vector
	answers := map[string]string{
		"": "false", "rule-a": "true", "rule-a/error": "error", "rule-a/error rule-a": "true, error", "rule-a rule-a/error": "true, error",
	}
	return answers[hitIDs(pack.Decide(in))]
}
