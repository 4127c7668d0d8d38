package event

import (
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const maxTypology = 64

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
		Typology:       l.Typology,
		Source:         pixv1.LabelSource(source),
		AmountCentavos: int64(l.Amount),
		PayerToken:     string(l.PayerToken),
		PayeeToken:     string(l.PayeeToken),
	}
	return m, e.problems.Err(op)
}

// DecodeLabel reads a label in either encoding and refuses one that names no payment, has no times or source, or whose
// amount or typology is out of bounds. Error kinds are those of DecodeTransaction.
func DecodeLabel(e Envelope) (pix.Label, error) {
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
		Typology:   m.GetTypology(),
		Source:     toCode[string](pixv1.LabelSource_name, labelSourcePrefix, int32(m.GetSource())),
		Amount:     pix.Money(m.GetAmountCentavos()),
		PayerToken: r.token("payerToken", pix.AccountToken, m.GetPayerToken()),
		PayeeToken: r.token("payeeToken", pix.AccountToken, m.GetPayeeToken()),
	}
	r.identity("endToEndId", l.ID)
	r.present("eventTime", l.EventTime)
	r.present("arrivedAt", l.ArrivedAt)
	r.labelBounds(&l)
	if err := r.problems.Err(op); err != nil {
		return pix.Label{}, err
	}
	return l, nil
}

func (r *reader) labelBounds(l *pix.Label) {
	if l.Source == "" || l.Source == notRecognised {
		r.problems.Add("source", "missing or not one of the known values")
	}
	if l.Amount < 0 || l.Amount > pix.MaxAmount {
		r.problems.Add("amountCentavos", "must be 0 to R$ 1 trillion")
	}
	if len(l.Typology) > maxTypology {
		r.problems.Add("typology", "too long")
	}
	for _, c := range []byte(l.Typology) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			r.problems.Add("typology", "must be lower-case words joined by underscores")
			return
		}
	}
}
