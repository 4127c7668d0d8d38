package lgbm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/dmitryikh/leaves"
)

// Ensemble is a model as leaves reads it. It is safe for concurrent use.
type Ensemble struct {
	trees *leaves.Ensemble
	width int
	out   sync.Pool // of *[1]float64, because leaves lets its output escape
}

// Read parses a LightGBM text model for vectors of the given width and refuses what does not have this many trees.
func Read(text []byte, width, trees int) (e *Ensemble, err error) {
	defer func() {
		if p := recover(); p != nil {
			e, err = nil, errors.New("leaves panicked while reading the model")
		}
	}()
	ens, err := leaves.LGEnsembleFromReader(bufio.NewReader(bytes.NewReader(withV3Header(text))), false)
	if err != nil {
		return nil, fmt.Errorf("leaves does not read the model: %w", err)
	}
	if ens.NRawOutputGroups() != 1 || ens.NEstimators() != trees {
		return nil, fmt.Errorf("leaves reads %d trees for %d outputs, expected %d for one",
			ens.NEstimators(), ens.NRawOutputGroups(), trees)
	}
	return &Ensemble{trees: ens, width: width, out: sync.Pool{New: func() any { return new([1]float64) }}}, nil
}

// withV3Header rewrites the header line of LightGBM 4. The trees of a gbdt model are written alike in both versions.
func withV3Header(text []byte) []byte {
	const v4, v3 = "\nversion=v4\n", "\nversion=v3\n"
	at := bytes.Index(text, []byte(v4))
	if end := bytes.Index(text, []byte("\nTree=")); at < 0 || (end >= 0 && at > end) {
		return text
	}
	out := bytes.Clone(text)
	copy(out[at:], v3)
	return out
}

// nearZero is LightGBM's kZeroThreshold. Its predictor reads values within it as 0; leaves does not.
const nearZero = float64(float32(1e-35))

// Raw returns the log-odds of one vector.
func (e *Ensemble) Raw(vector []float64) (raw float64, err error) {
	if len(vector) != e.width {
		return 0, fmt.Errorf("the vector has %d values, the model takes %d", len(vector), e.width)
	}
	defer func() {
		if p := recover(); p != nil {
			raw, err = 0, errors.New("leaves panicked while scoring")
		}
	}()
	out := e.out.Get().(*[1]float64)
	defer e.out.Put(out)
	if err := e.trees.Predict(flushed(vector), 0, out[:]); err != nil {
		return 0, fmt.Errorf("leaves: %w", err)
	}
	return out[0], nil
}

// flushed returns the vector with values within ±nearZero read as 0; a copy only where there is one.
func flushed(vector []float64) []float64 {
	for i, v := range vector {
		if v == 0 || v < -nearZero || v > nearZero || v != v {
			continue
		}
		out := append([]float64(nil), vector...)
		for j := i; j < len(out); j++ {
			if out[j] >= -nearZero && out[j] <= nearZero {
				out[j] = 0
			}
		}
		return out
	}
	return vector
}
