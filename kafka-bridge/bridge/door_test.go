package bridge

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestDoorIsStrict: a record whose field is spelt wrongly becomes a letter that says so and holds no payment, which
// could be replayed without the signal that was lost.
func TestDoorIsStrict(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", "payment.json"))
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: []byte("0123456789abcdef0123456789abcdef")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var unknown []string
	c := &converter{tokenizer: tokens, now: func() time.Time { return time.Now().AddDate(100, 0, 0) },
		unknown: func(field string) { unknown = append(unknown, field) }}
	if m := c.convert(&kgo.Record{Value: data}, &sheet{}); m.letter != nil {
		t.Fatalf("the example: %s", m.letter.Detail)
	}
	misspelt := bytes.Replace(data, []byte(`"remoteAccess"`), []byte(`"remoteAcess"`), 1)
	m := c.convert(&kgo.Record{Value: misspelt}, &sheet{})
	if m.letter == nil || m.result != "invalid" || len(m.letter.Envelope.Data) > 0 ||
		!strings.Contains(m.letter.Detail, "device.remoteAcess: unknown field; did you mean remoteAccess?") {
		t.Errorf("misspelt: %+v", m)
	}
	grown := bytes.Replace(data, []byte("ACCOUNT_TYPE_CACC"), []byte("ACCOUNT_TYPE_WALLET"), 1)
	if m := c.convert(&kgo.Record{Value: grown}, &sheet{}); m.letter != nil || len(unknown) != 1 || unknown[0] != "payer.accountType" {
		t.Errorf("a new type of account: %+v, counted %v", m.letter, unknown)
	}
}
