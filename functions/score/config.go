package score

import (
	"errors"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/shared/keyring"
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

	Keys keyring.Config
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
	if _, err := c.Keys.Tokenizer(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
