package pix_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestReplaceIsTokenize: in place as in a copy, with and without a rotation, and no raw identifier is left.
func TestReplaceIsTokenize(t *testing.T) {
	t.Parallel()
	previous := pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("p"), 32), Normalisation: pix.NormalisationV1}
	rotating, err := pix.NewTokenizer(pix.TokenKey{Version: 999_999, Secret: bytes.Repeat([]byte("c"), 32)}, &previous)
	if err != nil {
		t.Fatal(err)
	}
	alone := newTokenizer(t, 7, 'a')
	text := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[0-9]{11}|[0-9./-]{1,20}|[ -~]{1,300}`), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		secret := func(name string) pix.Secret { return pix.Secret(text.Draw(t, name)) }
		party := func(side string) pix.RawParty {
			return pix.RawParty{
				Document: secret(side + " document"), Branch: secret(side + " branch"), Account: secret(side + " account"),
				Key: secret(side + " key"), Name: secret(side + " name"),
			}
		}
		s := submission()
		s.Payer, s.Payee, s.DeviceID, s.TxID = party("payer"), party("payee"), secret("device"), secret("txid")
		for _, tokens := range []*pix.Tokenizer{rotating, alone} {
			want := tokens.Tokenize(&s)
			c := pix.Carried{Submission: s}
			tokens.Replace(&c)
			if got := c.Transaction(); got != want {
				t.Fatalf("got %+v, want %+v", got, want)
			}
			if c.Payer != (pix.RawParty{}) || c.Payee != (pix.RawParty{}) || c.DeviceID != "" || c.TxID != "" {
				t.Fatal("a raw identifier is left")
			}
		}
	})
}
