package event

import (
	"time"

	"google.golang.org/protobuf/proto"

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
	out, err := seal(SchemaStatus, s.ID, m)
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
		m.ReturnedCentavos = proto.Int64(int64(s.Returned))
	}
	return m, e.problems.Err(op)
}

// DecodeStatus reads a status in either encoding and validates it against now. Every problem is reported at once. Error
// kinds are those of DecodeTransaction. A field that this release does not know is left out.
func DecodeStatus(e Envelope, now time.Time) (pix.Status, error) {
	const op = "decode status"
	var (
		s  pix.Status
		in findings
	)
	m := statusForm(&s)
	if err := m.read(op, e, SchemaStatus, &in); err != nil {
		return pix.Status{}, err
	}
	in.judge(true)
	s.EventTime = s.EventTime.Truncate(time.Millisecond)
	if err := in.finish(op, m, s.Validate(now)); err != nil {
		return pix.Status{}, err
	}
	return s, nil
}

func statusForm(s *pix.Status) message {
	return message{
		{1, "endToEndId", text(&s.ID, exampleID)},
		{2, "eventTime", moment{&s.EventTime}},
		{3, "state", code(&s.State, closed, statePrefix, pixv1.PaymentState_name)},
		{4, "occurredAt", moment{&s.OccurredAt}},
		{5, "reasonCode", text(&s.ReasonCode, "BE08")},
		{6, "returnedCentavos", integer{&s.Returned}},
		{7, "returnId", text(&s.ReturnID, "D"+exampleID[1:])},
	}
}
