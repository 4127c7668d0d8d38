package audit

import (
	"context"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Config is the function's configuration.
type Config = row.Config

// Open connects to the bus and the warehouse.
func Open(ctx context.Context, c *Config, env host.Env) (*row.Function, error) {
	return c.Open(ctx, Name, env, func(h *host.Host, w *warehouse.Warehouse) (http.Handler, error) {
		return New(Deps{Warehouse: w, Push: h.Push()})
	})
}
