package scoring

import (
	"encoding/json"
	"math"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/scoring/lgbm"
)

// FuzzParseForest feeds any text to the reader: it must not panic, and what it accepts leaves must read to the same
// score. Run the targets of this package with -fuzzminimizetime 1x: their inputs are long, and Go would spend its time on
// shortening each find instead of trying others.
func FuzzParseForest(f *testing.F) {
	for _, name := range []string{"gbdt", "zero", "single", "linear", "forest", "categorical", "v3"} {
		f.Add(string(fixture(f, name)[ModelFile].Data))
	}
	limits := DefaultLimits()
	limits.Trees, limits.Leaves, limits.Depth = 32, 128, 32
	v := []float64{5000, 3, 0, 1, math.NaN(), 0.9}
	f.Fuzz(func(t *testing.T, text string) {
		forest, err := parseForest(text, fixtureFeatures(), limits)
		if err != nil {
			return
		}
		walker := newWalker(forest)
		raw := walker.raw(v, *walker.scratch())
		if math.IsNaN(raw) || math.IsInf(raw, 0) {
			t.Fatalf("an accepted model scores %v", raw)
		}
		if plain := forest.raw(v); plain != raw {
			t.Fatalf("the plain walk scores %v, the walker %v", plain, raw)
		}
		reference, err := lgbm.Read([]byte(text), len(fixtureFeatures()), len(forest.roots))
		if err != nil {
			return // refused at load
		}
		if got, err := reference.Raw(v); err != nil || math.Abs(got-raw) > tolerance*max(1, math.Abs(raw)) {
			t.Fatalf("leaves scores %v (%v), the walker %v", got, err, raw)
		}
		r, err := newReaders(forest)
		if err != nil {
			t.Fatal(err)
		}
		sum, e := forest.expected, newExplainer(r, len(v))
		e.explain(v)
		for _, c := range e.out {
			sum += c
		}
		if math.Abs(sum-raw) > 1e-6*max(1, math.Abs(raw)) {
			t.Fatalf("the contributions add up to %v, the walker scores %v", sum, raw)
		}
	})
}

// FuzzDecode feeds any bytes to the decoders of the two JSON files.
func FuzzDecode(f *testing.F) {
	f.Add(fixture(f, "gbdt")[ManifestFile].Data)
	f.Add([]byte(`{"schema_version":1,"features":1,"vectors":[[null],["inf"],[-1e300]],"raw":[1,2,3],"probability":[0,0,0],"contributions":[[1,2]]}`))
	limits := DefaultLimits()
	limits.MinGoldenRows = 1
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := decodeManifest(data, fixtureContract(), limits); err == nil && m.Role != fixtureContract().Role {
			t.Fatal("a manifest of another role was accepted")
		}
		if g, err := decodeGolden(data, 1, limits); err == nil && len(g.Raw) != len(g.Vectors) {
			t.Fatal("a golden file without scores was accepted")
		}
	})
}

// FuzzLoad feeds whole artefacts with hashes that fit, so that whatever the three files hold reaches the proof. What
// loads must score and explain finitely, and by how much the contributions miss the score is bounded.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"gbdt", "zero", "dart", "single", "v3", "linear", "forest", "multiclass"} {
		fsys := fixture(f, name)
		f.Add(fsys[ModelFile].Data, fsys[GoldenFile].Data, []byte(`{"golden_covers_splits":true}`))
	}
	sound := fixture(f, "gbdt")
	f.Add(sound[ModelFile].Data, sound[GoldenFile].Data, []byte(`{"trees":13}`))
	f.Add(sound[ModelFile].Data, sound[GoldenFile].Data, []byte(`{"calibration":{"type":"platt","a":2,"b":-1}}`))
	limits := DefaultLimits()
	limits.Trees, limits.Leaves, limits.Depth, limits.ProofSteps = 64, 256, 64, 1<<24
	f.Fuzz(func(t *testing.T, model, golden, edits []byte) {
		fsys := fstest.MapFS{ModelFile: {Data: model}, GoldenFile: {Data: golden}, ManifestFile: sound[ManifestFile]}
		seal(t, fsys, func(m map[string]any) {
			_ = json.Unmarshal(edits, &m) // what is no object changes nothing
		})
		m, err := Load(fsys, limits, fixtureContract())
		if err != nil {
			return
		}
		v := []float64{5000, 3, 0, 1, math.NaN(), 0.9}
		raw, p, err := m.Score(v)
		if err != nil || !isShare(p) {
			t.Fatalf("a model that loaded scores %v, %v, %v", raw, p, err)
		}
		shares := make([]float64, len(v))
		sum, err := m.Contributions(shares, v)
		for _, c := range shares {
			sum += c
		}
		if err != nil || math.Abs(sum-raw) > 1e-6*max(1, math.Abs(raw)) {
			t.Fatalf("the contributions add up to %v, the score is %v (%v)", sum, raw, err)
		}
	})
}
