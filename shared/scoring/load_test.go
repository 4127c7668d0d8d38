package scoring

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// fixtureFeatures is the feature list of models/src/sentinela_models/fixtures.py.
func fixtureFeatures() []string {
	return []string{"amount_brl", "hour", "payer_count_1h", "payee_age_days", "device_age_days", "balance_share"}
}

func fixtureContract() Contract {
	return Contract{Role: pix.PayerRole, FeatureNames: fixtureFeatures(), FeatureSet: "fixture-1"}
}

// fixture reads an artefact of testdata into memory, where a test may damage it.
func fixture(tb testing.TB, name string) fstest.MapFS {
	tb.Helper()
	fsys := fstest.MapFS{}
	for _, file := range []string{ModelFile, ManifestFile, GoldenFile} {
		data, err := os.ReadFile(filepath.Join("testdata", name, file))
		if err != nil {
			tb.Fatal(err)
		}
		fsys[file] = &fstest.MapFile{Data: data}
	}
	return fsys
}

func loadFixture(tb testing.TB, name string) *Model {
	tb.Helper()
	m, err := Load(fixture(tb, name), DefaultLimits(), fixtureContract())
	if err != nil {
		tb.Fatalf("Load(%s): %v", name, err)
	}
	return m
}

// forestOf reads the trees of a fixture that was loaded: a model keeps them only as its readers lay them out.
func forestOf(tb testing.TB, m *Model) *forest {
	tb.Helper()
	return readFixture(tb, m.Version()).forest
}

// TestLoadServedKinds loads every kind of model that is served. Loading proves all scores and contributions, so this is
// the comparison with LightGBM 4.7 and, for v3, 3.3.
func TestLoadServedKinds(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gbdt", "dart", "goss", "goss3", "large", "zero", "none", "deep", "single", "platt", "v3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := loadFixture(t, name)
			if m.Version() != name || m.Role() != pix.PayerRole {
				t.Errorf("loaded %s of role %s", m.Version(), m.Role())
			}
		})
	}
}
