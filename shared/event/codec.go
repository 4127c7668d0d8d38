package event

import (
	"errors"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

var errLater = errors.New("not built yet")

// DecodeTransaction reads a payment in either form (raw identifiers, which it tokenises, or tokens) and either encoding
// (JSON or proto), and validates it against now. Error kinds: Invalid, UnknownSchema, TooLarge.
func DecodeTransaction(e Envelope, t *pix.Tokenizer, now time.Time) (pix.Transaction, error) {
	return pix.Transaction{}, pix.E(pix.Invalid, "decode transaction", errLater)
}

// EncodeTransaction writes a tokenised payment as proto.
func EncodeTransaction(tx *pix.Transaction) (Envelope, error) { return Envelope{}, errLater }

// EncodeSubmissionJSON writes a payment with raw identifiers as wire JSON, for people and the simulator.
func EncodeSubmissionJSON(s *pix.Submission) ([]byte, error) { return nil, errLater }

// DecodeSubmissionJSON reads wire JSON with raw identifiers, without validating it.
func DecodeSubmissionJSON(data []byte) (pix.Submission, error) { return pix.Submission{}, errLater }

// EncodeDecision writes a decision as proto.
func EncodeDecision(d *pix.Decision) (Envelope, error) { return Envelope{}, errLater }

// DecodeDecision reads a decision in either encoding.
func DecodeDecision(e Envelope) (pix.Decision, error) { return pix.Decision{}, errLater }

// DecisionJSON writes a decision as proto-JSON, for HTTP answers.
func DecisionJSON(d *pix.Decision) ([]byte, error) { return nil, errLater }

// EncodeAlert writes an alert as proto.
func EncodeAlert(a *pix.Alert) (Envelope, error) { return Envelope{}, errLater }

// DecodeAlert reads an alert in either encoding.
func DecodeAlert(e Envelope) (pix.Alert, error) { return pix.Alert{}, errLater }

// EncodeLabel writes a label as proto.
func EncodeLabel(l *pix.Label) (Envelope, error) { return Envelope{}, errLater }

// DecodeLabel reads a label in either encoding.
func DecodeLabel(e Envelope) (pix.Label, error) { return pix.Label{}, errLater }

// StrictTransaction returns the paths of the fields of wire JSON that the contract does not know.
func StrictTransaction(data []byte) ([]string, error) { return nil, errLater }
