package policy_test

import (
	"fmt"
	"math"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// reference evaluates expressions without CEL, in CEL's order: left to right, and what a branch, && or || leaves out is
// not computed.
type reference struct {
	vector        []float64
	miscalculated bool // some result was NaN or infinite
}

// numeric and logical are expressions: their text, and their value unless they have none.
type numeric struct {
	text string
	eval func(*reference) (value float64, ok bool)
}

type logical struct {
	text string
	eval func(*reference) (value, ok bool)
}

var (
	operations = map[string]func(x, y float64) float64{
		"+": func(x, y float64) float64 { return x + y },
		"-": func(x, y float64) float64 { return x - y },
		"*": func(x, y float64) float64 { return x * y },
		"/": func(x, y float64) float64 { return x / y },
	}
	comparisons = map[string]func(x, y float64) bool{
		"==": func(x, y float64) bool { return x == y },
		"!=": func(x, y float64) bool { return x != y },
		"<":  func(x, y float64) bool { return x < y },
		"<=": func(x, y float64) bool { return x <= y },
		">":  func(x, y float64) bool { return x > y },
		">=": func(x, y float64) bool { return x >= y },
	}
)

// both evaluates two numbers, the second only if the first has a value.
func both(r *reference, x, y numeric) (a, b float64, ok bool) {
	if a, ok = x.eval(r); ok {
		b, ok = y.eval(r)
	}
	return a, b, ok
}

// genNumber draws a number of at most some depth.
func genNumber(t *rapid.T, depth int) numeric {
	if depth == 0 {
		return genLeaf(t)
	}
	kind := rapid.SampledFrom([]string{"leaf", "+", "-", "*", "/", "/", "negation", "ternary", "element"}).Draw(t, "number")
	if kind == "leaf" {
		return genLeaf(t)
	}
	x, y := genNumber(t, depth-1), genNumber(t, depth-1)
	switch kind {
	case "negation":
		return numeric{"-(" + x.text + ")", func(r *reference) (float64, bool) {
			v, ok := x.eval(r)
			return -v, ok
		}}
	case "ternary":
		c := genLogical(t, depth-1)
		return numeric{"(" + c.text + " ? " + x.text + " : " + y.text + ")", func(r *reference) (float64, bool) {
			chosen, ok := c.eval(r)
			switch {
			case !ok:
				return 0, false
			case chosen:
				return x.eval(r)
			default:
				return y.eval(r)
			}
		}}
	case "element":
		i := rapid.IntRange(0, 1).Draw(t, "element")
		return numeric{fmt.Sprintf("[%s, %s][%d]", x.text, y.text, i), func(r *reference) (float64, bool) {
			a, b, ok := both(r, x, y)
			return []float64{a, b}[i], ok
		}}
	}
	return numeric{"(" + x.text + " " + kind + " " + y.text + ")", func(r *reference) (float64, bool) {
		a, b, ok := both(r, x, y)
		if !ok {
			return 0, false
		}
		v := operations[kind](a, b)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			r.miscalculated = true
			return 0, false
		}
		return v, true
	}}
}

// genLeaf draws a feature or a literal.
func genLeaf(t *rapid.T) numeric {
	text := rapid.SampledFrom([]string{"a", "b", "a", "b", "0.0", "1.0", "2.5", "-3.0", "1e200", "-1e308", "1e-300"}).Draw(t, "leaf")
	if text == "a" || text == "b" {
		i := int(text[0] - 'a')
		return numeric{"feature." + testFeatures[i], func(r *reference) (float64, bool) {
			v := r.vector[i]
			return v, !math.IsNaN(v) && !math.IsInf(v, 0) // not known, which is no miscalculation
		}}
	}
	return numeric{text, func(*reference) (float64, bool) {
		v, err := strconv.ParseFloat(text, 64)
		return v, err == nil
	}}
}

// genLogical draws a condition of at most some depth.
func genLogical(t *rapid.T, depth int) logical {
	kinds := []string{"==", "!=", "<", "<=", ">", ">=", "in"}
	if depth > 0 {
		kinds = append(kinds, "!", "!", "&&", "&&", "&&", "||", "||", "||", "ternary", "constant")
	}
	kind := rapid.SampledFrom(kinds).Draw(t, "condition")
	switch kind {
	case "constant":
		v := rapid.Bool().Draw(t, "constant")
		return logical{strconv.FormatBool(v), func(*reference) (bool, bool) { return v, true }}
	case "in":
		x, y, z := genNumber(t, max(depth-1, 0)), genNumber(t, max(depth-1, 0)), genNumber(t, 0)
		return logical{fmt.Sprintf("(%s in [%s, %s])", x.text, y.text, z.text), func(r *reference) (bool, bool) {
			a, b, ok := both(r, x, y)
			if !ok {
				return false, false
			}
			c, ok := z.eval(r)
			return a == b || a == c, ok
		}}
	case "!", "&&", "||", "ternary":
		return genJunction(t, kind, depth)
	}
	x, y := genNumber(t, depth), genNumber(t, max(depth-1, 0))
	return logical{"(" + x.text + " " + kind + " " + y.text + ")", func(r *reference) (bool, bool) {
		a, b, ok := both(r, x, y)
		return comparisons[kind](a, b), ok
	}}
}

// genJunction draws a condition made of conditions.
func genJunction(t *rapid.T, kind string, depth int) logical {
	x, y := genLogical(t, depth-1), genLogical(t, depth-1)
	switch kind {
	case "!":
		return logical{"!(" + x.text + ")", func(r *reference) (bool, bool) {
			v, ok := x.eval(r)
			return !v, ok
		}}
	case "ternary":
		c := genLogical(t, depth-1)
		return logical{"(" + c.text + " ? " + x.text + " : " + y.text + ")", func(r *reference) (bool, bool) {
			chosen, ok := c.eval(r)
			switch {
			case !ok:
				return false, false
			case chosen:
				return x.eval(r)
			default:
				return y.eval(r)
			}
		}}
	}
	decides := kind == "||" // the value of one side that makes the other one's irrelevant
	return logical{"(" + x.text + " " + kind + " " + y.text + ")", func(r *reference) (bool, bool) {
		a, aOK := x.eval(r)
		if aOK && a == decides {
			return decides, true
		}
		b, bOK := y.eval(r)
		if bOK && b == decides {
			return decides, true
		}
		return !decides, aOK && bOK
	}}
}

// TestMiscalculationNeverMakesMilder: whenever something in an expression is computed and not finite, the outcome with the
// expression as an allow rule is no milder than without it, and as a rule of its own never milder than the fail outcome.
// Otherwise the rule says what the reference says.
func TestMiscalculationNeverMakesMilder(t *testing.T) {
	t.Parallel()
	base := head + ruleYAML("base", "true", "REVIEW", ", overridable: true")
	numbers := []float64{0, math.Copysign(0, -1), 1, -2.5, math.MaxFloat64, -1e300, math.SmallestNonzeroFloat64, math.NaN(), math.Inf(1)}
	rapid.Check(t, func(rt *rapid.T) {
		when := genLogical(rt, rapid.IntRange(1, 3).Draw(rt, "depth"))
		if len(when.text) > 2_000 {
			rt.Skip("longer than an expression may be")
		}
		law := milderLaw{
			when: when, without: load(t, base), claims: load(t, head+ruleYAML("claim", when.text, "REJECT", "")),
			allows: load(t, base+ruleYAML("allow", when.text, "APPROVE", ", lifts: [base]")),
		}
		in := noon(t, pix.Outbound)
		for _, a := range numbers {
			for _, b := range numbers {
				in.Vector = []float64{a, b}
				law.check(rt, in)
			}
		}
	})
}

// milderLaw is one expression, and the packs without it, with it as an allow rule and with it as a rule of its own.
type milderLaw struct {
	when                    logical
	without, allows, claims *policy.Pack
}

func (l *milderLaw) check(t *rapid.T, in policy.Input) {
	r := &reference{vector: in.Vector}
	matched, ok := l.when.eval(r)
	matched, failed := matched && ok, !ok || r.miscalculated

	without, allowed, claimed := l.without.Decide(in), l.allows.Decide(in), l.claims.Decide(in)
	if r.miscalculated && allowed.Outcome.Severity() < without.Outcome.Severity() {
		t.Fatalf("%s of %v lifted: %s became %s", l.when.text, in.Vector, without.Outcome, allowed.Outcome)
	}
	if r.miscalculated && claimed.Outcome.Severity() < pix.Review.Severity() {
		t.Fatalf("%s of %v: %s is milder than the fail outcome", l.when.text, in.Vector, claimed.Outcome)
	}
	if lifts := allowed.Outcome == pix.Approve; lifts != (matched && !failed) {
		t.Fatalf("%s of %v: lifts %v; matched %v, failed %v", l.when.text, in.Vector, lifts, matched, failed)
	}
	want := map[bool]map[bool]string{
		true:  {true: "claim claim/error", false: "claim"},
		false: {true: "claim/error", false: ""},
	}[matched][failed]
	if hits := hitIDs(claimed); hits != want {
		t.Fatalf("%s of %v: hits %q, want %q", l.when.text, in.Vector, hits, want)
	}
}
