package export

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Config is the function's configuration.
type Config struct {
	host.Config
	// Dataset is that of BigQuery with the tables of decisions, alerts and labels.
	Dataset string `env:"DATASET, default=fraud"`
	// Emulator is the host:port of a BigQuery emulator's storage service; empty means BigQuery itself.
	Emulator string `env:"BIGQUERY_STORAGE_EMULATOR_HOST"`
	// RESTEmulator is the URL of a BigQuery emulator's REST service; empty means BigQuery itself.
	RESTEmulator string `env:"BIGQUERY_EMULATOR_HOST"`
	// Lake is where the Delta tables are: gs://bucket/prefix, or a directory. Required.
	Lake string `env:"LAKE"`
	// ExportTimeout bounds one tick in place of HANDLE_TIMEOUT. What it has committed by then stays.
	ExportTimeout time.Duration `env:"EXPORT_TIMEOUT, default=9m"`
}

// Validate reports every problem at once.
func (c *Config) Validate() error {
	problems := []error{c.Config.Validate()}
	if c.Dataset == "" {
		problems = append(problems, errors.New("DATASET: required"))
	}
	if c.Lake == "" {
		problems = append(problems, errors.New("LAKE: required"))
	}
	if c.ExportTimeout <= 0 || c.ExportTimeout > 10*time.Minute {
		problems = append(problems, errors.New("EXPORT_TIMEOUT: must be above 0 and at most 10m, the longest acknowledgement deadline"))
	}
	return errors.Join(problems...)
}

// Function is the function with everything below it.
type Function struct {
	http.Handler
	host *host.Host
}

// Close closes every connection, as far as ctx allows. Stop serving before.
func (f *Function) Close(ctx context.Context) error { return f.host.Close(ctx) }

// Conditions say of the function whether it is ready.
func (f *Function) Conditions() []lifecycle.Condition { return f.host.Conditions() }

// Open connects to the bus, the warehouse and the lake. margin is how old a stamp must be that no row with it is on its
// way: warehouse.StampMargin, but where nobody writes any more.
func Open(ctx context.Context, c *Config, env host.Env, margin time.Duration) (*Function, error) {
	c.Timeout = c.ExportTimeout
	h, err := host.Open(ctx, Name, c.Config, env)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	handler, err := c.build(ctx, h, margin)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("export: %w", err), h.Close(ctx))
	}
	return &Function{Handler: handler, host: h}, nil
}

func (c *Config) build(ctx context.Context, h *host.Host, margin time.Duration) (http.Handler, error) {
	extract, err := warehouse.OpenExtract(ctx, warehouse.Config{ProjectID: c.ProjectID, Dataset: c.Dataset},
		append(emulator.REST(c.RESTEmulator), h.BigQueryREST...), append(emulator.GRPC(c.Emulator), h.BigQuery...))
	if err != nil {
		return nil, fmt.Errorf("open warehouse: %w", err)
	}
	h.OnClose(func(context.Context) error { return extract.Close() })
	place, err := lake.OpenLocation(ctx, c.Lake, h.Storage...)
	if err != nil {
		return nil, fmt.Errorf("open lake: %w", err)
	}
	h.OnClose(func(context.Context) error { return place.Close() })
	return New(Deps{Source: extract, Lake: place, Margin: margin, Push: h.Push()})
}

// FromEnv builds the function from the environment.
func FromEnv(ctx context.Context, env host.Env) (*Function, error) {
	c, err := host.Load[Config](ctx)
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	return Open(ctx, c, env, warehouse.StampMargin)
}
