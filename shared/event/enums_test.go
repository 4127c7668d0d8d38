package event_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
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
	md := (&pixv1.Transaction{}).ProtoReflect().Descriptor()
	tried := 0
	pix.Walk(pix.Contract(), func(path, _ string, f *pix.Field) {
		fd, around := md.Fields().ByJSONName(f.Name), "%s"
		if message, name, inside := strings.Cut(path, "."); inside && !strings.Contains(name, ".") {
			fd, around = md.Fields().ByJSONName(message).Message().Fields().ByJSONName(name), `{"`+message+`":%s}`
		}
		if fd == nil || fd.Enum() == nil {
			return
		}
		values := fd.Enum().Values()
		for i := range values.Len() {
			tried++
			name := values.Get(i).Name()
			data := fmt.Sprintf(around, fmt.Sprintf(`{%q:%q}`, f.Name, name))
			_, err := event.DecodeTransaction(event.Envelope{Data: []byte(data)}, tokenizer(t), now())
			if err == nil || strings.Contains(err.Error(), "not one of the known values") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	if tried < 40 {
		t.Errorf("%d values tried", tried)
	}
}
