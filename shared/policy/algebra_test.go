package policy_test

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

var (
	allOutcomes   = []pix.Outcome{pix.Approve, pix.Review, pix.Block, pix.Reject, "CORRUPT", ""}
	allDirections = []pix.Direction{pix.Outbound, pix.Inbound, pix.Internal, "SIDEWAYS", ""}
)

// legal is what each direction may lead to: rows are directions, columns what was claimed. It is written out, not computed.
var legal = map[pix.Direction]map[pix.Outcome]pix.Outcome{
	pix.Outbound: {pix.Approve: pix.Approve, pix.Review: pix.Review, pix.Block: pix.Reject, pix.Reject: pix.Reject, "CORRUPT": pix.Reject, "": pix.Reject},
	pix.Inbound:  {pix.Approve: pix.Approve, pix.Review: pix.Block, pix.Block: pix.Block, pix.Reject: pix.Reject, "CORRUPT": pix.Reject, "": pix.Reject},
	pix.Internal: {pix.Approve: pix.Approve, pix.Review: pix.Review, pix.Block: pix.Block, pix.Reject: pix.Reject, "CORRUPT": pix.Reject, "": pix.Reject},
	"SIDEWAYS":   {pix.Approve: pix.Approve, pix.Review: pix.Reject, pix.Block: pix.Reject, pix.Reject: pix.Reject, "CORRUPT": pix.Reject, "": pix.Reject},
	"":           {pix.Approve: pix.Approve, pix.Review: pix.Reject, pix.Block: pix.Reject, pix.Reject: pix.Reject, "CORRUPT": pix.Reject, "": pix.Reject},
}

func TestLegal(t *testing.T) {
	t.Parallel()
	for _, d := range allDirections {
		for _, o := range allOutcomes {
			got := policy.Legal(d, o)
			if got != legal[d][o] {
				t.Errorf("Legal(%q, %q) = %s, want %s", d, o, got, legal[d][o])
			}
			if got.Severity() < o.Severity() {
				t.Errorf("Legal(%q, %q) = %s is weaker", d, o, got)
			}
		}
	}
}

// everyClaim lists every claim there is.
func everyClaim() []policy.Claim {
	var all []policy.Claim
	for _, o := range allOutcomes {
		for _, overridable := range []bool{false, true} {
			for _, asked := range []bool{false, true} {
				all = append(all, policy.Claim{Outcome: o, Overridable: overridable, AskedToLift: asked})
			}
		}
	}
	return all
}

// expected says the algebra in another way: go through the outcomes from the strongest down and return the first that
// some claim reaches.
func expected(d pix.Direction, claims ...policy.Claim) pix.Outcome {
	reached := map[pix.Outcome]bool{}
	for _, c := range claims {
		if c.Overridable && c.AskedToLift {
			continue
		}
		reached[legal[d][c.Outcome]] = true
	}
	unknown := d != pix.Outbound && d != pix.Inbound && d != pix.Internal
	switch {
	case reached[pix.Reject] || unknown:
		return pix.Reject
	case reached[pix.Block]:
		return pix.Block
	case reached[pix.Review]:
		return pix.Review
	default:
		return pix.Approve
	}
}

// TestResolveExhaustively goes through every combination of up to three claims in every direction: 73,525 cases. Since
// only the strongest claim counts, longer lists add nothing; the laws below try them all the same.
func TestResolveExhaustively(t *testing.T) {
	t.Parallel()
	all := everyClaim()
	cases := 0
	check := func(d pix.Direction, claims ...policy.Claim) {
		cases++
		if got, want := policy.Resolve(d, claims), expected(d, claims...); got != want {
			t.Fatalf("Resolve(%q, %+v) = %s, want %s", d, claims, got, want)
		}
	}
	for _, d := range allDirections {
		check(d)
		for _, a := range all {
			check(d, a)
			for _, b := range all {
				check(d, a, b)
				for _, c := range all {
					check(d, a, b, c)
				}
			}
		}
	}
	if want := 5 * (1 + 24 + 24*24 + 24*24*24); cases != want {
		t.Errorf("%d cases, want %d", cases, want)
	}
}

func genClaims(t *rapid.T, label string) []policy.Claim {
	return rapid.SliceOfN(rapid.SampledFrom(everyClaim()), 0, 12).Draw(t, label)
}

func TestResolveLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(allDirections).Draw(t, "direction")
		claims := genClaims(t, "claims")
		before := policy.Resolve(d, claims)

		more := append(append([]policy.Claim{}, claims...), rapid.SampledFrom(everyClaim()).Draw(t, "one more"))
		if after := policy.Resolve(d, more); after.Severity() < before.Severity() {
			t.Fatalf("one claim more weakened %s to %s", before, after)
		}
		shuffled := append([]policy.Claim{}, claims...)
		rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)).Shuffle(len(shuffled), func(i, j int) {
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		})
		if after := policy.Resolve(d, shuffled); after != before {
			t.Fatalf("order changed %s to %s", before, after)
		}
		if policy.Legal(d, before) != before {
			t.Fatalf("%s is not legal for %q", before, d)
		}
	})
}

// TestOnlyOverridableClaimsCanBeLifted: asking for a lift changes nothing about a claim that is not overridable, and
// never makes an outcome stronger.
func TestOnlyOverridableClaimsCanBeLifted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SampledFrom(allDirections).Draw(t, "direction")
		claims := genClaims(t, "claims")
		asked, firm := append([]policy.Claim{}, claims...), []policy.Claim{}
		for i := range asked {
			asked[i].AskedToLift = true
			if !asked[i].Overridable {
				firm = append(firm, asked[i])
			}
		}
		got := policy.Resolve(d, asked)
		if want := policy.Resolve(d, firm); got != want {
			t.Fatalf("lifting everything gives %s, want %s from what is not overridable", got, want)
		}
		if got.Severity() > policy.Resolve(d, claims).Severity() {
			t.Fatalf("lifting made the outcome stronger")
		}
	})
}
