package keyring

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config holds the token keys, as Secret Manager mounts them. The previous key is set for 31 days after a rotation. A
// version stands for a secret and a normalisation; TOKEN_NORMALISATION has a fixed default, because a release that moved
// it would change tokens under a version.
type Config struct {
	// TokenKey makes tokens of identifiers: at least 32 random bytes, in base64. Required.
	TokenKey Secret `env:"TOKEN_KEY"`
	// TokenKeyVersion stands in every token; another key needs another version.
	TokenKeyVersion int `env:"TOKEN_KEY_VERSION, default=1"`
	// TokenNormalisation is how identifiers are spelt before they become tokens; it belongs to the version.
	TokenNormalisation int `env:"TOKEN_NORMALISATION, default=2"`
	// PreviousTokenKey is the key before the last rotation, set for 31 days after it.
	PreviousTokenKey Secret `env:"PREVIOUS_TOKEN_KEY"`
	// PreviousTokenKeyVersion is the version that PREVIOUS_TOKEN_KEY had.
	PreviousTokenKeyVersion int `env:"PREVIOUS_TOKEN_KEY_VERSION"`
	// PreviousTokenNormalisation is the normalisation that PREVIOUS_TOKEN_KEY had.
	PreviousTokenNormalisation int `env:"PREVIOUS_TOKEN_NORMALISATION, default=2"`
	// AllowDemoTokenKey takes keys that protect nothing. Never in production.
	AllowDemoTokenKey bool `env:"ALLOW_DEMO_TOKEN_KEY"`
}

// Tokenizer makes the tokenizer of the configured keys. It refuses a known or guessable key, the previous one too, since
// every event would carry tokens under it for 31 days more. Its error names variables, never values.
func (c *Config) Tokenizer() (*pix.Tokenizer, error) {
	if err := c.weakness(); err != nil && !c.AllowDemoTokenKey {
		return nil, pix.E(pix.Invalid, "check token keys", err)
	}
	var previous *pix.TokenKey
	if len(c.PreviousTokenKey) > 0 {
		previous = &pix.TokenKey{
			Version: c.PreviousTokenKeyVersion, Secret: c.PreviousTokenKey,
			Normalisation: pix.Normalisation(c.PreviousTokenNormalisation),
		}
	}
	t, err := pix.NewTokenizer(pix.TokenKey{
		Version: c.TokenKeyVersion, Secret: c.TokenKey, Normalisation: pix.Normalisation(c.TokenNormalisation),
	}, previous)
	if err != nil {
		return nil, fmt.Errorf("TOKEN_KEY, PREVIOUS_TOKEN_KEY: %w", err)
	}
	return t, nil
}

// Warning says at start that tokens protect nothing here, empty when they do.
func (c *Config) Warning() string {
	if err := c.weakness(); err != nil && c.AllowDemoTokenKey {
		return "ALLOW_DEMO_TOKEN_KEY: tokens protect nobody: " + err.Error()
	}
	return ""
}

// weakness says which key is known or guessable. A key that is missing or short has an error of its own.
func (c *Config) weakness() error {
	for name, key := range map[string]Secret{"TOKEN_KEY": c.TokenKey, "PREVIOUS_TOKEN_KEY": c.PreviousTokenKey} {
		if len(key) < pix.MinTokenSecret {
			continue
		}
		if err := weakness(key); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Secret is a key in base64, which prints as a mask.
type Secret []byte

// EnvDecode implements envconfig.Decoder. Its error does not quote the value.
func (s *Secret) EnvDecode(v string) error {
	raw, err := base64.StdEncoding.DecodeString(v)
	if err != nil {
		return errors.New("not base64")
	}
	*s = raw
	return nil
}

// Format masks the secret under every verb of fmt.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "***") }
