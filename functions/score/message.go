package score

import (
	"context"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// message is what the transactions topic carries: a payment, or how an earlier one ended. Exactly one is set.
type message struct {
	payment *pix.Transaction
	status  *pix.Status
	stamps  stamps // of a payment
}

// decodeMessage tells the two apart by the schema attribute; without one a message is a payment.
func (s *Service) decodeMessage(e event.Envelope, now time.Time) (message, error) {
	if e.Attributes[event.AttrSchema] == event.SchemaStatus {
		status, err := event.DecodeStatus(e, now)
		return message{status: &status}, err
	}
	tx, err := s.decode(e, now, false)
	return message{payment: tx, stamps: stampsOf(e)}, err
}

func encodeMessage(m message) (event.Envelope, error) {
	if m.status != nil {
		return event.EncodeStatus(m.status)
	}
	e, err := event.EncodeTransaction(m.payment)
	if err == nil && !m.stamps.arrivedAt.IsZero() {
		e.Attributes[event.AttrArrivedAt] = event.FormatArrival(m.stamps.arrivedAt)
	}
	return e, err
}

// apply marks a payment with how it ended. A status that overtook its payment is not acknowledged: it comes back, and
// when it never finds one it is dead-lettered by its age. A shorter limit of its own would lose statuses in an outage, in
// which their payments wait as long.
func (s *Service) apply(ctx context.Context, status *pix.Status) error {
	if err := s.deps.Marker.Status(ctx, status); err != nil {
		return fmt.Errorf("mark status: %w", err)
	}
	s.metrics.statuses.WithLabelValues(string(status.State)).Inc()
	return nil
}
