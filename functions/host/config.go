package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Config is what every function reads. Each field's variable and default are in its tag.
type Config struct {
	ProjectID       string     `env:"PROJECT_ID"`
	LogLevel        slog.Level `env:"LOG_LEVEL, default=INFO"`
	DeadLetterTopic string     `env:"DEAD_LETTER_TOPIC, default=pix-dead-letter-v1"`
	// MaxAttempts is the subscription's own limit of deliveries; on the last one we dead-letter before Pub/Sub would.
	MaxAttempts int `env:"MAX_DELIVERY_ATTEMPTS, default=10"`
	// Timeout bounds the handling of one message, below the subscription's acknowledgement deadline.
	Timeout time.Duration `env:"HANDLE_TIMEOUT, default=20s"`
	Tracing obs.TracingConfig
}

// Validate reports every problem at once, by the name of its variable.
func (c *Config) Validate() error {
	var problems []error
	if c.ProjectID == "" {
		problems = append(problems, errors.New("PROJECT_ID: required"))
	}
	if c.DeadLetterTopic == "" {
		problems = append(problems, errors.New("DEAD_LETTER_TOPIC: required"))
	}
	if c.MaxAttempts < 5 || c.MaxAttempts > 100 {
		problems = append(problems, errors.New("MAX_DELIVERY_ATTEMPTS: must be 5 to 100, as Pub/Sub has it"))
	}
	if c.Timeout <= 0 || c.Timeout > 10*time.Minute {
		problems = append(problems, errors.New("HANDLE_TIMEOUT: must be above 0 and at most 10m, the longest acknowledgement deadline"))
	}
	return errors.Join(append(problems, c.Tracing.Validate())...)
}

// validator is a pointer to a configuration.
type validator[T any] interface {
	*T
	Validate() error
}

// Load reads a configuration from the environment and validates it. Its error names variables, never values.
func Load[T any, P validator[T]](ctx context.Context) (P, error) {
	return LoadFrom[T, P](ctx, envconfig.OsLookuper())
}

// LoadFrom is Load from another source than the environment.
func LoadFrom[T any, P validator[T]](ctx context.Context, env envconfig.Lookuper) (P, error) {
	c := P(new(T))
	if err := envconfig.ProcessWith(ctx, &envconfig.Config{Target: c, Lookuper: env}); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if err := c.Validate(); err != nil {
		return nil, pix.E(pix.Invalid, "validate configuration", err)
	}
	return c, nil
}
