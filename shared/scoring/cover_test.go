package scoring

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
)

// covering returns vectors that cover every split of a fixture: one for each probe that can get to a split, but for
// those of the probes without.
func covering(tb testing.TB, f *forest, rng *rand.Rand, without int) [][]float64 {
	tb.Helper()
	var out [][]float64
	if err := f.reachable(len(fixtureFeatures()), func(ref int32, reaches []reach) error {
		n := &f.nodes[ref]
		base := randomVector(rng)
		for i, r := range reaches {
			if r != anyValue() {
				base[i] = r.pick()
			}
		}
		needs := reaches[n.feature].needs(n) &^ without
		for probe, v := range []float64{math.NaN(), 0, n.lastLeft(), n.firstRight()} { // in the order of the bits
			if needs>>probe&1 != 0 {
				row := append([]float64(nil), base...)
				row[n.feature] = v
				out = append(out, row)
			}
		}
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
	return out
}

// pick returns a value that gets there.
func (r reach) pick() float64 {
	switch {
	case r.low <= r.high:
		return r.high
	case r.nan:
		return math.NaN()
	default:
		return 0
	}
}

// covered is a fixture whose golden vectors cover every split, as few as that takes. Its answers are those of the
// readers, which the fixture's own golden file has proved against LightGBM.
func covered(tb testing.TB, name string) fstest.MapFS {
	tb.Helper()
	m, fsys := loadFixture(tb, name), fixture(tb, name)
	fsys[GoldenFile].Data = goldenOf(tb, m, covering(tb, m.forest, rand.New(rand.NewPCG(8, 8)), 0))
	seal(tb, fsys, func(m map[string]any) { m["golden_covers_splits"] = true })
	return fsys
}

// goldenOf writes golden.json with the model's own answers.
func goldenOf(tb testing.TB, m *Model, rows [][]float64) []byte {
	tb.Helper()
	width := len(m.manifest.Features)
	var vectors, shares [][]any
	var raws, probabilities []any
	contributions := make([]float64, width)
	for i, v := range rows {
		raw, p, err := m.Score(v)
		if err != nil {
			tb.Fatal(err)
		}
		vectors, raws, probabilities = append(vectors, encoded(v)), append(raws, raw), append(probabilities, p)
		if i < 2*minContributions {
			expected, err := m.Contributions(contributions, v)
			if err != nil {
				tb.Fatal(err)
			}
			shares = append(shares, encoded(append(contributions[:width:width], expected)))
		}
	}
	data, err := json.Marshal(map[string]any{
		"schema_version": SchemaVersion, "features": width,
		"vectors": vectors, "raw": raws, "probability": probabilities, "contributions": shares,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// coveredLimits lets few vectors do, because they cover everything.
func coveredLimits() Limits {
	limits := DefaultLimits()
	limits.MinGoldenRows = 100
	return limits
}

// encoded writes numbers as golden.json does.
func encoded(v []float64) []any {
	out := make([]any, len(v))
	for i, x := range v {
		switch {
		case math.IsNaN(x):
		case math.IsInf(x, 1):
			out[i] = "inf"
		case math.IsInf(x, -1):
			out[i] = "-inf"
		default:
			out[i] = x
		}
	}
	return out
}

// TestCoverageIsHeldTo loads covered fixtures of every rule for missing values, and refuses the claim where the vectors
// do not cover: those of the fixtures themselves.
func TestCoverageIsHeldTo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gbdt", "dart", "zero", "none", "deep", "v3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Load(covered(t, name), coveredLimits(), fixtureContract()); err != nil {
				t.Fatal(err)
			}
			plain := fixture(t, name)
			seal(t, plain, func(m map[string]any) { m["golden_covers_splits"] = true })
			if _, err := Load(plain, DefaultLimits(), fixtureContract()); err == nil || !strings.Contains(err.Error(), "do not cover") {
				t.Errorf("an uncovered model gave %v", err)
			}
		})
	}
}

// coveringGolden holds covering vectors, without those of one probe unless that is 0.
func coveringGolden(tb testing.TB, f *forest, without int) *golden {
	tb.Helper()
	g := &golden{Features: len(fixtureFeatures())}
	for _, v := range covering(tb, f, rand.New(rand.NewPCG(8, 8)), without) {
		row := make([]number, len(v))
		for i, x := range v {
			row[i] = number(x)
		}
		g.Vectors = append(g.Vectors, row)
	}
	return g
}

// TestCoverageWantsEveryProbe leaves out the vectors of one probe.
func TestCoverageWantsEveryProbe(t *testing.T) {
	t.Parallel()
	f := loadFixture(t, "gbdt").forest
	for probe, reason := range map[int]string{
		probeNaN: "NaN", probeZero: "zero", probeLeft: "largest value", probeRight: "smallest value",
	} {
		if err := coveringGolden(t, f, probe).checkCoverage(f); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("without probe %d: %v, want %q", probe, err, reason)
		}
	}
}

// TestCoverageSeesEveryThreshold moves every threshold of a covered model by one step either way: no such model loads.
func TestCoverageSeesEveryThreshold(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gbdt", "zero"} {
		r := readFixture(t, name)
		g := coveringGolden(t, r.forest, 0)
		if err := g.checkCoverage(r.forest); err != nil {
			t.Fatal(err)
		}
		for i := range r.forest.nodes {
			n := &r.forest.nodes[i]
			kept := n.threshold
			for _, to := range []float64{math.Inf(1), math.Inf(-1)} {
				n.threshold = flushThreshold(math.Nextafter(kept, to))
				if err := g.checkCoverage(r.forest); err == nil && n.threshold != kept {
					t.Errorf("%s: split %d moved from %v to %v is covered all the same", name, i, kept, n.threshold)
				}
			}
			n.threshold = kept
		}
	}
}
