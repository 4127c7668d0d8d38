package scoring

import (
	"fmt"
	"sync/atomic"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Set holds the model in force for each role, each behind one atomic pointer: a reader that took a Model keeps exactly
// that version to the end of its decision, whatever is swapped meanwhile. The zero value is ready to use.
type Set struct {
	payer    atomic.Pointer[Model]
	receiver atomic.Pointer[Model]
}

// Swap puts m in force for its own role and returns the model it replaced, nil when there was none.
func (s *Set) Swap(m *Model) (*Model, error) {
	slot := s.slot(m.Role())
	if slot == nil {
		return nil, pix.E(pix.Invalid, "swap model", fmt.Errorf("no role %q", m.Role()))
	}
	return slot.Swap(m), nil
}

// Model returns the model in force for a role, or an Unavailable error when none was loaded yet.
func (s *Set) Model(role pix.Role) (*Model, error) {
	slot := s.slot(role)
	if slot == nil {
		return nil, pix.E(pix.Invalid, "model", fmt.Errorf("no role %q", role))
	}
	m := slot.Load()
	if m == nil {
		return nil, pix.E(pix.Unavailable, "model", fmt.Errorf("no %s model is loaded", role))
	}
	return m, nil
}

func (s *Set) slot(role pix.Role) *atomic.Pointer[Model] {
	switch role {
	case pix.PayerRole:
		return &s.payer
	case pix.ReceiverRole:
		return &s.receiver
	default:
		return nil
	}
}
