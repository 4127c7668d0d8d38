package keyring_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const device = pix.Secret("a device id")

func load(t *testing.T, env map[string]string) (keyring.Config, error) {
	t.Helper()
	var c keyring.Config
	err := envconfig.ProcessWith(t.Context(), &envconfig.Config{Target: &c, Lookuper: envconfig.MapLookuper(env)})
	return c, err
}

// TestRotation: after a rotation the previous token is the one that was current before it.
func TestRotation(t *testing.T) {
	t.Parallel()
	before, err := load(t, map[string]string{"TOKEN_KEY": keytest.Base64("a")})
	if err != nil {
		t.Fatal(err)
	}
	after, err := load(t, map[string]string{
		"TOKEN_KEY": keytest.Base64("b"), "TOKEN_KEY_VERSION": "2", "PREVIOUS_TOKEN_KEY": keytest.Base64("a"), "PREVIOUS_TOKEN_KEY_VERSION": "1",
	})
	if err != nil {
		t.Fatal(err)
	}
	old, err := before.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := after.Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	was, is := old.Token(pix.DeviceToken, device), rotated.Token(pix.DeviceToken, device)
	if is.Previous != was.Current || is.Current == was.Current || was.Previous != "" {
		t.Errorf("before %v, after %v", was, is)
	}
}

// TestKeysAreNeverShown: neither a bad value nor a loaded key appears in an error or in a printed configuration.
func TestKeysAreNeverShown(t *testing.T) {
	t.Parallel()
	if _, err := load(t, map[string]string{"TOKEN_KEY": "not base64 at all!"}); err == nil || strings.Contains(err.Error(), "at all") {
		t.Errorf("error %v", err)
	}
	short, err := load(t, map[string]string{"TOKEN_KEY": base64.StdEncoding.EncodeToString([]byte("tiny secret"))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := short.Tokenizer(); err == nil || strings.Contains(err.Error(), "tiny") || !strings.Contains(err.Error(), "TOKEN_KEY") {
		t.Errorf("error %v", err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if text := fmt.Sprintf(verb, short); strings.Contains(text, "tiny") || strings.Contains(text, "74696e79") {
			t.Errorf("%s shows the key: %s", verb, text)
		}
	}
}
