package scoring

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// covering returns vectors that cover every split of a fixture: one for each probe that can get to a split, but for
// those of the probes without.
func covering(tb testing.TB, f *forest, rng *rand.Rand, without int) [][]float64 {
	tb.Helper()
	var out [][]float64
	if err := f.reachable(len(fixtureFeatures()), func(ref int32, reaches []reach) error {
		if ref < 0 {
			return nil
		}
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

// TestCoverageIsHeldTo takes from the golden vectors of every kind of fixture, which the exporter wrote, the last one,
// which it chose for what no other vector met, and the manifest's claim.
func TestCoverageIsHeldTo(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gbdt", "dart", "zero", "none", "deep", "v3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := fixture(t, name)
			fsys[GoldenFile].Data = withoutLastVector(t, fsys[GoldenFile].Data)
			seal(t, fsys, nil)
			wantRefused(t, fsys, DefaultLimits(), pix.Invalid, "do not cover")
			for reason, claim := range map[string]any{"golden_covers_splits is not true": false, "null for golden_covers_splits": nil} {
				fsys = fixture(t, name)
				seal(t, fsys, func(m map[string]any) { m["golden_covers_splits"] = claim })
				wantRefused(t, fsys, DefaultLimits(), pix.Invalid, reason)
			}
		})
	}
}

// stepped is the next threshold that decides otherwise: within ±nearZero all are one.
func stepped(x float64, sign int) float64 {
	next := math.Nextafter(x, math.Inf(sign))
	if flushThreshold(next) == flushThreshold(x) {
		next = math.Nextafter(math.Copysign(nearZero, float64(sign)), math.Inf(sign))
	}
	return next
}

func withoutLastVector(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var g map[string]any
	if err := json.Unmarshal(data, &g); err != nil {
		tb.Fatal(err)
	}
	for _, key := range []string{"vectors", "raw", "probability"} {
		g[key] = g[key].([]any)[:len(g[key].([]any))-1]
	}
	data, err := json.Marshal(g)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestEveryStepIsRefused moves, in the text, every threshold of a fixture by one step either way and every leaf by a
// little more than the tolerance, with the hashes stated anew: none loads.
func TestEveryStepIsRefused(t *testing.T) {
	t.Parallel()
	for key, moves := range map[string][]func(float64) float64{
		"threshold": {
			func(x float64) float64 { return stepped(x, 1) }, func(x float64) float64 { return stepped(x, -1) },
		},
		"leaf_value": {func(x float64) float64 { return x + 2*tolerance }},
	} {
		for i, move := range moves {
			t.Run(fmt.Sprint(key, " ", i), func(t *testing.T) {
				t.Parallel()
				sound := fixture(t, "gbdt")
				blocks := strings.Split(string(sound[ModelFile].Data), "\nTree=")
				for tree := 1; tree < len(blocks); tree++ {
					line := strings.SplitN(strings.SplitN(blocks[tree], "\n"+key+"=", 2)[1], "\n", 2)[0]
					for at := range strings.Split(line, " ") {
						a := &artefact{model: sound[ModelFile].Data}
						a.editAt(tree, at, key, func(s string) string { return formatted(s, move) })
						fsys := fstest.MapFS{ModelFile: {Data: a.model}, GoldenFile: sound[GoldenFile], ManifestFile: sound[ManifestFile]}
						seal(t, fsys, nil)
						// The digest, which comes last, would tell as well: the vectors must by themselves.
						if _, err := Load(fsys, DefaultLimits(), fixtureContract()); err == nil || strings.Contains(err.Error(), "trees_sha256") {
							t.Errorf("entry %d of tree %d was moved, and load says %v", at, tree-1, err)
						}
					}
				}
			})
		}
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
	f := forestOf(t, loadFixture(t, "gbdt"))
	for probe, reason := range map[int]string{
		probeNaN: "NaN", probeZero: "zero", probeLeft: "largest value", probeRight: "smallest value",
	} {
		if err := coveringGolden(t, f, probe).checkCoverage(f); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("without probe %d: %v, want %q", probe, err, reason)
		}
	}
}

// TestCoverageWantsEveryLeaf brings every split all that can tell it from others, and still misses a leaf: the lowest split
// can only be told by NaN, so that nothing asks for a number there.
func TestCoverageWantsEveryLeaf(t *testing.T) {
	t.Parallel()
	f := &forest{roots: []int32{0}, values: []float64{1, 2, 3, 4}, nodes: []node{
		{feature: 0, threshold: -5, flags: nanLeft, left: 1, right: ^0},
		{feature: 1, threshold: 1, flags: nanLeft, left: 2, right: ^1},
		{feature: 0, threshold: -3, left: ^2, right: ^3},
	}}
	nan, after := number(math.NaN()), func(x float64) number { return number(math.Nextafter(x, math.Inf(1))) }
	g := &golden{Features: 2, Vectors: [][]number{
		{0, 0}, {-5, 2}, {after(-5), 0}, {nan, nan}, {nan, 0}, {nan, 1}, {nan, after(1)},
	}}
	if err := g.checkCoverage(f); err == nil || !strings.Contains(err.Error(), "the leaf of value 3") {
		t.Errorf("a leaf that no vector meets gave %v", err)
	}
	g.Vectors = append(g.Vectors, []number{-6, 0})
	if err := g.checkCoverage(f); err != nil {
		t.Error(err)
	}
}

// TestReach holds the values of a place to what splits let through: within ±nearZero there is only zero, by itself.
func TestReach(t *testing.T) {
	t.Parallel()
	band := reach{low: -nearZero, high: nearZero}
	if !band.empty() || band.has(0) || anyValue().empty() || !anyValue().has(5e-324) {
		t.Error("the band around zero is not one value")
	}
	band.zero = true
	if band.empty() || !band.has(-nearZero) || band.has(1) {
		t.Error("zero does not get where only zero gets")
	}
	if r := (reach{low: 1, high: 2}); r.empty() || r.has(0) || !r.has(1) || !r.has(2) || r.has(math.Nextafter(2, 3)) {
		t.Error("an interval is not itself")
	}
}

// TestCoverageSeesEveryThreshold moves every threshold of every kind of fixture by one step either way: the golden
// vectors of the exporter cover none of these models.
func TestCoverageSeesEveryThreshold(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gbdt", "dart", "zero", "none", "v3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := readFixture(t, name)
			g, err := decodeGolden(fixture(t, name)[GoldenFile].Data, len(fixtureFeatures()), DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if err := g.checkCoverage(r.forest); err != nil {
				t.Fatal(err)
			}
			for i := range r.forest.nodes {
				n := &r.forest.nodes[i]
				kept := n.threshold
				for _, to := range []float64{math.Inf(1), math.Inf(-1)} {
					n.threshold = flushThreshold(math.Nextafter(kept, to))
					if err := g.checkCoverage(r.forest); err == nil && n.threshold != kept {
						t.Errorf("split %d moved from %v to %v is covered all the same", i, kept, n.threshold)
					}
				}
				n.threshold = kept
			}
		})
	}
}
