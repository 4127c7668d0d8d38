package scoring

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkReaders compares the two readers on one model: the reference, which serves, and this package's own walk.
func BenchmarkReaders(b *testing.B) {
	m := loadFixture(b, "deep")
	rng := rand.New(rand.NewPCG(1, 1))
	rows := make([][]float64, 1024)
	for i := range rows {
		rows[i] = randomVector(rng)
	}
	b.Run("leaves", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := m.reference.Raw(rows[i%len(rows)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("walker", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			m.forest.raw(rows[i%len(rows)])
		}
	})
}
