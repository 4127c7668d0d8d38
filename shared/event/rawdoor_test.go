package event_test

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestRawDoorTakesNoTokens: where nothing of our own parts comes in, tokens are refused one by one, and they are no way to
// get a misspelt field past the door.
func TestRawDoorTakesNoTokens(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	own, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	var m pixv1.Transaction
	if err := proto.Unmarshal(own.Data, &m); err != nil {
		t.Fatal(err)
	}
	asJSON, err := protojson.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	misspelt := bytes.Replace(asJSON, []byte(`"remoteAccess"`), []byte(`"remoteAcess"`), 1)
	later := own
	later.Data = append(bytes.Clone(own.Data), 0xf8, 0x07, 1)
	tokens := []string{"payer.accountToken", "payer.ownerToken", "payee.keyToken", "device.token"}
	for name, c := range map[string]struct {
		envelope event.Envelope
		fields   []string
	}{
		"proto":               {own, tokens},
		"JSON":                {envelope(asJSON, false), tokens},
		"JSON, misspelt":      {envelope(misspelt, false), append(tokens, "device.remoteAcess: unknown field; did you mean remoteAccess?")},
		"proto, field of 127": {later, append(tokens, "holds a field the contract does not have (number 127)")},
	} {
		if _, err := (event.Decoder{}).Transaction(c.envelope, now()); err != nil {
			t.Errorf("%s: refused where our own parts write: %v", name, err)
		}
		_, err := event.Decoder{Tokenizer: tokenizer(t), Raw: true}.Transaction(c.envelope, now())
		if pix.KindOf(err) != pix.Invalid {
			t.Errorf("%s: %v", name, err)
			continue
		}
		holdToForm(errorer{t}, err)
		for _, field := range c.fields {
			if !strings.Contains(err.Error(), field) {
				t.Errorf("%s: nothing of %s: %v", name, field, err)
			}
		}
	}
	if got, err := (event.Decoder{Tokenizer: tokenizer(t), Raw: true}).Transaction(envelope(example(t), false), now()); err != nil || got != tx {
		t.Errorf("raw identifiers: %v", err)
	}
}
