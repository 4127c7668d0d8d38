package lgbm

import (
	"bytes"
	"math"
	"os"
	"testing"
)

const width, trees = 6, 12

func model(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../testdata/gbdt/model.txt")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestRawWantsExactWidth guards against leaves answering 0 for a short vector and accepting a long one.
func TestRawWantsExactWidth(t *testing.T) {
	t.Parallel()
	e, err := Read(model(t), width, trees)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, width - 1, width + 1} {
		if raw, err := e.Raw(make([]float64, n)); err == nil {
			t.Errorf("%d values score %v", n, raw)
		}
	}
	if _, err := e.Raw(make([]float64, width)); err != nil {
		t.Error(err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	text := model(t)
	for name, broken := range map[string][]byte{
		"empty":        nil,
		"truncated":    text[:len(text)/3],
		"another text": []byte("version=v4\n"),
		"v5":           bytes.Replace(text, []byte("version=v4"), []byte("version=v5"), 1),
		// A right child far outside makes leaves index beyond its slices.
		"panic": bytes.Replace(text, []byte("\nleft_child="), []byte("\nleft_child=999 "), 1),
	} {
		if _, err := Read(broken, width, trees); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := Read(text, width, trees+1); err == nil {
		t.Error("a wrong number of trees was accepted")
	}
}

// TestRawDoesNotChangeTheVector matters because the vector is stored with the decision.
func TestRawDoesNotChangeTheVector(t *testing.T) {
	t.Parallel()
	e, err := Read(model(t), width, trees)
	if err != nil {
		t.Fatal(err)
	}
	v := []float64{5e-324, 3, -nearZero, 1, 2, math.Inf(1)}
	before := bytes.Clone(floats(v))
	if _, err := e.Raw(v); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, floats(v)) {
		t.Error("scoring changed the vector")
	}
}

func floats(v []float64) []byte {
	var out []byte
	for _, f := range v {
		bits := math.Float64bits(f)
		for range 8 {
			out = append(out, byte(bits))
			bits >>= 8
		}
	}
	return out
}
