package config

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config is the process's configuration. Each field's variable and default are in its tag.
type Config struct {
	Bridge bridge.Config

	ProjectID string     `env:"PROJECT_ID"`
	Listen    string     `env:"LISTEN_ADDR, default=:8080"` // /healthz, /readyz, /metrics
	LogLevel  slog.Level `env:"LOG_LEVEL, default=INFO"`

	// The previous key is set for 31 days after a rotation.
	TokenKey                Secret `env:"TOKEN_KEY"` // at least 32 bytes, base64
	TokenKeyVersion         int    `env:"TOKEN_KEY_VERSION, default=1"`
	PreviousTokenKey        Secret `env:"PREVIOUS_TOKEN_KEY"`
	PreviousTokenKeyVersion int    `env:"PREVIOUS_TOKEN_KEY_VERSION"`
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

// Load reads and validates the configuration.
func Load(ctx context.Context, env envconfig.Lookuper) (*Config, error) {
	var c Config
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: &c, Lookuper: env}); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if err := c.Validate(); err != nil {
		return nil, pix.E(pix.Invalid, "validate configuration", err)
	}
	return &c, nil
}

// Validate reports every problem at once, by the name of its variable and never with its value.
func (c *Config) Validate() error {
	problems := []error{c.Bridge.Validate()}
	if c.ProjectID == "" {
		problems = append(problems, errors.New("PROJECT_ID: required"))
	}
	if _, err := c.Tokenizer(); err != nil {
		problems = append(problems, fmt.Errorf("TOKEN_KEY, PREVIOUS_TOKEN_KEY: %w", err))
	}
	return errors.Join(problems...)
}

// Tokenizer makes the tokenizer of the configured keys.
func (c *Config) Tokenizer() (*pix.Tokenizer, error) {
	current := pix.TokenKey{Version: c.TokenKeyVersion, Secret: c.TokenKey}
	if len(c.PreviousTokenKey) == 0 {
		return pix.NewTokenizer(current, nil)
	}
	return pix.NewTokenizer(current, &pix.TokenKey{Version: c.PreviousTokenKeyVersion, Secret: c.PreviousTokenKey})
}

// Service names the process in logs.
func (c *Config) Service() obs.Service {
	return obs.Service{Name: "kafka-bridge", ProjectID: c.ProjectID}
}
