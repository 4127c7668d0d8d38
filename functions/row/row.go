// Package row is the ground of the functions that write rows: the host with the warehouse on it. The scorer writes none and
// does not link it.
package row

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Config is the configuration of a function that writes rows.
type Config struct {
	host.Config
	// Dataset is that of BigQuery with the tables of decisions, alerts and labels.
	Dataset string `env:"DATASET, default=fraud"`
	// Emulator is the host:port of a BigQuery emulator's storage service; empty means BigQuery itself.
	Emulator string `env:"BIGQUERY_STORAGE_EMULATOR_HOST"`
}

// Validate reports every problem at once.
func (c *Config) Validate() error {
	var dataset error
	if c.Dataset == "" {
		dataset = errors.New("DATASET: required")
	}
	return errors.Join(c.Config.Validate(), dataset)
}

// Function is a function with everything below it.
type Function struct {
	http.Handler
	host *host.Host
}

// Close closes every connection, as far as ctx allows. Stop serving before.
func (f *Function) Close(ctx context.Context) error { return f.host.Close(ctx) }

// Conditions say of the function whether it is ready.
func (f *Function) Conditions() []lifecycle.Condition { return f.host.Conditions() }

// Builder makes a function's handler on its ground.
type Builder func(*host.Host, *warehouse.Warehouse) (http.Handler, error)

// Open opens the ground and the warehouse and builds a function's handler on them, behind the gate of pushes.
func (c *Config) Open(ctx context.Context, name string, env host.Env, build Builder) (*Function, error) {
	h, err := host.Open(ctx, name, c.Config, env)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	handler, err := c.build(ctx, h, build)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), h.Close(ctx))
	}
	return &Function{Handler: handler, host: h}, nil
}

func (c *Config) build(ctx context.Context, h *host.Host, build Builder) (http.Handler, error) {
	options := append(emulator.GRPC(c.Emulator), h.BigQuery...)
	w, err := warehouse.Open(ctx, warehouse.Config{ProjectID: c.ProjectID, Dataset: c.Dataset, Metrics: h.Metrics}, options...)
	if err != nil {
		return nil, fmt.Errorf("open warehouse: %w", err)
	}
	h.OnClose(w.Close)
	return build(h, w)
}

// FromEnv returns what builds a function from the environment.
func FromEnv[T any, P interface {
	*T
	Validate() error
}](name string, open func(context.Context, P, host.Env) (*Function, error)) func(context.Context, host.Env) (*Function, error) {
	return func(ctx context.Context, env host.Env) (*Function, error) {
		c, err := host.Load[T, P](ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return open(ctx, c, env)
	}
}
