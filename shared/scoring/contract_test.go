package scoring

import (
	"slices"
	"strings"
	"testing"
)

// A sound artefact, all of whose parts agree with one another, is refused by a scorer that computes other features, or
// the same ones in another order.
func TestModelOfOtherFeaturesIsRefused(t *testing.T) {
	t.Parallel()
	names := fixtureFeatures()
	swapped := slices.Clone(names)
	swapped[1], swapped[2] = swapped[2], swapped[1]
	renamed := append(slices.Clone(names[:5]), "balance_share_24h")
	for what, list := range map[string][]string{
		"another order": swapped, "another name": renamed, "one more": append(slices.Clone(names), "weekday"), "one fewer": names[:5],
	} {
		contract := fixtureContract()
		contract.FeatureNames = list
		if _, err := Load(fixture(t, "gbdt"), DefaultLimits(), contract); err == nil || !strings.Contains(err.Error(), "contract") {
			t.Errorf("%s: Load = %v, want a refusal by the contract", what, err)
		}
	}
}
