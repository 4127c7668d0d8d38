package event

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// EncodeLabel writes a label as proto.
func EncodeLabel(l *pix.Label) (Envelope, error) {
	const op = "encode label"
	m, err := labelMessage(op, l)
	if err != nil {
		return Envelope{}, err
	}
	out, err := seal(SchemaLabel, l.ID, m, nil)
	return out, wrap(op, err)
}

// EncodeLabelJSON writes a label as wire JSON, for people and the simulator. The same label always gives the same
// bytes.
func EncodeLabelJSON(l *pix.Label) ([]byte, error) {
	const op = "encode label"
	m, err := labelMessage(op, l)
	if err != nil {
		return nil, err
	}
	data, err := writeJSON(m)
	return data, wrap(op, err)
}

func labelMessage(op string, l *pix.Label) (*pixv1.Label, error) {
	var e enums
	source := e.number(pixv1.LabelSource_value, labelSourcePrefix, l.Source, "source")
	m := &pixv1.Label{
		EndToEndId:     string(l.ID),
		EventTime:      timestamp(l.EventTime),
		ArrivedAt:      timestamp(l.ArrivedAt),
		Fraud:          l.Fraud,
		Typology:       string(l.Typology),
		Source:         pixv1.LabelSource(source),
		AmountCentavos: int64(l.Amount),
		PayerToken:     string(l.PayerToken),
		PayeeToken:     string(l.PayeeToken),
	}
	return m, e.problems.Err(op)
}

// DecodeLabel reads a label in either encoding and validates it against now. Every problem is reported at once. Error
// kinds are those of DecodeTransaction.
func DecodeLabel(e Envelope, now time.Time) (pix.Label, error) {
	const op = "decode label"
	var (
		m pixv1.Label
		r reader
	)
	if err := open(e, SchemaLabel, &m, &r.problems); err != nil {
		return pix.Label{}, wrap(op, err)
	}
	l := pix.Label{
		ID:         pix.EndToEndID(m.GetEndToEndId()),
		EventTime:  r.time("eventTime", m.GetEventTime()),
		ArrivedAt:  r.time("arrivedAt", m.GetArrivedAt()),
		Fraud:      m.GetFraud(),
		Typology:   pix.Typology(m.GetTypology()),
		Source:     toCode[string](pixv1.LabelSource_name, labelSourcePrefix, int32(m.GetSource())),
		Amount:     pix.Money(m.GetAmountCentavos()),
		PayerToken: r.token("payerToken", pix.AccountToken, m.GetPayerToken()),
		PayeeToken: r.token("payeeToken", pix.AccountToken, m.GetPayeeToken()),
	}
	if err := r.finish(op, l.Validate(now)); err != nil {
		return pix.Label{}, err
	}
	return l, nil
}
