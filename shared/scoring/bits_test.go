package scoring

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"
)

// TestBits holds scores, probabilities and contributions to the bits that amd64 gave, wherever it runs. Hashes change
// with the fixtures or the order of operations, and then for all processors alike: write what amd64 prints.
// scripts/conformance/arm64.sh runs this on arm64.
func TestBits(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"gbdt": "8f1f4bf85199170c", "dart": "fd619920ab0c4eb0", "zero": "c629089e1ea9dfb0", "none": "fac9db25994227a6",
		"deep": "f69f2a83dcc0e5f7", "platt": "58a82056c2694d06",
		"v3": "8f1f4bf85199170c", // LightGBM 3.3 grew the very trees of 4.7
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := loadFixture(t, name)
			g, err := decodeGolden(fixture(t, name)[GoldenFile].Data, len(fixtureFeatures()), DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			sum, vector := sha256.New(), make([]float64, g.Features)
			write := func(values ...float64) {
				for _, v := range values {
					sum.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(v)))
				}
			}
			shares := make([]float64, g.Features)
			for _, row := range g.Vectors {
				for j, v := range row {
					vector[j] = float64(v)
				}
				raw, p, err := m.Score(vector)
				if err != nil {
					t.Fatal(err)
				}
				expected, err := m.Contributions(shares, vector)
				if err != nil {
					t.Fatal(err)
				}
				write(raw, p, expected)
				write(shares...)
			}
			if got := hex.EncodeToString(sum.Sum(nil)[:8]); got != want {
				t.Errorf("%d vectors hash to %s, want %s", len(g.Vectors), got, want)
			}
		})
	}
}

// TestExp compares with the standard library's within two ulps.
func TestExp(t *testing.T) {
	t.Parallel()
	for x := -700.0; x < 700; x += 0.37 {
		got, want := exp(x), math.Exp(x)
		if ulps := int64(math.Float64bits(got)) - int64(math.Float64bits(want)); got != want && (ulps < -2 || ulps > 2) {
			t.Errorf("exp(%v) is %v, want %v", x, got, want)
		}
	}
	if !math.IsNaN(exp(math.NaN())) || exp(0) != 1 || !math.IsInf(exp(math.Inf(1)), 1) || exp(math.Inf(-1)) != 0 {
		t.Error("exp of a limit is wrong")
	}
}
