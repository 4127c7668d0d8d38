package scoring

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Tolerances of the proof, in log-odds. They grow with what is beyond large: a sum of such numbers has no more digits than
// one of small ones.
const (
	tolerance             = 1e-9 // of a score, and of the sum of contributions
	contributionTolerance = 1e-6 // of one contribution, against LightGBM's
	large                 = 1000
)

// golden holds vectors with LightGBM's own answers. In JSON, null is NaN and ±infinity are "inf" and "-inf".
type golden struct {
	SchemaVersion int        `json:"schema_version"`
	Features      int        `json:"features"`
	TreesSHA256   string     `json:"trees_sha256"` // digest of all trees as LightGBM read them
	Vectors       [][]number `json:"vectors"`
	Raw           []number   `json:"raw"`         // LightGBM's raw score of each vector
	Probability   []number   `json:"probability"` // calibrated
	// Contributions are LightGBM's pred_contrib of the first vectors: one for each feature, then the expected value.
	Contributions [][]number `json:"contributions"`
}

// number is a float64 whose JSON form knows NaN and the infinities.
type number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(data []byte) error {
	switch s := string(data); s {
	case "null":
		*n = number(math.NaN())
	case `"inf"`:
		*n = number(math.Inf(1))
	case `"-inf"`:
		*n = number(math.Inf(-1))
	default:
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || strings.ContainsAny(s, "iInNxX_") {
			return fmt.Errorf("%q is no number", clip(s))
		}
		*n = number(v)
	}
	return nil
}

// minContributions is how many vectors of a golden file must carry contributions.
const minContributions = 20

// decodeGolden reads golden.json and checks its measures.
func decodeGolden(data []byte, features int, limits Limits) (*golden, error) {
	if err := checkSize(data, features, limits); err != nil {
		return nil, err
	}
	g := &golden{}
	if err := decodeStrict(GoldenFile, data, g); err != nil {
		return nil, err
	}
	rows := len(g.Vectors)
	switch {
	case g.SchemaVersion != SchemaVersion:
		return nil, fmt.Errorf("golden schema %d is not %d", g.SchemaVersion, SchemaVersion)
	case g.Features != features:
		return nil, fmt.Errorf("golden vectors have %d features, the model %d", g.Features, features)
	case rows > limits.MaxGoldenRows:
		return nil, tooLarge("%d golden vectors are more than the limit of %d", rows, limits.MaxGoldenRows)
	case len(g.Contributions) > limits.Contributions:
		return nil, tooLarge("contributions of %d golden vectors are more than the limit of %d", len(g.Contributions), limits.Contributions)
	case rows < limits.MinGoldenRows:
		return nil, fmt.Errorf("%d golden vectors; at least %d must prove a model", rows, limits.MinGoldenRows)
	case len(g.Raw) != rows || len(g.Probability) != rows:
		return nil, fmt.Errorf("%d golden vectors with %d scores and %d probabilities", rows, len(g.Raw), len(g.Probability))
	case len(g.Contributions) < min(rows, minContributions) || len(g.Contributions) > rows:
		return nil, fmt.Errorf("%d golden vectors carry contributions, at least %d must", len(g.Contributions), minContributions)
	}
	return g, g.checkWidths()
}

// checkSize refuses what holds more lists or values than golden vectors within limits could, before it is decoded: a
// list of two bytes takes twenty times as many in memory.
func checkSize(data []byte, features int, limits Limits) error {
	const rest = 16 // of the document itself
	rows := limits.MaxGoldenRows + limits.Contributions
	if n := bytes.Count(data, []byte("[")) + bytes.Count(data, []byte("{")); n > rows+rest {
		return tooLarge("golden.json holds %d lists, golden vectors within the limits at most %d", n, rows+rest)
	}
	most := rows*(features+3) + rest // a vector brings its values, a score and a probability
	if n := bytes.Count(data, []byte(",")); n > most {
		return tooLarge("golden.json holds %d values, golden vectors within the limits at most %d", n, most)
	}
	return nil
}

func (g *golden) checkWidths() error {
	for i, v := range g.Vectors {
		if len(v) != g.Features {
			return fmt.Errorf("golden vector %d has %d values", i, len(v))
		}
	}
	for i, c := range g.Contributions {
		if len(c) != g.Features+1 {
			return fmt.Errorf("golden contributions %d have %d values", i, len(c))
		}
	}
	return nil
}

// checkWork refuses a proof that would take more steps than allowed.
func (g *golden) checkWork(r *readers, most int64) error {
	const walks = 4 // three readers and the coverage
	steps := int64(len(g.Vectors))*r.forest.steps*walks + int64(len(g.Contributions))*r.garden.steps
	if steps > most {
		return tooLarge("the proof takes %d steps, the limit is %d", steps, most)
	}
	return nil
}

// prove scores every golden vector through all readers and explains those that carry contributions.
func (g *golden) prove(r *readers, calibration Calibration) error {
	e := newExplainer(r, g.Features)
	vector, scratch := make([]float64, g.Features), *r.walker.scratch()
	for i, row := range g.Vectors {
		for j, v := range row {
			vector[j] = float64(v)
		}
		want := float64(g.Raw[i])
		if err := r.prove(vector, scratch, want); err != nil {
			return fmt.Errorf("golden vector %d: %w", i, err)
		}
		if p := calibration.Probability(want); !within(p, float64(g.Probability[i]), tolerance) {
			return fmt.Errorf("golden vector %d: the calibration gives probability %v, the file says %v",
				i, p, float64(g.Probability[i]))
		}
		if i >= len(g.Contributions) {
			continue
		}
		e.explain(vector)
		if err := g.proveContributions(e, i); err != nil {
			return fmt.Errorf("golden vector %d: %w", i, err)
		}
	}
	return nil
}

// prove scores one vector with every reader. The two ways of reading this package's trees must give the same bits: what
// explains a score is then what gave it.
func (r *readers) prove(vector, scratch []float64, want float64) error {
	viaLeaves, err := r.leaves.Raw(vector)
	if err != nil {
		return err
	}
	if !within(viaLeaves, want, tolerance*scale(want)) {
		return fmt.Errorf("leaves scores %v, LightGBM %v", viaLeaves, want)
	}
	own := r.walker.raw(vector, scratch)
	if !within(own, want, tolerance*scale(want)) {
		return fmt.Errorf("the walker scores %v, LightGBM %v", own, want)
	}
	if plain := r.forest.raw(vector); plain != own {
		return fmt.Errorf("the walker scores %v, the explained trees %v", own, plain)
	}
	return nil
}

func (g *golden) proveContributions(e *explainer, i int) error {
	sum := e.expected
	want := g.Contributions[i]
	size := scale(float64(g.Raw[i]))
	for _, c := range want {
		size = max(size, scale(float64(c)))
	}
	for j, got := range e.out {
		if !within(got, float64(want[j]), contributionTolerance*size) {
			return fmt.Errorf("feature %d contributes %v, LightGBM says %v", j, got, float64(want[j]))
		}
		sum += got
	}
	if !within(e.expected, float64(want[g.Features]), contributionTolerance*size) {
		return fmt.Errorf("the expected value is %v, LightGBM says %v", e.expected, float64(want[g.Features]))
	}
	if !within(sum, float64(g.Raw[i]), tolerance*size) {
		return errors.New("the contributions do not add up to the score")
	}
	return nil
}

// scale is by how much the tolerances of a number grow; not for NaN and infinities, to which nothing is near.
func scale(v float64) float64 {
	if v = math.Abs(v) / large; v > 1 && !math.IsInf(v, 0) {
		return v
	}
	return 1
}

// within is false for NaN.
func within(got, want, tol float64) bool { return math.Abs(got-want) <= tol }
