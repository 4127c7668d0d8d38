package scoring

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/scoring/lgbm"
)

// hostile returns the values that comparisons get wrong, and each threshold with one step to either side.
func hostile(f *forest) []float64 {
	values := []float64{
		math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 5e-324, -5e-324, 2e-308, nearZero, -nearZero,
		math.Nextafter(nearZero, 1), math.Nextafter(-nearZero, -1), 1e-34, -1e-34, 1e300, -1e300,
	}
	for i := range f.nodes {
		x := f.nodes[i].threshold
		values = append(values, x, math.Nextafter(x, math.Inf(1)), math.Nextafter(x, math.Inf(-1)))
	}
	return values
}

// TestWalkerGivesTheBitsOfLeaves compares three readers on models of every rule for missing values, on rows of which
// half the values are hostile. Where leaves differs from LightGBM (values within ±1e-35 where zero is missing: lgbm
// flushes them), the golden vectors of the fixtures hold the walker to LightGBM.
func TestWalkerGivesTheBitsOfLeaves(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]synthetic{
		"one leaf":     {seed: 1, trees: 10, leaves: 1, features: 20},
		"one tree":     {seed: 2, trees: 1, leaves: 31, features: 20},
		"wide":         {seed: 3, trees: 17, leaves: 8, features: 300},
		"many leaves":  {seed: 4, trees: 10, leaves: 255, features: 20},
		"many trees":   {seed: 5, trees: 1000, leaves: 8, features: 40},
		"none":         {seed: 6, trees: 20, leaves: 31, features: 4, decisions: []int{0, 2}},
		"zero":         {seed: 7, trees: 20, leaves: 31, features: 4, decisions: []int{4, 6}},
		"NaN":          {seed: 8, trees: 20, leaves: 31, features: 4, decisions: []int{8, 10}},
		"all in one":   {seed: 9, trees: 20, leaves: 31, features: 4, decisions: []int{0, 2, 4, 6, 8, 10}},
		"seven trees":  {seed: 10, trees: 7, leaves: 12, features: 4},
		"eight trees":  {seed: 11, trees: 8, leaves: 12, features: 4},
		"some leaves":  {seed: 13, trees: 20, leaves: 12, features: 4, stumps: true},
		"as they ship": {seed: 12, trees: 100, leaves: 31, features: 80},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := s.forest(t)
			reference, err := lgbm.Read([]byte(s.text()), s.features, s.trees)
			if err != nil {
				t.Fatal(err)
			}
			w := newWalker(f)
			rng, values, scratch := rand.New(rand.NewPCG(s.seed, 3)), hostile(f), *w.scratch()
			for i, v := range s.rows(500) {
				for range rng.IntN(len(v)) {
					v[rng.IntN(len(v))] = values[rng.IntN(len(values))]
				}
				want, err := reference.Raw(v)
				if err != nil {
					t.Fatal(err)
				}
				got, plain := w.raw(v, scratch), f.raw(v)
				if math.Float64bits(got) != math.Float64bits(want) || math.Float64bits(plain) != math.Float64bits(want) {
					t.Fatalf("row %d: walker %v, plain walk %v, leaves %v", i, got, plain, want)
				}
			}
		})
	}
}

// TestWalkerFollowsEverySplit compares the two walks on each fixture with one value at a time at every threshold.
func TestWalkerFollowsEverySplit(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 6))
	for _, name := range []string{"gbdt", "dart", "zero", "none", "deep", "single", "v3"} {
		m := loadFixture(t, name)
		scratch := *m.walker.scratch()
		plain := forestOf(t, m)
		for _, x := range hostile(plain) {
			v := randomVector(rng)
			for j := range v {
				kept := v[j]
				v[j] = x
				if got, want := m.walker.raw(v, scratch), plain.raw(v); got != want {
					t.Fatalf("%s: feature %d at %v: walker %v, plain walk %v", name, j, x, got, want)
				}
				v[j] = kept
			}
		}
	}
}

// TestScoreDoesNotAllocate holds the serving path to it.
//
//nolint:paralleltest // AllocsPerRun counts what other tests allocate.
func TestScoreDoesNotAllocate(t *testing.T) {
	m := loadFixture(t, "deep")
	v := []float64{5000, 3, 4, 1, math.NaN(), 0.9}
	if n := testing.AllocsPerRun(100, func() {
		if _, _, err := m.Score(v); err != nil {
			t.Fatal(err)
		}
	}); n >= 1 {
		t.Errorf("Score allocates %v times", n)
	}
}
