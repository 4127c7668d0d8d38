package scoring

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
)

// ReferenceFile is the optional file of an artefact that says how features were spread in the newest rows that the model was
// fitted to, in bins (models/src/sentinela_models/reference.py). The manifest has its hash where it is there.
const ReferenceFile = "reference.json"

const (
	maxReferenceBytes = 1 << 20
	maxEdges          = 64
	// shareFloor keeps an empty bin from being an infinite drift.
	shareFloor = 1e-4
	// shareSlack is by how much shares that were rounded may miss 1.
	shareSlack = 1e-3
)

// Reference is how features were spread where a model learnt them. It never changes and is safe for concurrent use.
type Reference struct {
	features []spread
	counters int
}

// spread is one feature's bins: up to each edge, above the last, and missing.
type spread struct {
	place  int32 // in the vector
	first  int   // of its counters
	edges  []float64
	shares []float64
}

// referenceFile is reference.json.
type referenceFile struct {
	SchemaVersion int   `json:"schema_version"`
	Rows          int64 `json:"rows"`
	Features      []struct {
		Name   string    `json:"name"`
		Edges  []float64 `json:"edges"`  // upper ends of all bins but the last, which are part of their bins
		Shares []float64 `json:"shares"` // of each bin, and of missing values
	} `json:"features"`
}

// loadReference reads the reference that the manifest names; nil where it names none.
func loadReference(fsys fs.FS, m *Manifest, places []int32) (*Reference, error) {
	if m.Files.Reference == "" {
		return nil, nil //nolint:nilnil // an artefact may do without
	}
	data, err := readBounded(fsys, ReferenceFile, maxReferenceBytes)
	if err != nil {
		return nil, err
	}
	if err := checkHash(ReferenceFile, data, m.Files.Reference); err != nil {
		return nil, err
	}
	file := &referenceFile{}
	if err := decodeStrict(ReferenceFile, data, file); err != nil {
		return nil, err
	}
	if err := checkFields(ReferenceFile, data, file); err != nil {
		return nil, err
	}
	r, err := file.reference(m.Features, places)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ReferenceFile, err)
	}
	return r, nil
}

func (f *referenceFile) reference(names []string, places []int32) (*Reference, error) {
	if f.SchemaVersion != SchemaVersion || f.Rows <= 0 {
		return nil, fmt.Errorf("schema %d is not %d, or it describes no rows", f.SchemaVersion, SchemaVersion)
	}
	r, next := &Reference{}, 0
	for i := range f.Features {
		told := &f.Features[i]
		for next < len(names) && names[next] != told.Name {
			next++
		}
		if next == len(names) {
			return nil, fmt.Errorf("feature %q is none of the model's, or is not in its order", clip(told.Name))
		}
		s := spread{place: places[next], first: r.counters, edges: told.Edges, shares: told.Shares}
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("feature %q: %w", clip(told.Name), err)
		}
		r.features, r.counters, next = append(r.features, s), r.counters+len(s.shares), next+1
	}
	if len(r.features) == 0 {
		return nil, errors.New("it describes no feature")
	}
	return r, nil
}

func (s *spread) check() error {
	if len(s.edges) > maxEdges || len(s.shares) != len(s.edges)+2 {
		return fmt.Errorf("%d edges part %d shares", len(s.edges), len(s.shares))
	}
	for i, edge := range s.edges {
		if i > 0 && edge <= s.edges[i-1] {
			return errors.New("its edges do not rise")
		}
	}
	sum := 0.0
	for _, share := range s.shares {
		if !isShare(share) {
			return errors.New("a share is not between 0 and 1")
		}
		sum += share
	}
	if math.Abs(sum-1) > shareSlack {
		return errors.New("its shares do not add up to 1")
	}
	return nil
}

// Reference returns what served vectors can be held against, nil where the artefact brought nothing.
func (m *Model) Reference() *Reference { return m.reference }

// Counters is how many counters the vectors of one span of time need.
func (r *Reference) Counters() int { return r.counters }

// Count adds a vector of the contract to counters of Counters' length. It allocates nothing and looks at each feature once.
func (r *Reference) Count(counters []uint32, vector []float64) {
	for i := range r.features {
		s := &r.features[i]
		counters[s.first+s.bin(vector[s.place])]++
	}
}

func (s *spread) bin(v float64) int {
	if math.IsNaN(v) {
		return len(s.edges) + 1
	}
	at := 0
	for _, edge := range s.edges { // a handful: faster than a search
		if edge < v {
			at++
		}
	}
	return at
}

// PSI calls each with the population stability index of every feature in counters that so many vectors were added to, and the
// feature's place in the vector: 0 is as in the reference, above 0.25 is another world. Of few vectors it is noise: about
// ten over their number where nothing has moved.
func (r *Reference) PSI(counters []uint32, vectors float64, each func(place int, psi float64)) {
	for i := range r.features {
		s, psi := &r.features[i], 0.0
		for bin, share := range s.shares {
			then, now := max(share, shareFloor), max(float64(counters[s.first+bin])/vectors, shareFloor)
			psi += (now - then) * math.Log(now/then)
		}
		each(int(s.place), psi)
	}
}
