package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config is the process's configuration. Each field's variable and default are in its tag.
type Config struct {
	Bridge bridge.Config

	// ProjectID is the Google Cloud project of the topics. Required.
	ProjectID string `env:"PROJECT_ID"`
	// Listen is where /healthz, /readyz and /metrics are served.
	Listen string `env:"LISTEN_ADDR, default=:8080"`
	// LogLevel is the least level that is logged: DEBUG, INFO, WARN or ERROR.
	LogLevel slog.Level `env:"LOG_LEVEL, default=INFO"`

	Keys    keyring.Config
	Tracing obs.TracingConfig
}

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
	problems := []error{c.Bridge.Validate(), c.Tracing.Validate()}
	if c.ProjectID == "" {
		problems = append(problems, errors.New("PROJECT_ID: required"))
	}
	if _, err := c.Keys.Tokenizer(); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Service names the process in logs and traces.
func (c *Config) Service() obs.Service {
	return obs.Service{Name: "kafka-bridge", ProjectID: c.ProjectID, HeadOnly: true}
}
