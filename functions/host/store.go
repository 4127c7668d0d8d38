package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/sentinela-pix/sentinela/shared/store"
)

// StoreConfig says where the feature store is, for the functions that use it.
type StoreConfig struct {
	// BigtableInstance holds the feature store. Required.
	BigtableInstance string `env:"BIGTABLE_INSTANCE"`
	// BigtableTable is the feature store's table.
	BigtableTable string `env:"BIGTABLE_TABLE, default=pix"`
	// BigtableProfile must route to a single cluster: conditional writes need it.
	BigtableProfile string `env:"BIGTABLE_APP_PROFILE"`
}

// Validate reports every problem at once.
func (c *StoreConfig) Validate() error {
	if c.BigtableInstance == "" {
		return errors.New("BIGTABLE_INSTANCE: required")
	}
	return nil
}

// OpenStore connects to the store; Close closes it.
func (h *Host) OpenStore(ctx context.Context, c StoreConfig) (*store.Store, error) {
	s, err := store.Open(ctx, store.Config{
		ProjectID: h.config.ProjectID, InstanceID: c.BigtableInstance, Table: c.BigtableTable, AppProfile: c.BigtableProfile,
		Metrics: h.Metrics,
		Degraded: func(err error) {
			h.Logger.Warn("degraded", "part", "upkeep of hot streams", "error", err.Error())
		},
	}, h.Bigtable...)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	h.OnClose(func(context.Context) error { return s.Close() })
	return s, nil
}
