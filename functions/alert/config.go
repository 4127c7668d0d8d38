package alert

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sentinela-pix/sentinela/functions/internal/host"
)

// Config is the function's configuration. Each field's variable and default are in its tag.
type Config struct {
	host.Config
	host.Warehouse
	AlertsTopic string `env:"ALERTS_TOPIC, default=pix-alerts-v1"`
}

// Validate reports every problem at once.
func (c *Config) Validate() error {
	var topic error
	if c.AlertsTopic == "" {
		topic = errors.New("ALERTS_TOPIC: required")
	}
	return errors.Join(c.Config.Validate(), c.Warehouse.Validate(), topic)
}

// FromEnv builds the function from the environment, for the root's registration.
func FromEnv(ctx context.Context) (http.Handler, error) {
	c, err := host.Load[Config](ctx)
	if err != nil {
		return nil, fmt.Errorf("alert: %w", err)
	}
	h, err := host.Open(ctx, Name, c.Config)
	if err != nil {
		return nil, fmt.Errorf("alert: %w", err)
	}
	w, err := c.Warehouse.Open(ctx, h)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("alert: %w", err), h.Close(ctx))
	}
	h.OnClose(w.Close)
	handler, err := New(Deps{Warehouse: w, Publisher: h.Bus, Topic: c.AlertsTopic, Push: h.Push()})
	if err != nil {
		return nil, errors.Join(err, h.Close(ctx))
	}
	return handler, nil
}
