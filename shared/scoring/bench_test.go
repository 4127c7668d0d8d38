package scoring

import (
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring/lgbm"
)

// benched is the size of model that the figures are stated for.
func benched() synthetic { return synthetic{seed: 1, trees: 300, leaves: 31, features: 80} }

// BenchmarkScore compares the reference reader with what serves (Model.Score on the compiled walker) and with the
// plain walk, one row at a time.
func BenchmarkScore(b *testing.B) {
	s := benched()
	f := s.forest(b)
	reference, err := lgbm.Read([]byte(s.text()), s.features, s.trees)
	if err != nil {
		b.Fatal(err)
	}
	rows := s.rows(1024)
	b.Run("leaves", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := reference.Raw(rows[i%len(rows)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	m := newModel(&Manifest{Features: s.names(), Calibration: Calibration{A: 1}}, &readers{forest: f, walker: newWalker(f)})
	b.Run("compiled", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, _, err := m.Score(rows[i%len(rows)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			f.raw(rows[i%len(rows)])
		}
	})
}

// BenchmarkExplain explains rows of the same model.
func BenchmarkExplain(b *testing.B) {
	s := benched()
	rows := s.rows(64)
	e := newExplainer(s.forest(b), s.features)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.explain(rows[i%len(rows)])
	}
}

// artefact writes the model with golden vectors of its own, as many as an exporter writes.
func (s synthetic) artefact(tb testing.TB) (fstest.MapFS, Contract) {
	tb.Helper()
	f := s.forest(tb)
	m := newModel(&Manifest{Features: s.names(), Calibration: Calibration{A: 1}}, &readers{forest: f, walker: newWalker(f)})
	fsys := fixture(tb, "gbdt")
	fsys[ModelFile].Data = []byte(s.text())
	fsys[GoldenFile].Data = goldenOf(tb, m, s.rows(1020))
	seal(tb, fsys, func(manifest map[string]any) {
		manifest["features"], manifest["trees"], manifest["leaves"] = s.names(), s.trees, s.trees*s.leaves
	})
	return fsys, Contract{Role: pix.PayerRole, FeatureNames: s.names()}
}

// BenchmarkLoad loads, verifies and compiles the same model, of 0.9 MB.
func BenchmarkLoad(b *testing.B) {
	fsys, contract := benched().artefact(b)
	b.SetBytes(int64(len(fsys[ModelFile].Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(fsys, DefaultLimits(), contract); err != nil {
			b.Fatal(err)
		}
	}
}
