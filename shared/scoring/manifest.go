package scoring

import (
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
	FeatureSet    string            `json:"feature_set"` // version of the feature list
	Features      []string          `json:"features"`    // names in the order of the vector
	Trees         int               `json:"trees"`
	Leaves        int               `json:"leaves"` // of all trees together
	Seed          int64             `json:"seed"`
	Params        map[string]any    `json:"params"` // of LightGBM, for the reader
	Training      Slice             `json:"training"`
	Validation    Slice             `json:"validation"` // early stopping and calibration
	Evaluation    Evaluation        `json:"evaluation"` // on later events that nothing was fitted to
	Calibration   Calibration       `json:"calibration"`
	Thresholds    []Threshold       `json:"thresholds"` // by false positive rate, from loose to strict
	Lineage       map[string]string `json:"lineage"`    // Delta versions, MLflow run, source files
}

// Hashes are the sha256 of the other two files, in lower-case hexadecimal.
type Hashes struct {
	Model  string `json:"model.txt"`
	Golden string `json:"golden.json"`
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
}

// Threshold is the score above which a share FPR of legitimate payments lies, measured on the evaluation slice.
type Threshold struct {
	FPR         float64 `json:"fpr"`
	Raw         float64 `json:"raw"`
	Probability float64 `json:"probability"`
	Recall      float64 `json:"recall"`
	Precision   float64 `json:"precision"`
}
