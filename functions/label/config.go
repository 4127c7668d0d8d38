package label

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Config is the function's configuration.
type Config struct {
	row.Config
	host.StoreConfig
}

// Validate reports every problem at once.
func (c *Config) Validate() error {
	return errors.Join(c.Config.Validate(), c.StoreConfig.Validate())
}

// Open connects to the bus, the warehouse and the store.
func Open(ctx context.Context, c *Config, env host.Env) (*row.Function, error) {
	return c.Open(ctx, Name, env, func(h *host.Host, w *warehouse.Warehouse) (http.Handler, error) {
		s, err := h.OpenStore(ctx, c.StoreConfig)
		if err != nil {
			return nil, err
		}
		marker, err := engine.NewMarker(s)
		if err != nil {
			return nil, fmt.Errorf("build marker: %w", err)
		}
		return New(Deps{Warehouse: w, Marker: marker, Push: h.Push()})
	})
}
