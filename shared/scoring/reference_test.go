package scoring

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// withReference puts a reference into an artefact, and its hash into the manifest.
func withReference(tb testing.TB, text string) fstest.MapFS {
	tb.Helper()
	fsys := fixture(tb, "gbdt")
	fsys[ReferenceFile] = &fstest.MapFile{Data: []byte(text)}
	sum := sha256.Sum256([]byte(text))
	seal(tb, fsys, func(m map[string]any) { m["files"].(map[string]any)[ReferenceFile] = hex.EncodeToString(sum[:]) })
	return fsys
}

// referenceOf is a reference with these features.
func referenceOf(features ...string) string {
	return `{"schema_version": 1, "rows": 100, "features": [` + strings.Join(features, ",") + `]}`
}

const (
	amounts = `{"name": "amount_brl", "edges": [10, 100], "shares": [0.5, 0.25, 0.125, 0.125]}`
	hours   = `{"name": "hour", "edges": [], "shares": [1, 0]}`
	shares  = `{"name": "balance_share", "edges": [0.5], "shares": [0.2, 0.3, 0.5]}`
)

// TestReferenceIsVerified: a reference is that of the manifest's hash and describes features of the model in its order, or the
// model is refused. An artefact may do without.
func TestReferenceIsVerified(t *testing.T) {
	t.Parallel()
	if m := loadFixture(t, "gbdt"); m.Reference() != nil {
		t.Error("an artefact without a reference has one")
	}
	m, err := Load(withReference(t, referenceOf(amounts, shares)), DefaultLimits(), fixtureContract())
	if err != nil || m.Reference() == nil || m.Reference().Counters() != 7 {
		t.Fatalf("reference %+v: %v", m.Reference(), err)
	}
	changed, missing := withReference(t, referenceOf(amounts)), withReference(t, referenceOf(amounts))
	changed[ReferenceFile].Data[40]++
	delete(missing, ReferenceFile)
	wantRefused(t, changed, DefaultLimits(), pix.Invalid, "sha256 of reference.json")
	wantRefused(t, missing, DefaultLimits(), pix.Invalid, "reference.json is missing")
	wantRefused(t, withReference(t, strings.Repeat(" ", maxReferenceBytes+1)), DefaultLimits(), pix.TooLarge, "reference.json is larger")
	one := func(edges, shares string) string {
		return referenceOf(fmt.Sprintf(`{"name": "hour", "edges": %s, "shares": %s}`, edges, shares))
	}
	for reason, text := range map[string]string{
		`"unheard_of" is none of the model's`:                         referenceOf(`{"name": "unheard_of", "edges": [], "shares": [1, 0]}`),
		`"amount_brl" is none of the model's, or is not in its order`: referenceOf(hours, amounts),
		`"hour" is none of the model's, or is not in its order`:       referenceOf(hours, hours),
		"schema 2":             strings.Replace(referenceOf(hours), `version": 1`, `version": 2`, 1),
		"no rows":              strings.Replace(referenceOf(hours), "100", "0", 1),
		"describes no feature": referenceOf(),
		"has no field":         strings.Replace(referenceOf(hours), `"rows": 100, `, "", 1),
		"has null":             one("null", "[1, 0]"),
		"unknown field":        strings.Replace(referenceOf(hours), `"rows"`, `"more": 1, "rows"`, 1),
		"edges part":           one("[1]", "[1, 0]"),
		"do not rise":          one("[1, 1]", "[1, 0, 0, 0]"),
		"not between 0 and 1":  one("[1]", "[1.5, -0.5, 0]"),
		"add up to 1":          one("[1]", "[0.5, 0.4, 0]"),
	} {
		wantRefused(t, withReference(t, text), DefaultLimits(), pix.Invalid, reason)
	}
}

// TestCountPutsValuesInTheirBins: an edge belongs to the bin that it ends, and what is missing has a bin of its own.
func TestCountPutsValuesInTheirBins(t *testing.T) {
	t.Parallel()
	m, err := Load(withReference(t, referenceOf(amounts, shares)), DefaultLimits(), fixtureContract())
	if err != nil {
		t.Fatal(err)
	}
	r := m.Reference()
	counters := make([]uint32, r.Counters())
	for _, amount := range []float64{-1, 10, 10.5, 100, 101, math.Inf(1), math.NaN()} {
		r.Count(counters, []float64{amount, 9, 0, 0, 0, 0.5})
	}
	if diff := cmp.Diff([]uint32{2, 2, 2, 1, 7, 0, 0}, counters); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
}

// TestPSI: rows as in the reference have an index near 0, all in one bin one that is far above 0.25, and an empty bin none that
// is infinite.
func TestPSI(t *testing.T) {
	t.Parallel()
	m, err := Load(withReference(t, referenceOf(amounts, shares)), DefaultLimits(), fixtureContract())
	if err != nil {
		t.Fatal(err)
	}
	r, rng := m.Reference(), rand.New(rand.NewPCG(1, 2))
	index := func(draw func() float64) float64 {
		counters, at := make([]uint32, r.Counters()), -1.0
		for range 4000 {
			r.Count(counters, []float64{draw(), 0, 0, 0, 0, 0})
		}
		r.PSI(counters, 4000, func(place int, psi float64) {
			if place == 0 {
				at = psi
			}
		})
		return at
	}
	alike := func() float64 {
		switch at := rng.Float64(); {
		case at < 0.5:
			return 5
		case at < 0.75:
			return 50
		case at < 0.875:
			return 500
		default:
			return math.NaN()
		}
	}
	if got := index(alike); got < 0 || got > 0.01 {
		t.Errorf("alike: %v", got)
	}
	if got := index(func() float64 { return alike() * 10 }); !(got > 0.25) || math.IsInf(got, 0) {
		t.Errorf("ten times as much: %v", got)
	}
	// by hand: (1-0.5)·ln(1/0.5) + (1e-4-0.25)·ln(1e-4/0.25) + 2·(1e-4-0.125)·ln(1e-4/0.125)
	want := 0.5*math.Log(2) + (1e-4-0.25)*math.Log(1e-4/0.25) + 2*(1e-4-0.125)*math.Log(1e-4/0.125)
	if got := index(func() float64 { return 1 }); math.Abs(got-want) > 1e-9 {
		t.Errorf("all in one bin: %v, want %v", got, want)
	}
}

// FuzzReference: whatever the file holds, it is refused, or counts every vector in one bin of each of its features.
func FuzzReference(f *testing.F) {
	for _, text := range []string{referenceOf(amounts, shares), referenceOf(hours), referenceOf(), `{"features": [{}]}`} {
		f.Add([]byte(text))
	}
	manifest := &Manifest{Features: fixtureFeatures()}
	f.Fuzz(func(t *testing.T, data []byte) {
		sum := sha256.Sum256(data)
		manifest := *manifest
		manifest.Files.Reference = hex.EncodeToString(sum[:])
		r, err := loadReference(fstest.MapFS{ReferenceFile: &fstest.MapFile{Data: data}}, &manifest, []int32{0, 1, 2, 3, 4, 5})
		if err != nil {
			return
		}
		counters := make([]uint32, r.Counters())
		r.Count(counters, []float64{0, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -0.5})
		total := 0
		for _, n := range counters {
			total += int(n)
		}
		if total != len(r.features) {
			t.Errorf("%d of %d features were counted", total, len(r.features))
		}
		r.PSI(counters, 1, func(_ int, psi float64) {
			if !(psi >= 0) || math.IsInf(psi, 0) {
				t.Errorf("an index of %v", psi)
			}
		})
	})
}
