package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/vault"
)

// Config is what every function reads. Each field's variable and default are in its tag.
type Config struct {
	// ProjectID is the Google Cloud project of topics, store and warehouse. Required.
	ProjectID string `env:"PROJECT_ID"`
	// LogLevel is the least level that is logged: DEBUG, INFO, WARN or ERROR.
	LogLevel slog.Level `env:"LOG_LEVEL, default=INFO"`
	// DeadLetterTopic takes what can never be handled, with the reason as attributes.
	DeadLetterTopic string `env:"DEAD_LETTER_TOPIC, default=pix-dead-letter-v1"`
	// MaxMessageAge is how old a message may become whose handling fails for a passing reason, by Pub/Sub's publish time.
	// It must be below the subscription's retention, which is seven days at most.
	MaxMessageAge time.Duration `env:"MAX_MESSAGE_AGE, default=144h"`
	// MaxPanics is how often the handling of one message may panic in one process.
	MaxPanics int `env:"MAX_PANICS, default=5"`
	// Timeout bounds the handling of one message, below the subscription's acknowledgement deadline.
	Timeout time.Duration `env:"HANDLE_TIMEOUT, default=20s"`
	// MemoryLimit is what the process must fit, in bytes; 0 means 256 MiB. What its requests hold together is a share of it.
	MemoryLimit int64 `env:"MEMORY_LIMIT"`
	Identity    IdentityConfig
	Tracing     obs.TracingConfig
}

// DefaultMemoryLimit is what a process must fit that says nothing else, in bytes.
const DefaultMemoryLimit = 256 << 20

// memoryLimit is MemoryLimit with its default.
func (c *Config) memoryLimit() int64 {
	if c.MemoryLimit == 0 {
		return DefaultMemoryLimit
	}
	return c.MemoryLimit
}

// HeapLimit is the share of MemoryLimit at which the garbage collector must work harder; the rest is for what it does not
// manage. A process that is this function alone gives it to the runtime.
func (c *Config) HeapLimit() int64 { return c.memoryLimit() / 5 * 4 }

// intake is the share of MemoryLimit for the requests under way.
func (c *Config) intake() int64 { return c.memoryLimit() / 8 * 3 }

// Bounds of the limits. A refused message comes back after ten minutes at most, so an hour is enough for a last attempt
// before Pub/Sub's retention of seven days drops it.
const (
	minMessageAge = 24 * time.Hour
	maxMessageAge = 7*24*time.Hour - time.Hour
	maxPanics     = 100
)

// Validate reports every problem at once, by the name of its variable.
func (c *Config) Validate() error {
	var problems []error
	if c.ProjectID == "" {
		problems = append(problems, errors.New("PROJECT_ID: required"))
	}
	if c.DeadLetterTopic == "" {
		problems = append(problems, errors.New("DEAD_LETTER_TOPIC: required"))
	}
	if c.MaxMessageAge < minMessageAge || c.MaxMessageAge > maxMessageAge {
		problems = append(problems, fmt.Errorf("MAX_MESSAGE_AGE: must be %s to %s: longer than an outage, an hour less than the longest retention", minMessageAge, maxMessageAge))
	}
	if c.MaxPanics < 1 || c.MaxPanics > maxPanics {
		problems = append(problems, fmt.Errorf("MAX_PANICS: must be 1 to %d", maxPanics))
	}
	if c.Timeout <= 0 || c.Timeout > 10*time.Minute {
		problems = append(problems, errors.New("HANDLE_TIMEOUT: must be above 0 and at most 10m, the longest acknowledgement deadline"))
	}
	if c.memoryLimit() < push.MinIntakeBytes/3*8 {
		problems = append(problems, fmt.Errorf("MEMORY_LIMIT: must be at least %d bytes", push.MinIntakeBytes/3*8))
	}
	return errors.Join(append(problems, c.Identity.Validate(), c.Tracing.Validate())...)
}

// validator is a pointer to a configuration.
type validator[T any] interface {
	*T
	Validate() error
}

// Load reads a configuration from the environment and the files of SECRETS_DIR, and validates it. Its error names variables, never values.
func Load[T any, P validator[T]](ctx context.Context) (P, error) {
	env, err := vault.Lookuper(envconfig.OsLookuper())
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return LoadFrom[T, P](ctx, env)
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
