package scoring

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/scoring/lgbm"
)

// bench is a model with rows to score: the one that SENTINELA_BENCH names, which `make bench` lets Python write so that
// LightGBM and lleaves are measured on the same (an artefact, with its rows as float64 in rows.f64), or else a synthetic
// one of the same size.
type bench struct {
	text     []byte
	features []string
	forest   *forest
	rows     [][]float64
}

func newBench(b *testing.B) *bench {
	b.Helper()
	dir := os.Getenv("SENTINELA_BENCH")
	if dir == "" {
		s := synthetic{seed: 1, trees: 300, leaves: 31, features: 80}
		return &bench{[]byte(s.text()), s.names(), s.forest(b), s.rows(1024)}
	}
	var m Manifest
	if err := json.Unmarshal(readFile(b, dir, ManifestFile), &m); err != nil {
		b.Fatal(err)
	}
	text := readFile(b, dir, ModelFile)
	f, err := parseForest(string(text), m.Features, DefaultLimits())
	if err != nil {
		b.Fatal(err)
	}
	numbers := readFile(b, dir, "rows.f64")
	var rows [][]float64
	for width := 8 * len(m.Features); len(numbers) >= width; numbers = numbers[width:] {
		row := make([]float64, len(m.Features))
		for i := range row {
			row[i] = math.Float64frombits(binary.LittleEndian.Uint64(numbers[8*i:]))
		}
		rows = append(rows, row)
	}
	return &bench{text, m.Features, f, rows}
}

func readFile(tb testing.TB, dir, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func (s *bench) readers(b *testing.B) *readers {
	b.Helper()
	r, err := newReaders(s.forest)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func (s *bench) model(b *testing.B) *Model {
	b.Helper()
	m := &Manifest{Features: s.features, Calibration: Calibration{A: 1}}
	return newModel(m, Contract{FeatureNames: s.features}, s.readers(b))
}

// BenchmarkScore compares the reference reader with what serves (Model.Score on the compiled walker) and with the
// plain walk, one row at a time.
func BenchmarkScore(b *testing.B) {
	s := newBench(b)
	reference, err := lgbm.Read(s.text, len(s.features), len(s.forest.roots))
	if err != nil {
		b.Fatal(err)
	}
	rows, m := s.rows, s.model(b)
	b.Run("leaves", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := reference.Raw(rows[i%len(rows)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("compiled", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, _, err := m.Score(rows[i%len(rows)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("batch", func(b *testing.B) {
		raw, probability := make([]float64, len(rows)), make([]float64, len(rows))
		for done := 0; b.Loop(); done++ { // an operation is one row, as above
			if done%len(rows) == 0 {
				if err := m.ScoreBatch(raw, probability, rows); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			s.forest.raw(rows[i%len(rows)])
		}
	})
}

// BenchmarkExplain explains rows of the same model.
func BenchmarkExplain(b *testing.B) {
	s := newBench(b)
	e := newExplainer(s.readers(b), len(s.features))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.explain(s.rows[i%len(s.rows)])
	}
}

// BenchmarkShapes takes models from the smallest to those that no longer fit the second-level cache: a walker that wins at
// one size may lose at another.
func BenchmarkShapes(b *testing.B) {
	for _, s := range []synthetic{
		{seed: 1, trees: 10, leaves: 8, features: 20}, {seed: 2, trees: 100, leaves: 31, features: 80},
		{seed: 3, trees: 1000, leaves: 8, features: 80}, {seed: 4, trees: 100, leaves: 255, features: 300},
		{seed: 5, trees: 1000, leaves: 31, features: 300},
	} {
		name := fmt.Sprintf("%dx%dx%d", s.trees, s.leaves, s.features)
		shape := &bench{[]byte(s.text()), s.names(), s.forest(b), s.rows(256)}
		reference, err := lgbm.Read(shape.text, s.features, s.trees)
		if err != nil {
			b.Fatal(err)
		}
		m, e := shape.model(b), newExplainer(shape.readers(b), s.features)
		each := func(reader string, read func(row []float64) error) {
			b.Run(name+"/"+reader, func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if err := read(shape.rows[i%len(shape.rows)]); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		each("leaves", func(row []float64) error { _, err := reference.Raw(row); return err })
		each("compiled", func(row []float64) error { _, _, err := m.Score(row); return err })
		each("explain", func(row []float64) error { e.explain(row); return nil })
	}
}

// BenchmarkLoad loads, verifies and compiles an artefact as the exporter wrote it.
func BenchmarkLoad(b *testing.B) {
	dir := os.Getenv("SENTINELA_BENCH")
	if dir == "" {
		dir = filepath.Join("testdata", "deep")
	}
	var m Manifest
	if err := json.Unmarshal(readFile(b, dir, ManifestFile), &m); err != nil {
		b.Fatal(err)
	}
	contract := Contract{Role: m.Role, FeatureNames: m.Features}
	b.SetBytes(int64(len(readFile(b, dir, ModelFile))))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(os.DirFS(dir), DefaultLimits(), contract); err != nil {
			b.Fatal(err)
		}
	}
}
