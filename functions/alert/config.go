package alert

import (
	"context"
	"errors"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Config is the function's configuration. Each field's variable and default are in its tag.
type Config struct {
	row.Config
	// AlertsTopic takes an alert for each decision that is not an approval.
	AlertsTopic string `env:"ALERTS_TOPIC, default=pix-alerts-v1"`
}

// Validate reports every problem at once.
func (c *Config) Validate() error {
	var topic error
	if c.AlertsTopic == "" {
		topic = errors.New("ALERTS_TOPIC: required")
	}
	return errors.Join(c.Config.Validate(), topic)
}

// Open connects to the bus and the warehouse.
func Open(ctx context.Context, c *Config, env host.Env) (*row.Function, error) {
	return c.Open(ctx, Name, env, func(h *host.Host, w *warehouse.Warehouse) (http.Handler, error) {
		return New(Deps{Warehouse: w, Publisher: h.Bus, Topic: c.AlertsTopic, Push: h.Push()})
	})
}
