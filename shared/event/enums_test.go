package event_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
)

// TestEveryStateIsACode is TestEveryEnumValueIsACode for statuses.
func TestEveryStateIsACode(t *testing.T) {
	t.Parallel()
	for _, name := range pixv1.PaymentState_name {
		_, err := event.DecodeStatus(event.Envelope{Data: fmt.Appendf(nil, `{"state":%q}`, name)}, now())
		if err == nil || strings.Contains(err.Error(), "not one of the known values") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryEnumValueIsACode fails when the contract gets a value that the domain does not know: each one is put into a
// payment that must then be accepted, or refused for another reason than its value.
func TestEveryEnumValueIsACode(t *testing.T) {
	t.Parallel()
	for field, names := range map[string]map[int32]string{
		`"direction":%q`:             pixv1.Direction_name,
		`"initiation":%q`:            pixv1.Initiation_name,
		`"purpose":%q`:               pixv1.Purpose_name,
		`"priority":%q`:              pixv1.Priority_name,
		`"serviceLevel":%q`:          pixv1.ServiceLevel_name,
		`"payer":{"accountType":%q}`: pixv1.AccountType_name,
		`"payer":{"person":%q}`:      pixv1.Person_name,
		`"payee":{"keyKind":%q}`:     pixv1.KeyKind_name,
	} {
		for _, name := range names {
			e := event.Envelope{Data: []byte("{" + fmt.Sprintf(field, name) + "}")}
			_, err := event.DecodeTransaction(e, tokenizer(t), now())
			if err == nil || strings.Contains(err.Error(), "not one of the known values") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
