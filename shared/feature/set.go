package feature

import (
	"fmt"
	"sync"
	"time"
	_ "time/tzdata" // nights are local: the zone must exist even in a container without one

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Zone is where nights and days of a payment are.
const Zone = "America/Sao_Paulo"

// Set computes vectors. It never changes and is safe for concurrent use.
type Set struct {
	zone    *time.Location
	entries []entry
	names   []string
	version string
	frames  sync.Pool // of *frame: scratch memory only, a frame is filled anew for every vector
}

// NewSet loads the zone and prepares the registry.
func NewSet() (*Set, error) {
	zone, err := time.LoadLocation(Zone)
	if err != nil {
		return nil, fmt.Errorf("feature: load zone: %w", err)
	}
	s := &Set{zone: zone, entries: registry(), names: Names(), version: SetVersion()}
	s.frames.New = func() any { return new(frame) }
	return s, nil
}

// Names returns the names of the features in the order of the vector. The slice is shared: do not write to it.
func (s *Set) Names() []string { return s.names }

// Version identifies the list of features, as SetVersion does.
func (s *Set) Version() string { return s.version }

// Reason puts a feature's value in words, as the function of this name does, without building the registry again.
func (s *Set) Reason(name string, tx *pix.Transaction, value float64) pix.Reason {
	for i := range s.entries {
		if d := &s.entries[i].Definition; d.Name == name {
			return d.reason(tx, value)
		}
	}
	return unknownReason(name)
}

// Width is the length of a vector.
func (s *Set) Width() int { return len(s.entries) }

// Vector writes the payment's vector over dst, which is grown when it is too short, and returns it: Width values in the
// order of Names. A nil h means that the store did not answer: every feature that needs it is NaN. h is only read.
func (s *Set) Vector(dst []float64, tx *pix.Transaction, h *Histories) []float64 {
	f, _ := s.frames.Get().(*frame)
	f.fill(tx, h, s.zone)
	if cap(dst) < len(s.entries) {
		dst = make([]float64, len(s.entries))
	}
	dst = dst[:len(s.entries)]
	for i := range s.entries {
		dst[i] = s.entries[i].value(f)
	}
	f.release()
	s.frames.Put(f)
	return dst
}
