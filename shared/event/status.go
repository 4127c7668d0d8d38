package event

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// EncodeStatus writes a status as proto.
func EncodeStatus(s *pix.Status) (Envelope, error) {
	const op = "encode status"
	m, err := statusMessage(op, s)
	if err != nil {
		return Envelope{}, err
	}
	out, err := seal(SchemaStatus, s.ID, m, nil)
	return out, wrap(op, err)
}

// StatusJSON writes a status as wire JSON, for people and the simulator. The same status always gives the same bytes.
func StatusJSON(s *pix.Status) ([]byte, error) {
	const op = "write status"
	m, err := statusMessage(op, s)
	if err != nil {
		return nil, err
	}
	data, err := writeJSON(m)
	return data, wrap(op, err)
}

func statusMessage(op string, s *pix.Status) (*pixv1.Status, error) {
	var e enums
	m := &pixv1.Status{
		EndToEndId: string(s.ID),
		EventTime:  timestamp(s.EventTime),
		State:      pixv1.PaymentState(e.number(pixv1.PaymentState_value, statePrefix, string(s.State), "state")),
		OccurredAt: timestamp(s.OccurredAt),
		ReasonCode: s.ReasonCode,
		ReturnId:   s.ReturnID,
	}
	if s.Returned != 0 {
		m.ReturnedCentavos = pointer(pix.Some(s.Returned))
	}
	return m, e.problems.Err(op)
}

// DecodeStatus reads a status in either encoding and validates it against now. Every problem is reported at once. Error
// kinds are those of DecodeTransaction.
func DecodeStatus(e Envelope, now time.Time) (pix.Status, error) {
	const op = "decode status"
	var (
		m pixv1.Status
		r reader
	)
	if err := open(e, SchemaStatus, &m, &r.problems); err != nil {
		return pix.Status{}, wrap(op, err)
	}
	s := pix.Status{
		ID:         pix.EndToEndID(m.GetEndToEndId()),
		EventTime:  r.time("eventTime", m.GetEventTime()).Truncate(time.Millisecond),
		State:      toCode[pix.PaymentState](pixv1.PaymentState_name, statePrefix, int32(m.GetState())),
		OccurredAt: r.time("occurredAt", m.GetOccurredAt()),
		ReturnID:   m.GetReturnId(),
		ReasonCode: m.GetReasonCode(),
		Returned:   pix.Money(m.GetReturnedCentavos()),
	}
	if err := r.finish(op, s.Validate(now)); err != nil {
		return pix.Status{}, err
	}
	return s, nil
}
