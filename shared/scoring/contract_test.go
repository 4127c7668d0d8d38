package scoring

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// A sound artefact, all of whose parts agree with one another, is refused by a scorer that does not compute one of its
// features, with a sentence that names it, and by one whose names mean something else.
func TestModelOfOtherFeaturesIsRefused(t *testing.T) {
	t.Parallel()
	names := fixtureFeatures()
	for what, c := range map[string]struct {
		list   []string
		set    string
		reason string
	}{
		"another name":     {append(slices.Clone(names[:5]), "balance_share_24h"), "fixture-1", `feature "balance_share", which the contract does not have`},
		"one fewer":        {names[1:], "fixture-1", `feature "amount_brl", which the contract does not have`},
		"none":             {nil, "fixture-1", `feature "amount_brl", which the contract does not have`},
		"another order":    {slices.Concat(names[1:], names[:1]), "fixture-1", `feature "hour" stands elsewhere in the contract`},
		"another revision": {names, "fixture2-1", `feature set "fixture-1" is of another revision than the contract's, "fixture2-1"`},
	} {
		contract := fixtureContract()
		contract.FeatureNames, contract.FeatureSet = c.list, c.set
		if _, err := Load(fixture(t, "gbdt"), DefaultLimits(), contract); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: Load = %v, want a refusal: %s", what, err, c.reason)
		}
	}
}

// A model is served by any contract that has its features, wherever they stand and whatever stands between them: bit for bit
// as by the list that it was trained with.
func TestContractMayHaveMoreFeatures(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gbdt", "goss", "zero", "none", "deep"} {
		random := rand.New(rand.NewPCG(1, 2))
		contract := fixtureContract()
		contract.FeatureSet = "fixture-7" // other names, of the same revision
		for _, more := range []string{"weekday", "night", "holiday"} {
			contract.FeatureNames = slices.Insert(contract.FeatureNames, random.IntN(len(contract.FeatureNames)+1), more)
		}
		wide, err := Load(fixture(t, name), DefaultLimits(), contract)
		if err != nil {
			t.Fatal(err)
		}
		exact := loadFixture(t, name)
		if d := cmp.Diff(exact.Manifest(), wide.Manifest()); d != "" {
			t.Errorf("%s: the manifest changed:\n%s", name, d)
		}
		for range 200 {
			narrow := make([]float64, len(fixtureFeatures()))
			for i := range narrow {
				narrow[i] = []float64{math.NaN(), 0, random.NormFloat64() * 100, random.ExpFloat64() * 10}[random.IntN(4)]
			}
			sameVerdict(t, name, [2]*Model{exact, wide}, [2][]float64{narrow, widened(contract.FeatureNames, narrow, random)})
		}
	}
}

// widened puts the values of the fixtures' features where a contract has them, and chance everywhere else.
func widened(names []string, narrow []float64, random *rand.Rand) []float64 {
	wide := make([]float64, len(names))
	for i, name := range names {
		wide[i] = random.NormFloat64()
		if at := slices.Index(fixtureFeatures(), name); at >= 0 {
			wide[i] = narrow[at]
		}
	}
	return wide
}

// sameVerdict wants two models to say the same of their vectors in every way, and each to refuse the other's.
func sameVerdict(t *testing.T, name string, m [2]*Model, vectors [2][]float64) {
	t.Helper()
	type verdict struct {
		Raw, Probability, Expected, Batch float64
		Contributions                     []float64
		Reasons                           []pix.Contribution
	}
	var told [2]verdict
	for i := range m {
		v := &told[i]
		batch, probability := []float64{0}, []float64{0}
		v.Contributions = make([]float64, len(fixtureFeatures()))
		var errs [4]error
		v.Raw, v.Probability, errs[0] = m[i].Score(vectors[i])
		errs[1] = m[i].ScoreBatch(batch, probability, vectors[i:i+1])
		v.Expected, errs[2] = m[i].Contributions(v.Contributions, vectors[i])
		v.Reasons, errs[3] = m[i].Explain(vectors[i], 6)
		v.Batch = batch[0]
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := m[i].Score(vectors[1-i]); err == nil {
			t.Errorf("%s: a vector of %d values was scored by a contract of %d", name, len(vectors[1-i]), len(vectors[i]))
		}
	}
	if d := cmp.Diff(told[0], told[1], cmp.Comparer(func(a, b float64) bool { return a == b || a != a && b != b })); d != "" {
		t.Fatalf("%s: by name (-exact +wide):\n%s", name, d)
	}
}
