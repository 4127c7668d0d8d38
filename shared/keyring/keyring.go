package keyring

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config holds the token keys, as Secret Manager mounts them. The previous key is set for 31 days after a rotation.
type Config struct {
	TokenKey                Secret `env:"TOKEN_KEY"` // at least 32 bytes, base64
	TokenKeyVersion         int    `env:"TOKEN_KEY_VERSION, default=1"`
	PreviousTokenKey        Secret `env:"PREVIOUS_TOKEN_KEY"`
	PreviousTokenKeyVersion int    `env:"PREVIOUS_TOKEN_KEY_VERSION"`
}

// Tokenizer makes the tokenizer of the configured keys. Its error names variables, never values.
func (c *Config) Tokenizer() (*pix.Tokenizer, error) {
	var previous *pix.TokenKey
	if len(c.PreviousTokenKey) > 0 {
		previous = &pix.TokenKey{Version: c.PreviousTokenKeyVersion, Secret: c.PreviousTokenKey}
	}
	t, err := pix.NewTokenizer(pix.TokenKey{Version: c.TokenKeyVersion, Secret: c.TokenKey}, previous)
	if err != nil {
		return nil, fmt.Errorf("TOKEN_KEY, PREVIOUS_TOKEN_KEY: %w", err)
	}
	return t, nil
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
