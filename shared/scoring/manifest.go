package scoring

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// SchemaVersion is the version of manifest.json and golden.json that this package reads.
const SchemaVersion = 1

// Manifest says what a model is, where it comes from and how well it did. It is written by the training side
// (models/src/sentinela_models/artefact.py) and described by models/contract/manifest.schema.json.
type Manifest struct {
	SchemaVersion int               `json:"schema_version"`
	Name          string            `json:"name"`
	Role          pix.Role          `json:"role"`
	Version       string            `json:"version"` // [a-z0-9][a-z0-9._-]{0,63}; one step of a path
	TrainedAt     time.Time         `json:"trained_at"`
	LightGBM      string            `json:"lightgbm_version"`
	Files         Hashes            `json:"files"`
	FeatureSet    string            `json:"feature_set"` // version of the feature list that it was trained with
	Features      []string          `json:"features"`    // names that the model reads, in the order of its own vectors
	Trees         int               `json:"trees"`
	Leaves        int               `json:"leaves"` // of all trees together
	Seed          int64             `json:"seed"`
	Params        map[string]any    `json:"params"` // of LightGBM, for the reader
	Training      Slice             `json:"training"`
	Validation    Slice             `json:"validation"` // early stopping and calibration; where fraud is boosted the training rows calibrate too
	Evaluation    Evaluation        `json:"evaluation"` // on later events that nothing was fitted to
	Calibration   Calibration       `json:"calibration"`
	Thresholds    []Threshold       `json:"thresholds"` // by false positive rate, from loose to strict
	Lineage       map[string]string `json:"lineage"`    // Delta versions, MLflow run, source files
	// GoldenCoversSplits says that the golden vectors meet every split on both sides of its threshold, and every leaf.
	// It must be true, and load finds out whether it is: an exporter that does not know of it has not done it.
	GoldenCoversSplits bool `json:"golden_covers_splits"`
}

// Hashes are the sha256 of the other files, in lower-case hexadecimal.
type Hashes struct {
	Model     string `json:"model.txt"`
	Golden    string `json:"golden.json"`
	Reference string `json:"reference.json,omitempty"` // an artefact may do without
}

// Slice is a window of events by event time and what it held.
type Slice struct {
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Rows      int64     `json:"rows"`
	Positives int64     `json:"positives"`
}

// Evaluation is how the model did on the newest slice.
type Evaluation struct {
	Slice
	AveragePrecision float64 `json:"average_precision"`
	AUC              float64 `json:"auc"` // a sanity line only: at 7 frauds in 100,000 it says little
	// RecallByTypology is measured at a false positive rate of 0.1 %.
	RecallByTypology map[string]float64 `json:"recall_by_typology"`
}

// Threshold is the score above which a share FPR of legitimate payments lies, measured on the evaluation slice.
type Threshold struct {
	FPR         float64 `json:"fpr"`
	Raw         float64 `json:"raw"`
	Probability float64 `json:"probability"`
	Recall      float64 `json:"recall"`
	Precision   float64 `json:"precision"`
}

// decodeManifest reads manifest.json and checks everything in it that needs no other file.
func decodeManifest(data []byte, contract Contract, limits Limits) (*Manifest, error) {
	m := &Manifest{}
	if err := decodeStrict(ManifestFile, data, m); err != nil {
		return nil, err
	}
	if err := checkFields(ManifestFile, data, m); err != nil {
		return nil, err
	}
	if m.SchemaVersion != SchemaVersion {
		return nil, fmt.Errorf("manifest schema %d is not %d", m.SchemaVersion, SchemaVersion)
	}
	for _, check := range []error{
		m.checkIdentity(contract),
		m.checkFeatures(contract, limits),
		m.checkSlices(),
		m.Calibration.check(),
		m.checkThresholds(),
	} {
		if check != nil {
			return nil, fmt.Errorf("manifest: %w", check)
		}
	}
	return m, nil
}

func (m *Manifest) checkIdentity(c Contract) error {
	switch {
	case m.Role != c.Role:
		return fmt.Errorf("role is %q, expected %q", clip(string(m.Role)), c.Role)
	case !validVersion(m.Version):
		return fmt.Errorf("version %q is not a short lower-case path step", clip(m.Version))
	case c.Version != "" && m.Version != c.Version:
		return fmt.Errorf("version is %q, its place says %q", m.Version, clip(c.Version))
	case m.Name == "" || m.LightGBM == "" || m.TrainedAt.IsZero():
		return errors.New("name, lightgbm_version and trained_at must be given")
	}
	return nil
}

// validVersion accepts [a-z0-9][a-z0-9._-]{0,63}, which is safe as a step of a path and as a metric label.
func validVersion(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i, r := range s {
		alnum := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		if !alnum && (i == 0 || r != '.' && r != '_' && r != '-') {
			return false
		}
	}
	return true
}

func (m *Manifest) checkFeatures(c Contract, limits Limits) error {
	if len(m.Features) > limits.Features {
		return tooLarge("%d features are more than the limit of %d", len(m.Features), limits.Features)
	}
	if c.FeatureSet != "" && revisionOf(m.FeatureSet) != revisionOf(c.FeatureSet) {
		return fmt.Errorf("feature set %q is of another revision than the contract's, %q: its names mean something else",
			clip(m.FeatureSet), c.FeatureSet)
	}
	last := int32(-1)
	for i, place := range places(m.Features, c.FeatureNames) {
		name := clip(m.Features[i])
		if place < 0 {
			return fmt.Errorf("the model reads feature %q, which the contract does not have", name)
		}
		if place <= last { // else names that were swapped in all files would go unnoticed
			return fmt.Errorf("feature %q stands elsewhere in the contract: a model names features in its order, each once", name)
		}
		last = place
	}
	return nil
}

// revisionOf is the part of a feature set's version that says what names mean; the rest says which names there are.
func revisionOf(featureSet string) string {
	revision, _, _ := strings.Cut(featureSet, "-")
	return revision
}

// checkSlices holds the training side to an honest split: each slice lies after the one before, so nothing was fitted
// to the future.
func (m *Manifest) checkSlices() error {
	slices := []struct {
		name string
		Slice
	}{{"training", m.Training}, {"validation", m.Validation}, {"evaluation", m.Evaluation.Slice}}
	for i, s := range slices {
		if s.Positives <= 0 || s.Rows <= s.Positives || s.To.Before(s.From) {
			return fmt.Errorf("%s slice has %d rows, %d of them fraud, or ends before it begins", s.name, s.Rows, s.Positives)
		}
		if i > 0 && s.From.Before(slices[i-1].To) {
			return fmt.Errorf("%s slice begins before the %s slice ends", s.name, slices[i-1].name)
		}
	}
	if !isShare(m.Evaluation.AUC) || !isShare(m.Evaluation.AveragePrecision) {
		return errors.New("auc or average_precision is not between 0 and 1")
	}
	for _, recall := range m.Evaluation.RecallByTypology {
		if !isShare(recall) {
			return errors.New("recall_by_typology is not between 0 and 1")
		}
	}
	return nil
}

func isShare(v float64) bool { return v >= 0 && v <= 1 }

func (m *Manifest) checkClaim() error {
	if !m.GoldenCoversSplits {
		return errors.New("manifest: golden_covers_splits is not true: the golden vectors prove too little")
	}
	return nil
}

// checkThresholds wants falling false positive rates, rising scores, and the probability that the calibration gives.
func (m *Manifest) checkThresholds() error {
	for i, t := range m.Thresholds {
		if t.FPR <= 0 || t.FPR >= 1 || math.IsInf(t.Raw, 0) || !isShare(t.Recall) || !isShare(t.Precision) {
			return fmt.Errorf("threshold %d is out of range", i)
		}
		if math.Abs(m.Calibration.Probability(t.Raw)-t.Probability) > tolerance {
			return fmt.Errorf("threshold %d has a probability that its calibration does not give", i)
		}
		if i > 0 && (t.FPR >= m.Thresholds[i-1].FPR || t.Raw < m.Thresholds[i-1].Raw) {
			return fmt.Errorf("threshold %d is not stricter than the one before", i)
		}
	}
	return nil
}
