package scoring

import (
	"bytes"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// TestShapeWantsEverySplitReached detaches a part of a tree that points to itself.
func TestShapeWantsEverySplitReached(t *testing.T) {
	t.Parallel()
	detached := &tree{
		feature: []int{0, 0}, left: []int{-1, 1}, right: []int{-2, -3}, value: make([]float64, 3),
		count: []int{1, 1, 1}, splits: []int{2, 2},
	}
	if err := detached.checkShape(1, 10); err == nil || !strings.Contains(err.Error(), "split 1 is never reached") {
		t.Errorf("a detached split gave %v", err)
	}
}

// TestProofAsksAllReaders gives each reader another model in turn: any one alone must be noticed.
func TestProofAsksAllReaders(t *testing.T) {
	t.Parallel()
	one, other := readFixture(t, "gbdt"), readFixture(t, "dart")
	g, err := decodeGolden(fixture(t, "gbdt")[GoldenFile].Data, len(fixtureFeatures()), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	identity := Calibration{Type: "sigmoid", A: 1}
	if err := g.prove(one, identity); err != nil {
		t.Fatal(err)
	}
	for reason, r := range map[string]*readers{
		"leaves scores":                     {other.leaves, one.forest, one.walker, one.garden},
		"the walker scores":                 {one.leaves, one.forest, other.walker, one.garden},
		"the explained trees":               {one.leaves, other.forest, one.walker, one.garden},
		"the walker scores [^,]+, LightGBM": {one.leaves, other.forest, other.walker, one.garden}, // the parser misread
		"contributes":                       {one.leaves, one.forest, one.walker, other.garden},
	} {
		if err := g.prove(r, identity); err == nil || !regexp.MustCompile(reason).MatchString(err.Error()) {
			t.Errorf("the proof says %v, want %q", err, reason)
		}
	}
}

// readFixture reads the model of a fixture with every reader.
func readFixture(tb testing.TB, name string) *readers {
	tb.Helper()
	m := loadFixture(tb, name)
	r, err := read(fixture(tb, name)[ModelFile].Data, m.manifest, DefaultLimits())
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// TestDamageNeverScoresWrong truncates and flips bits of model.txt, states the new hash, and allows two outcomes only:
// refused, or the same scores as before (the damage hit something that no score depends on).
func TestDamageNeverScoresWrong(t *testing.T) {
	t.Parallel()
	const seed, flips, cuts = 5, 300, 40
	rng := rand.New(rand.NewPCG(seed, seed))
	sound := loadFixture(t, "gbdt")
	original := fixture(t, "gbdt")[ModelFile].Data
	loaded := 0
	for i := range flips + cuts {
		text := bytes.Clone(original)
		if i < flips {
			text[rng.IntN(len(text))] ^= 1 << rng.IntN(8)
		} else {
			text = text[:rng.IntN(len(text))]
		}
		fsys := fixture(t, "gbdt")
		fsys[ModelFile].Data = text
		seal(t, fsys, nil)
		m, err := Load(fsys, DefaultLimits(), fixtureContract())
		if err != nil {
			continue
		}
		loaded++
		for range 300 {
			v := randomVector(rng)
			want, _, _ := sound.Score(v)
			if got, _, err := m.Score(v); err != nil || math.Abs(got-want) > tolerance {
				t.Fatalf("damage %d of seed %d loaded and scores %v, want %v (%v)", i, seed, got, want, err)
			}
		}
	}
	t.Logf("%d of %d damaged models loaded, all with the right scores", loaded, flips+cuts)
}

// randomVector draws values in the fixtures' ranges, with missing ones.
func randomVector(rng *rand.Rand) []float64 {
	v := []float64{
		math.Exp(4 + 1.5*rng.NormFloat64()), float64(rng.IntN(24)), float64(rng.IntN(4)),
		300 * rng.ExpFloat64(), 100 * rng.ExpFloat64(), rng.NormFloat64(),
	}
	if i := rng.IntN(2 * len(v)); i < len(v) {
		v[i] = [3]float64{math.NaN(), 0, math.Inf(1)}[rng.IntN(3)]
	}
	return v
}
