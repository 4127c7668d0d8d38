package event

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// EncodeAlert writes an alert as proto.
func EncodeAlert(a *pix.Alert) (Envelope, error) {
	const op = "encode alert"
	var e enums
	m := &pixv1.Alert{
		EndToEndId:     string(a.ID),
		EventTime:      timestamp(a.EventTime),
		RaisedAt:       timestamp(a.RaisedAt),
		Direction:      e.direction(a.Direction),
		Outcome:        e.outcome(a.Outcome),
		AmountCentavos: int64(a.Amount),
		PayerToken:     string(a.Payer),
		PayeeToken:     string(a.Payee),
		PayerIspb:      string(a.PayerISPB),
		PayeeIspb:      string(a.PayeeISPB),
		Score:          a.Score,
		Reasons:        reasonMessages(a.Reasons),
		HoldUntil:      timestamp(a.HoldUntil),
	}
	if err := e.problems.Err(op); err != nil {
		return Envelope{}, err
	}
	out, err := seal(SchemaAlert, a.ID, m)
	return out, wrap(op, err)
}

// DecodeAlert reads an alert in either encoding and validates it against now. Every problem is reported at once. Error
// kinds are those of DecodeTransaction.
func DecodeAlert(e Envelope, now time.Time) (pix.Alert, error) {
	const op = "decode alert"
	var (
		m pixv1.Alert
		r reader
	)
	if err := open(op, e, SchemaAlert, &m); err != nil {
		return pix.Alert{}, err
	}
	a := pix.Alert{
		ID:        pix.EndToEndID(m.GetEndToEndId()),
		EventTime: r.time("eventTime", m.GetEventTime()),
		RaisedAt:  r.time("raisedAt", m.GetRaisedAt()),
		Direction: toCode[pix.Direction](pixv1.Direction_name, directionPrefix, int32(m.GetDirection())),
		Outcome:   toCode[pix.Outcome](pixv1.Outcome_name, outcomePrefix, int32(m.GetOutcome())),
		Amount:    pix.Money(m.GetAmountCentavos()),
		Payer:     r.account("payerToken", m.GetPayerToken()),
		Payee:     r.account("payeeToken", m.GetPayeeToken()),
		PayerISPB: pix.ISPB(m.GetPayerIspb()),
		PayeeISPB: pix.ISPB(m.GetPayeeIspb()),
		Score:     m.GetScore(),
		Reasons:   reasons(m.GetReasons()),
		HoldUntil: r.time("holdUntil", m.GetHoldUntil()),
	}
	if err := r.finish(op, a.Validate(now)); err != nil {
		return pix.Alert{}, err
	}
	return a, nil
}
