package policy

import (
	"fmt"
	"sync/atomic"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Set holds the pack in force behind one atomic pointer: a reader that took a Pack decides with exactly that version,
// whatever is swapped meanwhile.
type Set struct {
	pack         atomic.Pointer[Pack]
	featureNames []string
}

// NewSet returns a set with a first pack in force. featureNames are those of Load.
func NewSet(data []byte, featureNames []string) (*Set, error) {
	s := &Set{featureNames: featureNames}
	if _, err := s.Swap(data); err != nil {
		return nil, err
	}
	return s, nil
}

// Pack returns the pack in force.
func (s *Set) Pack() *Pack { return s.pack.Load() }

// Swap loads a pack and puts it in force, and reports whether it is another than before. A pack that does not load
// changes nothing: the last good one stays.
func (s *Set) Swap(data []byte) (bool, error) {
	if old := s.pack.Load(); old != nil && old.digest == digest(data) {
		return false, nil
	}
	next, err := Load(data, s.featureNames)
	if err != nil {
		return false, pix.E(pix.KindOf(err), "swap policy", fmt.Errorf("the last good pack stays: %w", err))
	}
	s.pack.Store(next)
	return true, nil
}
