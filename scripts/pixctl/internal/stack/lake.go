package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// Export publishes a tick, as the scheduler does. It is taken when Outstanding is 0 again.
func (s *Stack) Export(ctx context.Context) error {
	e, err := event.EncodeExportTick(&event.ExportTick{})
	if err != nil {
		return fmt.Errorf("encode tick: %w", err)
	}
	if err := s.Bus.Publish(ctx, event.TopicExports, e); err != nil {
		return fmt.Errorf("publish tick: %w", err)
	}
	return nil
}

// Exported asks the lake how many rows each table has.
func (s *Stack) Exported(ctx context.Context) (rows map[string]int64, err error) {
	place, err := lake.OpenLocation(ctx, s.LakePlace, s.Cloud.StorageOptions()...)
	if err != nil {
		return nil, fmt.Errorf("lake: %w", err)
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	rows = map[string]int64{}
	for _, name := range warehouse.Tables() {
		columns, err := warehouse.LakeSchema(name)
		if err != nil {
			return nil, fmt.Errorf("lake: %w", err)
		}
		objects, err := place.Table(name)
		if err != nil {
			return nil, fmt.Errorf("lake: %w", err)
		}
		table, err := lake.Open(ctx, objects, name, columns, lake.Config{})
		if err != nil {
			return nil, fmt.Errorf("lake: %w", err)
		}
		held, err := table.Tally(ctx, export.AppID, warehouse.WrittenAt, time.Unix(0, 0))
		if err != nil {
			return nil, fmt.Errorf("lake: %w", err)
		}
		for _, n := range held.Rows {
			rows[name] += n
		}
	}
	return rows, nil
}
