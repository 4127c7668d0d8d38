package scoring

import (
	"errors"
	"io/fs"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Contract is what the scorer expects of a model: its role and the feature list of the running code.
type Contract struct {
	Role         pix.Role
	FeatureNames []string // names and order of the vector
	FeatureSet   string   // version of the feature list; not compared when empty
}

// Model is a verified model. It never changes and is safe for concurrent use.
type Model struct {
	manifest Manifest
}

// Load reads an artefact and proves it, or returns an Invalid or TooLarge error whose text says in one sentence why it
// was refused.
func Load(fsys fs.FS, limits Limits, contract Contract) (*Model, error) {
	return nil, pix.E(pix.Invalid, "load model", errors.New("not built yet"))
}

// Version names the artefact.
func (m *Model) Version() string { return m.manifest.Version }

// Role says which question the model answers.
func (m *Model) Role() pix.Role { return m.manifest.Role }

// Manifest returns what the artefact says of itself. The caller must not change what it points to.
func (m *Model) Manifest() *Manifest { return &m.manifest }

// Score returns the log-odds and the calibrated probability of fraud for one vector, in the order of the feature list.
func (m *Model) Score(vector []float64) (raw, probability float64, err error) {
	return 0, 0, pix.E(pix.Unexpected, "score", errors.New("not built yet"))
}

// Explain returns the top contributions to the raw score, largest absolute value first.
func (m *Model) Explain(vector []float64, top int) ([]pix.Contribution, error) {
	return nil, pix.E(pix.Unexpected, "explain", errors.New("not built yet"))
}
