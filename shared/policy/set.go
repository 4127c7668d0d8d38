package policy

import "sync/atomic"

// Set holds the pack in force behind one atomic pointer: a reader that took a Pack decides with exactly that version,
// whatever is swapped meanwhile. The zero value is ready to use and has none.
type Set struct {
	pack atomic.Pointer[Pack]
}

// NewSet returns a set with a first pack in force. featureNames are those of Load.
func NewSet(data []byte, featureNames []string) (*Set, error) {
	pack, err := Load(data, featureNames)
	if err != nil {
		return nil, err
	}
	s := &Set{}
	s.Swap(pack)
	return s, nil
}

// Pack returns the pack in force, nil when none was put in force yet.
func (s *Set) Pack() *Pack { return s.pack.Load() }

// Swap puts a pack in force and returns the one it replaced, nil when there was none.
func (s *Set) Swap(next *Pack) *Pack { return s.pack.Swap(next) }
