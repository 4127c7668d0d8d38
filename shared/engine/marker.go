package engine

import (
	"context"
	"errors"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Marker writes what became known of a payment after its decision to the rows of whom it touched. Whose rows those are
// is known from the decision: statuses and labels name nobody. Every method is idempotent, in any order.
type Marker struct{ store Marks }

// NewMarker returns a Marker.
func NewMarker(store Marks) (*Marker, error) {
	if store == nil {
		return nil, pix.E(pix.Invalid, "new marker", errors.New("a store is required"))
	}
	return &Marker{store: store}, nil
}

// Status marks the payment's event as settled, rejected or returned. A status may overtake its payment: while no decision
// stands the error is Unavailable, and the status must come back.
func (m *Marker) Status(ctx context.Context, s *pix.Status) error {
	const op = "apply status"
	d, err := m.decided(ctx, op, s.ID)
	if err != nil {
		return err
	}
	if d == nil {
		return pix.E(pix.Unavailable, op, errors.New("the payment is not decided yet"))
	}
	if err := m.store.MarkStatus(ctx, &d.Transaction, s); err != nil {
		return failure(op, err)
	}
	return nil
}

// Fraud marks the entities of a payment with what a label says, and returns the decision that the label is about; nil when
// there was nothing to mark, because a payment that was never decided here touched nobody whom we know.
func (m *Marker) Fraud(ctx context.Context, l *pix.Label) (*pix.Decision, error) {
	const op = "apply label"
	d, err := m.decided(ctx, op, l.ID)
	if err != nil || d == nil {
		return nil, err
	}
	if err := m.store.MarkFraud(ctx, &d.Transaction, l); err != nil {
		return nil, failure(op, err)
	}
	return d, nil
}

func (m *Marker) decided(ctx context.Context, op string, id pix.EndToEndID) (*pix.Decision, error) {
	d, err := m.store.Decision(ctx, id)
	if err != nil {
		return nil, failure(op, err)
	}
	return d, nil
}
