package scoring

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// treesOf reads the trees of a text.
func treesOf(tb testing.TB, text []byte) []*tree {
	tb.Helper()
	doc, err := parseText(string(text), DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	var trees []*tree
	for _, s := range doc.trees {
		t, err := parseTree(s, len(fixtureFeatures()), DefaultLimits())
		if err != nil {
			tb.Fatal(err)
		}
		trees = append(trees, t)
	}
	return trees
}

// leafPlace is one leaf of one tree.
type leafPlace struct{ tree, leaf int }

// twins are pairs of leaves of two trees that the same golden vectors meet, so that what one gains the other may lose.
func twins(g *golden, f *forest, trees []*tree) (pairs [][2]leafPlace) {
	met := map[leafPlace]string{}
	for i, v := range g.Vectors {
		base := 0
		for k, ref := range f.roots {
			for ref >= 0 {
				n := &f.nodes[ref]
				ref = n.child(n.goesLeft(float64(v[n.feature])))
			}
			met[leafPlace{k, int(^ref) - base}] += strconv.Itoa(i) + " "
			base += len(trees[k].value)
		}
	}
	first := map[string]leafPlace{}
	places := slices.SortedFunc(maps.Keys(met), func(a, b leafPlace) int {
		return cmp.Or(cmp.Compare(a.tree, b.tree), cmp.Compare(a.leaf, b.leaf))
	})
	for _, p := range places {
		if q, ok := first[met[p]]; ok && q.tree != p.tree {
			pairs = append(pairs, [2]leafPlace{q, p})
		}
		first[met[p]] = p
	}
	return pairs
}

// provedByVectors tells whether all but the digest holds: what golden vectors alone would let through.
func provedByVectors(tb testing.TB, g *golden, m *Manifest, text []byte) (*readers, bool) {
	tb.Helper()
	r, err := read(text, m, DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	return r, g.prove(r, m.Calibration) == nil && g.checkCoverage(r.forest) == nil
}

// spoilt is a fixture with another model.txt, its hash stated anew.
func spoilt(tb testing.TB, name string, text []byte) fstest.MapFS {
	tb.Helper()
	fsys := fixture(tb, name)
	fsys[ModelFile].Data = text
	seal(tb, fsys, nil)
	return fsys
}

// TestLeavesMovedTogetherAreRefused moves two leaves against each other that the same golden vectors meet: no vector's
// score tells, and other rows score differently.
func TestLeavesMovedTogetherAreRefused(t *testing.T) {
	t.Parallel()
	const name, move = "deep", 400 * tolerance
	m := loadFixture(t, name)
	sound := forestOf(t, m)
	fsys := fixture(t, name)
	g, err := decodeGolden(fsys[GoldenFile].Data, len(fixtureFeatures()), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	var rows [][]float64
	for range 5000 {
		rows = append(rows, randomVector(rng))
	}
	harmful := 0
	for _, pair := range twins(g, sound, treesOf(t, fsys[ModelFile].Data)) {
		a := &artefact{model: fsys[ModelFile].Data}
		for i, by := range []float64{move, -move} {
			a.editAt(1+pair[i].tree, pair[i].leaf, "leaf_value", func(s string) string {
				return formatted(s, func(x float64) float64 { return x + by })
			})
		}
		r, proved := provedByVectors(t, g, m.manifest, a.model)
		harms := slices.ContainsFunc(rows, func(v []float64) bool { return math.Abs(r.forest.raw(v)-sound.raw(v)) > move/2 })
		if proved && harms {
			harmful++
			wantRefused(t, spoilt(t, name, a.model), DefaultLimits(), pix.Invalid, "trees_sha256 differs")
		}
	}
	if harmful == 0 {
		t.Fatal("the golden vectors tell, or no row scores differently: nothing is left for the digest")
	}
	t.Logf("%d pairs move scores of other rows and no golden vector's", harmful)
}

// TestGoldenStatesTheDigest: an exporter that knows of no digest, or states another, is refused.
func TestGoldenStatesTheDigest(t *testing.T) {
	t.Parallel()
	for reason, digest := range map[string]any{"has no trees_sha256": nil, "trees_sha256 differs": strings.Repeat("0", 64)} {
		fsys := fixture(t, "gbdt")
		var g map[string]any
		if err := json.Unmarshal(fsys[GoldenFile].Data, &g); err != nil {
			t.Fatal(err)
		}
		if g["trees_sha256"] = digest; digest == nil {
			delete(g, "trees_sha256")
		}
		data, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		fsys[GoldenFile].Data = data
		seal(t, fsys, nil)
		wantRefused(t, fsys, DefaultLimits(), pix.Invalid, reason)
	}
}

// TestDigestHoldsEveryField changes each thing that a score or an explanation depends on, and each that says the same.
func TestDigestHoldsEveryField(t *testing.T) {
	t.Parallel()
	trees := func(edit func(*tree)) string {
		first := &tree{
			feature: []int{0, 1}, threshold: []float64{0, math.Inf(1)}, decision: []int{2, 8 | 2}, left: []int{-1, -2},
			right: []int{1, -3}, value: []float64{0, 1, 2}, count: []int{3, 4, 5}, splits: []int{12, 9},
		}
		single := &tree{value: []float64{0.5}, count: []int{1}}
		edit(first)
		return digestTrees([]*tree{first, single})
	}
	want := trees(func(*tree) {})
	for name, edit := range map[string]func(*tree){
		"feature":      func(t *tree) { t.feature[1] = 0 },
		"threshold":    func(t *tree) { t.threshold[0] = 5e-324 },
		"missing":      func(t *tree) { t.decision[0] = 4 | 2 },
		"default left": func(t *tree) { t.decision[1] = 8 },
		"sides":        func(t *tree) { t.left[1], t.right[1] = t.right[1], t.left[1] },
		"value":        func(t *tree) { t.value[2] = math.Nextafter(2, 3) },
		"leaf count":   func(t *tree) { t.count[0], t.count[1] = 4, 3 },
		"split count":  func(t *tree) { t.splits[1] = 8 },
		"structure":    func(t *tree) { t.left[0], t.right[0], t.left[1] = 1, -2, -1 },
	} {
		if trees(edit) == want {
			t.Errorf("%s is not part of the digest", name)
		}
	}
	for name, edit := range map[string]func(*tree){
		"far threshold": func(t *tree) { t.threshold[1] = 1e300 },
		"sign of zero":  func(t *tree) { t.threshold[0], t.value[0] = math.Copysign(0, -1), math.Copysign(0, -1) },
		"numbering": func(t *tree) {
			t.value[1], t.value[2], t.count[1], t.count[2] = 2, 1, 5, 4
			t.left[1], t.right[1] = -3, -2
		},
	} {
		if trees(edit) != want {
			t.Errorf("%s changes the digest", name)
		}
	}
}
