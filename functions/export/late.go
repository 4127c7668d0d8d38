package export

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// keysAtOnce bounds what is held to tell the rows of an hour apart: an hour of more rows is gone through several times.
const keysAtOnce = 1 << 20

// compare holds the warehouse's counts against the lake's and returns the hours of which the lake lacks rows. It is loud about
// everything that should not be.
func (e *exporter) compare(ctx context.Context, held *lake.Tally, counts *warehouse.Counts) []warehouse.Slice {
	var late []warehouse.Slice
	var missing, surplus int64
	found := map[int64]int64{}
	for _, s := range counts.Before {
		hour := hours(s.From) / 1e6
		found[hour] += s.Rows
		if lacks := s.Rows - held.Rows[hour]; lacks > 0 {
			late, missing = append(late, s), missing+lacks
		}
	}
	for hour, rows := range held.Rows {
		surplus += max(0, rows-found[hour])
	}
	slices.SortFunc(late, func(a, b warehouse.Slice) int { return int(a.From/1e6 - b.From/1e6) })
	e.metrics.late.WithLabelValues(e.name).Add(float64(missing))
	e.metrics.odd.WithLabelValues(e.name, "surplus").Set(float64(surplus))
	e.metrics.odd.WithLabelValues(e.name, "unstamped").Set(float64(counts.Unstamped))
	e.metrics.odd.WithLabelValues(e.name, "ahead").Set(float64(counts.Ahead))
	log := e.Push.Logger
	if missing > 0 {
		log.ErrorContext(ctx, "rows came after their slice was exported: an append took longer than it may, or a clock is wrong", "table", e.name, "rows", missing)
	}
	if surplus > 0 {
		log.ErrorContext(ctx, "the lake has more rows than the warehouse", "table", e.name, "rows", surplus)
	}
	if counts.Unstamped > 0 {
		log.WarnContext(ctx, "rows without written_at are not exported: stamp them", "table", e.name, "rows", counts.Unstamped)
	}
	if counts.Ahead > 0 {
		log.ErrorContext(ctx, "rows are stamped in the future: a writer's clock is fast", "table", e.name, "rows", counts.Ahead)
	}
	return late
}

// repair writes the rows of an hour that the lake lacks. A row is known by its payment, the payment's time and its stamp; a
// row that the warehouse has twice must be twice in the lake.
func (e *exporter) repair(ctx context.Context, w *counted, held *lake.Tally, s warehouse.Slice) error {
	columns, err := warehouse.LakeSchema(e.name)
	if err != nil {
		return fmt.Errorf("columns: %w", err)
	}
	names := []string{warehouse.WrittenAt, "end_to_end_id", "event_time"}
	places := make([]int, len(names))
	for i, name := range names {
		places[i] = slices.IndexFunc(columns, func(f lake.Field) bool { return f.Name == name })
	}
	h := hasher{seed: maphash.MakeSeed(), parts: uint64(held.Rows[hours(s.From)/1e6]/keysAtOnce + 1)}
	for part := range h.parts {
		there := map[uint64]int64{}
		for row, err := range e.table.Rows(ctx, held, hours(s.From)/1e6, names...) {
			if err != nil {
				return fmt.Errorf("read the lake: %w", err)
			}
			if key, mine := h.key(part, row[0], row[1], row[2]); mine {
				there[key]++
			}
		}
		for row, err := range e.Source.Rows(ctx, e.name, s) {
			if err != nil {
				return fmt.Errorf("read the warehouse: %w", err)
			}
			key, mine := h.key(part, row[places[0]], row[places[1]], row[places[2]])
			if !mine {
				continue
			}
			if there[key]--; there[key] >= 0 {
				continue
			}
			if err := w.Append(row); err != nil {
				return fmt.Errorf("write the lake: %w", err)
			}
		}
	}
	return nil
}

// hasher numbers rows. Of a million rows two have one number with a chance of one in ten million.
type hasher struct {
	seed    maphash.Seed
	parts   uint64
	scratch []byte
}

// key returns a row's number, and whether it belongs to a part.
func (h *hasher) key(part uint64, values ...lake.Value) (key uint64, mine bool) {
	h.scratch = h.scratch[:0]
	for _, v := range values {
		h.scratch = v.AppendKey(h.scratch)
	}
	key = maphash.Bytes(h.seed, h.scratch)
	return key, key%h.parts == part
}
