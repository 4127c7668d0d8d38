package score

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/host"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config is the service's configuration. Each field's variable and default are in its tag.
type Config struct {
	host.Config
	BigtableInstance string `env:"BIGTABLE_INSTANCE"`
	BigtableTable    string `env:"BIGTABLE_TABLE, default=pix"`
	// BigtableProfile must route to a single cluster: conditional writes need it.
	BigtableProfile string `env:"BIGTABLE_APP_PROFILE"`
	DecisionsTopic  string `env:"DECISIONS_TOPIC, default=pix-decisions-v1"`
	// Models is a directory or gs://bucket/prefix; empty means the models that this release ships.
	Models string `env:"MODELS_LOCATION"`
	// DecisionTimeout bounds one decision.
	DecisionTimeout time.Duration `env:"DECISION_TIMEOUT, default=2s"`

	// The token keys, as Secret Manager mounts them; the previous one for 31 days after a rotation.
	TokenKey                Secret `env:"TOKEN_KEY"` // at least 32 bytes, base64
	TokenKeyVersion         int    `env:"TOKEN_KEY_VERSION, default=1"`
	PreviousTokenKey        Secret `env:"PREVIOUS_TOKEN_KEY"`
	PreviousTokenKeyVersion int    `env:"PREVIOUS_TOKEN_KEY_VERSION"`
}

// Validate reports every problem at once, by the name of its variable and never with its value.
func (c *Config) Validate() error {
	problems := []error{c.Config.Validate()}
	if c.BigtableInstance == "" {
		problems = append(problems, errors.New("BIGTABLE_INSTANCE: required"))
	}
	if c.DecisionsTopic == "" {
		problems = append(problems, errors.New("DECISIONS_TOPIC: required"))
	}
	if c.DecisionTimeout <= 0 || c.DecisionTimeout > c.Timeout {
		problems = append(problems, errors.New("DECISION_TIMEOUT: must be above 0 and at most HANDLE_TIMEOUT"))
	}
	if _, err := c.Tokenizer(); err != nil {
		problems = append(problems, fmt.Errorf("TOKEN_KEY, PREVIOUS_TOKEN_KEY: %w", err))
	}
	return errors.Join(problems...)
}

// Tokenizer makes the tokenizer of the configured keys.
func (c *Config) Tokenizer() (*pix.Tokenizer, error) {
	var previous *pix.TokenKey
	if len(c.PreviousTokenKey) > 0 {
		previous = &pix.TokenKey{Version: c.PreviousTokenKeyVersion, Secret: c.PreviousTokenKey}
	}
	t, err := pix.NewTokenizer(pix.TokenKey{Version: c.TokenKeyVersion, Secret: c.TokenKey}, previous)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
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
