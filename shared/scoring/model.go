package scoring

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sync"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/scoring/lgbm"
)

// Contract is what the scorer expects of a model: its role and the feature list of the running code, of which a model
// names those that it reads, in its order. So a release may have features that no model was trained on yet.
type Contract struct {
	Role         pix.Role
	FeatureNames []string // names and order of the vector
	FeatureSet   string   // version of the feature list, of which the revision is compared; not when empty
	Version      string   // version that the artefact's place promises; not compared when empty
	Keys         Keys     // by one of which the manifest must be signed; none asks for no signature
}

// Model is a verified model. It never changes and is safe for concurrent use.
type Model struct {
	manifest   *Manifest
	width      int     // of the vector
	places     []int32 // of the model's features in the vector
	expected   float64 // what contributions add to
	walker     *walker // scores; its inputs are places of the vector
	reference  *Reference
	inputs     sync.Pool // of *[]float64, the walker's
	explainers sync.Pool // of *explainer
}

// Load reads an artefact and proves it, or returns an error whose text says in one sentence why it was refused: Invalid
// for what is wrong with the artefact, TooLarge for what is above a limit, Unavailable where the files cannot be read.
func Load(fsys fs.FS, limits Limits, contract Contract) (m *Model, err error) {
	defer func() {
		if p := recover(); p != nil { // a scorer that serves must not die of an artefact
			m, err = nil, refusal(errors.New("a reader panicked"))
		}
	}()
	m, err = load(fsys, limits, contract)
	if err != nil {
		return nil, refusal(err)
	}
	return m, nil
}

func load(fsys fs.FS, limits Limits, contract Contract) (*Model, error) {
	data, err := readBounded(fsys, ManifestFile, limits.ManifestBytes)
	if err != nil {
		return nil, err
	}
	if err := contract.Keys.check(fsys, data); err != nil {
		return nil, err
	}
	manifest, err := decodeManifest(data, contract, limits)
	if err != nil {
		return nil, err
	}
	text, err := readBounded(fsys, ModelFile, limits.ModelBytes)
	if err != nil {
		return nil, err
	}
	if err := foreign(ModelFile, text); err != nil {
		return nil, err
	}
	if err := checkHash(ModelFile, text, manifest.Files.Model); err != nil {
		return nil, err
	}
	proof, err := readBounded(fsys, GoldenFile, limits.GoldenBytes)
	if err != nil {
		return nil, err
	}
	if err := foreign(GoldenFile, proof); err != nil {
		return nil, err
	}
	if err := checkHash(GoldenFile, proof, manifest.Files.Golden); err != nil {
		return nil, err
	}
	r, err := read(text, manifest, limits)
	if err != nil {
		return nil, err
	}
	g, err := decodeGolden(proof, len(manifest.Features), limits)
	if err != nil {
		return nil, err
	}
	if err := g.checkWork(r, limits.ProofSteps); err != nil {
		return nil, err
	}
	if err := g.prove(r, manifest.Calibration); err != nil {
		return nil, g.suspect(r.forest, err)
	}
	if err := manifest.checkClaim(); err != nil {
		return nil, err
	}
	if err := g.checkCoverage(r.forest); err != nil {
		return nil, err
	}
	if err := g.checkTrees(r.forest); err != nil {
		return nil, err
	}
	m := newModel(manifest, contract, r)
	m.reference, err = loadReference(fsys, manifest, m.places)
	return m, err
}

// readers are all that read one model.txt. They must agree; leaves is the one that others have proved, and is not kept.
type readers struct {
	leaves *lgbm.Ensemble
	forest *forest
	walker *walker
	garden *garden
}

// read reads the trees twice: with this package's own parser first, which also keeps from leaves what would make it
// panic or hang, and with leaves.
func read(text []byte, manifest *Manifest, limits Limits) (*readers, error) {
	f, err := parseForest(string(text), manifest.Features, limits)
	if err != nil {
		return nil, err
	}
	if len(f.roots) != manifest.Trees || len(f.values) != manifest.Leaves {
		return nil, fmt.Errorf("model.txt has %d trees and %d leaves, the manifest says %d and %d",
			len(f.roots), len(f.values), manifest.Trees, manifest.Leaves)
	}
	reference, err := lgbm.Read(text, len(manifest.Features), len(f.roots))
	if err != nil {
		return nil, err
	}
	own, err := newReaders(f)
	if err != nil {
		return nil, err
	}
	own.leaves = reference
	return own, nil
}

// newReaders lays out a forest for scoring and for explaining.
func newReaders(f *forest) (*readers, error) {
	w := newWalker(f)
	g, err := newGarden(f, w)
	if err != nil {
		return nil, err
	}
	return &readers{forest: f, walker: w, garden: g}, nil
}

// newModel lets proved readers take their inputs straight from the vector, so that a feature which the model does not read
// costs nothing.
func newModel(manifest *Manifest, contract Contract, r *readers) *Model {
	m := &Model{
		manifest: manifest, width: len(contract.FeatureNames), places: places(manifest.Features, contract.FeatureNames),
		expected: r.forest.expected, walker: r.walker,
	}
	for i := range r.walker.inputs {
		in := &r.walker.inputs[i]
		in.feature = m.places[in.feature]
	}
	m.inputs.New = func() any { return r.walker.scratch() }
	m.explainers.New = func() any { return newExplainer(r, len(manifest.Features)) }
	return m
}

// Version names the artefact.
func (m *Model) Version() string { return m.manifest.Version }

// Role says which question the model answers.
func (m *Model) Role() pix.Role { return m.manifest.Role }

// Manifest returns what the artefact says of itself. The caller must not change what it points to.
func (m *Model) Manifest() *Manifest { return m.manifest }

// places finds each name in the list of the vector: -1 where it is not there.
func places(names, vector []string) []int32 {
	at := make(map[string]int32, len(vector))
	for i, name := range vector {
		at[name] = int32(i)
	}
	out := make([]int32, len(names))
	for i, name := range names {
		place, known := at[name]
		if out[i] = place; !known {
			out[i] = -1
		}
	}
	return out
}

// checkWidth refuses a vector that is not one of the contract's.
func (m *Model) checkWidth(op string, vector []float64) error {
	if len(vector) != m.width {
		return pix.E(pix.Unexpected, op+" with "+m.name(),
			fmt.Errorf("the vector has %d values, the contract %d", len(vector), m.width))
	}
	return nil
}

// Score returns the log-odds and the calibrated probability of fraud for one vector, in the order of the contract.
// NaN in the vector is a missing value. It allocates nothing. An error means that no score exists; it never stands for a low one.
func (m *Model) Score(vector []float64) (raw, probability float64, err error) {
	if err := m.checkWidth("score", vector); err != nil {
		return 0, 0, err
	}
	scratch := m.inputs.Get().(*[]float64)
	raw = m.walker.raw(vector, *scratch)
	m.inputs.Put(scratch)
	if math.IsNaN(raw) || math.IsInf(raw, 0) {
		return 0, 0, pix.E(pix.Unexpected, "score with "+m.name(), errors.New("the score is not finite"))
	}
	return raw, m.manifest.Calibration.Probability(raw), nil
}

// ScoreBatch writes the log-odds and the probabilities of many vectors, as Score gives them one by one, in less time:
// for replay and backtests. All three slices are of one length. An error means that none of the results may be used.
func (m *Model) ScoreBatch(raw, probability []float64, vectors [][]float64) error {
	op := "score with " + m.name()
	if len(raw) != len(vectors) || len(probability) != len(vectors) {
		return pix.E(pix.Unexpected, op,
			fmt.Errorf("%d and %d places for %d scores", len(raw), len(probability), len(vectors)))
	}
	scratch := make([]float64, block*(1+len(m.walker.inputs)))
	for first := 0; first < len(vectors); first += block {
		last := min(first+block, len(vectors))
		for i, v := range vectors[first:last] {
			if err := m.checkWidth("score", v); err != nil {
				return fmt.Errorf("vector %d: %w", first+i, err)
			}
		}
		m.walker.batch(raw[first:last], vectors[first:last], scratch)
	}
	for i, v := range raw {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return pix.E(pix.Unexpected, op, fmt.Errorf("score %d is not finite", i))
		}
		probability[i] = m.manifest.Calibration.Probability(v)
	}
	return nil
}

// Explain returns the top contributions to the raw score in log-odds, largest absolute value first, ties in the order of
// the model's features. Features that contribute nothing are left out.
func (m *Model) Explain(vector []float64, top int) ([]pix.Contribution, error) {
	if err := m.checkWidth("explain", vector); err != nil {
		return nil, err
	}
	e := m.explainers.Get().(*explainer)
	defer m.explainers.Put(e)
	e.explain(vector)
	told := make([]pix.Contribution, 0, len(e.out))
	for i, c := range e.out {
		if c != 0 {
			told = append(told, pix.Contribution{Feature: m.manifest.Features[i], Value: vector[m.places[i]], Contribution: c})
		}
	}
	slices.SortStableFunc(told, func(a, b pix.Contribution) int {
		return cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution))
	})
	return told[:min(len(told), max(top, 0))], nil
}

// Contributions writes the contribution of every feature that the model names to dst, in the manifest's order, and returns
// the expected value: it and the contributions add up to the raw score.
func (m *Model) Contributions(dst, vector []float64) (expected float64, err error) {
	if err := m.checkWidth("explain", vector); err != nil {
		return 0, err
	}
	if len(dst) != len(m.places) {
		return 0, pix.E(pix.Unexpected, "explain with "+m.name(),
			fmt.Errorf("%d places for the contributions of %d features", len(dst), len(m.places)))
	}
	e := m.explainers.Get().(*explainer)
	defer m.explainers.Put(e)
	e.explain(vector)
	copy(dst, e.out)
	return m.expected, nil
}

func (m *Model) name() string { return string(m.manifest.Role) + "/" + m.manifest.Version }
