package keyring_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// weak lists keys that protect nothing.
func weak() map[string][]byte {
	count := func(step byte) []byte {
		key := make([]byte, 32)
		for i := range key {
			key[i] = 7 + step*byte(i)
		}
		return key
	}
	padded := append(make([]byte, 24), keytest.Key("eight bytes")[:8]...)
	wide := make([]byte, 64)
	for i := range 16 {
		binary.BigEndian.PutUint32(wide[4*i:], uint32(1000+i))
	}
	return map[string][]byte{
		"the demo's":         []byte(keyring.DemoKey),
		"the replay's":       []byte("sentinela-replay-key-not-a-secret-0001"),
		"zeros":              make([]byte, 32),
		"ones":               bytes.Repeat([]byte{0xff}, 64),
		"ascending":          count(1),
		"descending":         count(0xff),
		"in steps":           count(13),
		"a wide count":       wide,
		"a short block":      bytes.Repeat(keytest.Key("block")[:8], 4),
		"half, twice":        bytes.Repeat(keytest.Key("block")[:16], 2),
		"few random bytes":   padded,
		"changeme":           []byte("changemechangemechangemechangeme"),
		"a sentence":         []byte("The quick brown fox jumps over the lazy dog, twice."),
		"uma frase":          []byte("Não é uma chave secretíssima, é uma frase qualquer.\n"),
		"hexadecimal":        []byte("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
		"base64 of a base64": []byte(base64.StdEncoding.EncodeToString(keytest.Key("nested"))),
	}
}

// TestWeakKeysAreRefused, as the current and as the previous key, unless the explicit variable says so.
func TestWeakKeysAreRefused(t *testing.T) {
	t.Parallel()
	for name, key := range weak() {
		text := base64.StdEncoding.EncodeToString(key)
		for variable, env := range map[string]map[string]string{
			"TOKEN_KEY": {"TOKEN_KEY": text},
			"PREVIOUS_TOKEN_KEY": {
				"TOKEN_KEY": keytest.Base64("good"), "TOKEN_KEY_VERSION": "2", "PREVIOUS_TOKEN_KEY": text, "PREVIOUS_TOKEN_KEY_VERSION": "1",
			},
		} {
			c, err := load(t, env)
			if err != nil {
				t.Fatal(err)
			}
			tokens, err := c.Tokenizer()
			if err == nil || tokens != nil || pix.KindOf(err) != pix.Invalid || !strings.Contains(err.Error(), " "+variable+": ") ||
				strings.Contains(err.Error(), string(key)) || strings.Contains(err.Error(), text) || c.Warning() != "" {
				t.Errorf("%s as %s: %v", name, variable, err)
			}
			env["ALLOW_DEMO_TOKEN_KEY"] = "true"
			if c, err = load(t, env); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Tokenizer(); err != nil || !strings.Contains(c.Warning(), "ALLOW_DEMO_TOKEN_KEY: tokens protect nobody: "+variable) {
				t.Errorf("%s, allowed: %v, %q", name, err, c.Warning())
			}
		}
	}
}

// TestRandomKeysAreTaken: none of 200,000 random keys is refused, where the bound in the package allows 2·10⁻⁵.
func TestRandomKeysAreTaken(t *testing.T) {
	t.Parallel()
	random := rand.NewChaCha8(sha256.Sum256([]byte("seed")))
	for i := range 200_000 {
		key := make([]byte, 32)
		_, _ = random.Read(key)
		c := keyring.Config{TokenKey: key, TokenKeyVersion: 1}
		if i < 1000 {
			if _, err := c.Tokenizer(); err != nil {
				t.Fatal(err)
			}
		}
		if c.AllowDemoTokenKey = true; c.Warning() != "" {
			t.Fatalf("a random key is refused: %s", c.Warning())
		}
	}
}

// TestMoveToANewNormalisation: the same secret under a new version and the newer rules, with the old ones as previous. A
// release keeps the rules of a version unless its variable says otherwise.
func TestMoveToANewNormalisation(t *testing.T) {
	t.Parallel()
	const key = pix.Secret("Brand-New: key")
	token := func(env map[string]string) pix.TokenPair {
		c, err := load(t, env)
		if err != nil {
			t.Fatal(err)
		}
		tokens, err := c.Tokenizer()
		if err != nil {
			t.Fatal(err)
		}
		return tokens.Token(pix.KeyToken, key)
	}
	secret := keytest.Base64("kept")
	old := token(map[string]string{"TOKEN_KEY": secret, "TOKEN_NORMALISATION": "1"})
	during := token(map[string]string{
		"TOKEN_KEY": secret, "TOKEN_KEY_VERSION": "2", "TOKEN_NORMALISATION": "2",
		"PREVIOUS_TOKEN_KEY": secret, "PREVIOUS_TOKEN_KEY_VERSION": "1", "PREVIOUS_TOKEN_NORMALISATION": "1",
	})
	after := token(map[string]string{"TOKEN_KEY": secret, "TOKEN_KEY_VERSION": "2"})
	if during.Previous != old.Current || during.Current != after.Current || after.Previous != "" {
		t.Errorf("before %v, during %v, after %v", old, during, after)
	}
	c, err := load(t, map[string]string{"TOKEN_KEY": secret, "TOKEN_NORMALISATION": "3"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Tokenizer(); err == nil || !strings.Contains(err.Error(), "normalisation must be 1 or 2") {
		t.Errorf("rules that nobody knows: %v", err)
	}
}
