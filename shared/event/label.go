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
	out, err := seal(SchemaLabel, l.ID, m)
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
// kinds are those of DecodeTransaction. A field that this release does not know is left out.
func DecodeLabel(e Envelope, now time.Time) (pix.Label, error) {
	const op = "decode label"
	var (
		l  pix.Label
		in findings
		r  reader
	)
	m := labelForm(&l)
	if err := m.read(op, e, SchemaLabel, &in); err != nil {
		return pix.Label{}, err
	}
	in.judge(true)
	l.PayerToken = r.account("payerToken", string(l.PayerToken))
	l.PayeeToken = r.account("payeeToken", string(l.PayeeToken))
	in.problems = append(in.problems, r.problems.List...)
	if err := in.finish(op, m, l.Validate(now)); err != nil {
		return pix.Label{}, err
	}
	return l, nil
}

func labelForm(l *pix.Label) message {
	return message{
		{1, "endToEndId", text(&l.ID, exampleID)},
		{2, "eventTime", moment{&l.EventTime}},
		{3, "arrivedAt", moment{&l.ArrivedAt}},
		{4, "fraud", yes{&l.Fraud}},
		{5, "typology", text(&l.Typology, "account_takeover")},
		{6, "source", code(&l.Source, closed, labelSourcePrefix, pixv1.LabelSource_name)},
		{7, "amountCentavos", integer{&l.Amount}},
		{8, "payerToken", text(&l.PayerToken, exampleToken)},
		{9, "payeeToken", text(&l.PayeeToken, exampleToken)},
	}
}
