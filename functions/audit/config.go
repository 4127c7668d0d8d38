package audit

import (
	"context"
	"fmt"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Config is the function's configuration.
type Config = row.Config

// FromEnv builds the function from the environment, for the root's registration.
func FromEnv(ctx context.Context) (*row.Function, error) {
	c, err := host.Load[Config](ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return Open(ctx, c, host.Env{})
}

// Open connects to the bus and the warehouse.
func Open(ctx context.Context, c *Config, env host.Env) (*row.Function, error) {
	return c.Open(ctx, Name, env, func(h *host.Host, w *warehouse.Warehouse) (http.Handler, error) {
		return New(Deps{Warehouse: w, Push: h.Push()})
	})
}
