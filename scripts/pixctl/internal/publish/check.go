package publish

import (
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// check reads objects as their consumers do.
type check struct {
	payments event.Decoder
	now      func() time.Time
}

// envelope wraps an object. It is whole also where the object is refused, but for the payment's id.
func (c check) envelope(data []byte, schema string) (event.Envelope, error) {
	e := event.Envelope{Data: data, Attributes: map[string]string{
		event.AttrSchema: schema, event.AttrEncoding: event.EncodingJSON,
	}}
	id, outcome, err := c.decode(e, schema)
	if err != nil {
		return e, err
	}
	if id != "" {
		e.Attributes[event.AttrEventID] = string(id)
	}
	if outcome != "" {
		e.Attributes[event.AttrOutcome] = string(outcome)
	}
	return e, nil
}

// decode returns what the object says that is also an attribute.
func (c check) decode(e event.Envelope, schema string) (id pix.EndToEndID, outcome pix.Outcome, err error) {
	switch schema {
	case event.SchemaTransaction:
		var v pix.Transaction
		v, err = c.payments.Transaction(e, c.now())
		id = v.ID
	case event.SchemaLabel:
		var v pix.Label
		v, err = event.DecodeLabel(e, c.now())
		id = v.ID
	case event.SchemaStatus:
		var v pix.Status
		v, err = event.DecodeStatus(e, c.now())
		id = v.ID
	case event.SchemaDecision:
		var v pix.Decision
		v, err = event.DecodeDecision(e, c.now())
		id, outcome = v.Transaction.ID, v.Outcome
	case event.SchemaAlert:
		var v pix.Alert
		v, err = event.DecodeAlert(e, c.now())
		id = v.ID
	default:
		return "", "", pix.E(pix.UnknownSchema, "check", fmt.Errorf("no message type of this name; expected %s, %s, %s, %s or %s",
			event.SchemaTransaction, event.SchemaStatus, event.SchemaLabel, event.SchemaDecision, event.SchemaAlert))
	}
	if err != nil {
		err = fmt.Errorf("not a %s: %w", schema, err)
	}
	return id, outcome, err
}
