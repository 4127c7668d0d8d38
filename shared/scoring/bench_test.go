package scoring

import (
	"testing"

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

// BenchmarkLoad loads, verifies and compiles an artefact as the exporter wrote it.
func BenchmarkLoad(b *testing.B) {
	fsys, contract := fixture(b, "deep"), fixtureContract()
	b.SetBytes(int64(len(fsys[ModelFile].Data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(fsys, DefaultLimits(), contract); err != nil {
			b.Fatal(err)
		}
	}
}
