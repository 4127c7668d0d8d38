package scoring

import (
	"fmt"
	"sync/atomic"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Set holds the models of each role, each behind one atomic pointer: a reader that took a Model keeps exactly that
// version to the end of its decision, whatever is swapped meanwhile. The zero value is ready to use.
type Set struct {
	payer    models
	receiver models
}

// models are the champion of a role, which decides, and its challengers, which only score.
type models struct {
	champion    atomic.Pointer[Model]
	challengers atomic.Pointer[[]*Model]
}

// Swap puts m in force for its own role and returns the model it replaced, nil when there was none.
func (s *Set) Swap(m *Model) (*Model, error) {
	slot := s.slot(m.Role())
	if slot == nil {
		return nil, pix.E(pix.Invalid, "swap model", fmt.Errorf("no role %q", m.Role()))
	}
	return slot.champion.Swap(m), nil
}

// SetChallengers puts challengers in the place of those before, all at once. They must be of this role; the slice is
// the set's from here on.
func (s *Set) SetChallengers(role pix.Role, challengers []*Model) error {
	slot := s.slot(role)
	if slot == nil {
		return pix.E(pix.Invalid, "set challengers", fmt.Errorf("no role %q", role))
	}
	for _, m := range challengers {
		if m.Role() != role {
			return pix.E(pix.Invalid, "set challengers", fmt.Errorf("%s is not of role %s", m.name(), role))
		}
	}
	slot.challengers.Store(&challengers)
	return nil
}

// Challengers returns the models that score a role's payments in shadow, none for an unknown role. The caller must not
// change the slice.
func (s *Set) Challengers(role pix.Role) []*Model {
	slot := s.slot(role)
	if slot == nil {
		return nil
	}
	if challengers := slot.challengers.Load(); challengers != nil {
		return *challengers
	}
	return nil
}

// Model returns the model in force for a role, or an Unavailable error when none was loaded yet.
func (s *Set) Model(role pix.Role) (*Model, error) {
	slot := s.slot(role)
	if slot == nil {
		return nil, pix.E(pix.Invalid, "model", fmt.Errorf("no role %q", role))
	}
	m := slot.champion.Load()
	if m == nil {
		return nil, pix.E(pix.Unavailable, "model", fmt.Errorf("no %s model is loaded", role))
	}
	return m, nil
}

func (s *Set) slot(role pix.Role) *models {
	switch role {
	case pix.PayerRole:
		return &s.payer
	case pix.ReceiverRole:
		return &s.receiver
	default:
		return nil
	}
}
