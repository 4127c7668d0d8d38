package scoring

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestExplainIsShapley compares with the definition: the average over all coalitions, by enumeration, of a game that
// splits on unknown features by the shares of the training rows.
func TestExplainIsShapley(t *testing.T) {
	t.Parallel()
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, seed))
	for _, name := range []string{"gbdt", "zero", "deep", "single"} {
		m := loadFixture(t, name)
		width := len(m.manifest.Features)
		got := make([]float64, width)
		for range 5 {
			v := randomVector(rng)
			if _, err := m.Contributions(got, v); err != nil {
				t.Fatal(err)
			}
			for i, want := range enumerate(forestOf(t, m), v, width) {
				if !within(got[i], want, tolerance) {
					t.Errorf("%s: feature %d contributes %v, by definition %v (seed %d)", name, i, got[i], want, seed)
				}
			}
		}
	}
}

// enumerate computes Shapley values by their definition.
func enumerate(f *forest, v []float64, width int) []float64 {
	worth := make([]float64, 1<<width)
	for s := range worth {
		for _, root := range f.roots {
			worth[s] += f.worth(root, v, s)
		}
	}
	out := make([]float64, width)
	for s := range worth {
		k := bits.OnesCount(uint(s))
		for i := range width {
			if s>>i&1 == 0 {
				weight := math.Gamma(float64(k+1)) * math.Gamma(float64(width-k)) / math.Gamma(float64(width+1))
				out[i] += weight * (worth[s|1<<i] - worth[s])
			}
		}
	}
	return out
}

// worth is the expected value below ref when the features in the bit set known are known.
func (f *forest) worth(ref int32, v []float64, known int) float64 {
	if ref < 0 {
		return f.values[^ref]
	}
	n := &f.nodes[ref]
	left, right := f.worth(n.left, v, known), f.worth(n.right, v, known)
	switch {
	case known>>n.feature&1 == 0:
		return n.leftCover*left + (1-n.leftCover)*right
	case n.goesLeft(v[n.feature]):
		return left
	default:
		return right
	}
}

// TestContributionsAddUp is the law that an explanation is whole.
func TestContributionsAddUp(t *testing.T) {
	t.Parallel()
	const seed = 4
	rng := rand.New(rand.NewPCG(seed, seed))
	for _, name := range []string{"gbdt", "dart", "zero", "none", "deep", "single", "v3"} {
		m := loadFixture(t, name)
		shares := make([]float64, len(m.manifest.Features))
		for range 200 {
			v := randomVector(rng)
			sum, err := m.Contributions(shares, v)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range shares {
				sum += s
			}
			if raw, _, err := m.Score(v); err != nil || !within(sum, raw, tolerance) {
				t.Fatalf("%s: contributions add up to %v, the score is %v (%v, seed %d)", name, sum, raw, err, seed)
			}
		}
	}
}

// TestRuleIsExact integrates every power that an n-point rule must get right.
func TestRuleIsExact(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 40; n++ {
		points, weights := gauss(n)
		for power := range 2 * n {
			sum := 0.0
			for q, x := range points {
				sum += weights[q] * math.Pow(x, float64(power))
			}
			if want := 1 / float64(power+1); !within(sum, want, 1e-14) {
				t.Errorf("%d points: integral of t^%d is %v, want %v", n, power, sum, want)
			}
		}
	}
}

// TestCurvesAreBounded brings trees in which every feature returns further down: what explaining them keeps in memory
// would be many times the trees.
func TestCurvesAreBounded(t *testing.T) {
	t.Parallel()
	const trees, depth, unique = 600, 256, 128
	f := &forest{}
	for range trees {
		f.roots, f.trees = append(f.roots, int32(len(f.nodes))), append(f.trees, treeShape{unique})
		for i := range depth {
			n := node{feature: int32(i % unique), threshold: float64(i), leftCover: 0.5}
			n.left, n.right = ^int32(len(f.values)), int32(len(f.nodes)+1)
			f.values = append(f.values, 1)
			if i == depth-1 {
				n.right = ^int32(len(f.values))
				f.values = append(f.values, 1)
			}
			f.nodes = append(f.nodes, n)
		}
	}
	if _, err := newGarden(f, newWalker(f)); pix.KindOf(refusal(err)) != pix.TooLarge {
		t.Errorf("%d trees of depth %d gave %v", trees, depth, err)
	}
}
