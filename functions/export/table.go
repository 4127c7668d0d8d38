package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/clock"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// lookback is for how long after its slice was exported a row may still come and be found: as long as Pub/Sub keeps a
// message that would be written again.
const lookback = 7 * 24 * time.Hour

// export brings one table up to date, an hour of stamps to a commit. What was committed stays when a later hour fails.
func (f function) export(ctx context.Context, name string) error {
	table, err := f.open(ctx, name)
	if err != nil {
		return err
	}
	now := f.Push.Clock()
	end := now.Add(-f.Margin).UnixMicro()
	since := now.Add(-lookback)
	last, _, err := table.LastTxn(ctx, AppID)
	if err != nil {
		return fmt.Errorf("read the lake: %w", err)
	}
	if before := time.UnixMicro(last).Add(-lookback); before.Before(since) {
		since = before
	}
	held, err := table.Tally(ctx, AppID, warehouse.WrittenAt, since)
	if err != nil {
		return fmt.Errorf("count the lake: %w", err)
	}
	counts, err := f.Source.Count(ctx, name, max(hours(since.UnixMicro()), 0), held.Txn, max(end, held.Txn), now.Add(clock.DefaultTolerance).UnixMicro())
	if err != nil {
		return fmt.Errorf("count the warehouse: %w", err)
	}
	e := &exporter{function: f, name: name, table: table, at: held.Txn}
	late := e.compare(ctx, held, &counts)
	slices.SortFunc(counts.After, func(a, b warehouse.Slice) int { return int(a.From/1e6 - b.From/1e6) })
	fresh := counts.After
	if len(late) > 0 && len(fresh) == 0 && end > e.at { // what came late is committed with a slice
		fresh = []warehouse.Slice{{From: e.at, Until: end}}
	}
	if err := e.all(ctx, held, late, fresh); err != nil {
		return err
	}
	f.metrics.end.WithLabelValues(name).Set(float64(max(end, e.at)) / 1e6)
	return nil
}

func hours(micros int64) int64 { return micros - micros%lake.TallyBucket.Microseconds() }

func (f function) open(ctx context.Context, name string) (*lake.Table, error) {
	columns, err := warehouse.LakeSchema(name)
	if err != nil {
		return nil, fmt.Errorf("columns: %w", err)
	}
	objects, err := f.Lake.Table(name)
	if err != nil {
		return nil, fmt.Errorf("open the lake: %w", err)
	}
	table, err := lake.Open(ctx, objects, name, columns, lake.Config{Now: f.Push.Clock})
	if err != nil {
		return nil, fmt.Errorf("open the lake: %w", err)
	}
	return table, nil
}

// exporter is the export of one table at one tick.
type exporter struct {
	function
	name  string
	table *lake.Table
	at    int64 // where the log ends
}

// all commits what came late together with the first hour, then the other hours. Without either nothing is written: the
// next slice begins where this one did.
func (e *exporter) all(ctx context.Context, held *lake.Tally, late, fresh []warehouse.Slice) error {
	for i, s := range fresh {
		if i > 0 {
			late = nil
		}
		if err := e.commit(ctx, held, late, s); errors.Is(err, lake.ErrMoved) {
			e.Push.Logger.InfoContext(ctx, "another exporter was first", "table", e.name)
			return nil
		} else if err != nil {
			return err
		}
		e.at = s.Until
	}
	return nil
}

// commit writes one slice, with the rows that came late for those before, and commits it.
func (e *exporter) commit(ctx context.Context, held *lake.Tally, late []warehouse.Slice, s warehouse.Slice) error {
	w := &counted{Writer: e.table.NewWriter(ctx)}
	defer w.Abort()
	if s.Rows > 0 {
		if err := e.copy(ctx, w, s); err != nil {
			return err
		}
	}
	fresh := w.rows
	for _, hour := range late {
		if err := e.repair(ctx, w, held, hour); err != nil {
			return fmt.Errorf("rows that came late: %w", err)
		}
	}
	files, err := w.Close()
	if err != nil {
		return fmt.Errorf("write the lake: %w", err)
	}
	result, err := e.table.Commit(ctx, files, lake.Txn{AppID: AppID, From: e.at, Version: s.Until})
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if !result.Already {
		e.metrics.rows.WithLabelValues(e.name).Add(float64(w.rows))
		e.Push.Logger.InfoContext(ctx, "exported", "table", e.name, "rows", fresh, "late_rows", w.rows-fresh,
			"from", stampText(e.at), "until", stampText(s.Until), "version", result.Version)
	}
	if tended, err := e.table.Tend(ctx); err != nil {
		e.Push.Logger.WarnContext(ctx, "table not tended: the next commit tries again", "table", e.name, "error", err.Error())
	} else if tended.Checkpoint {
		e.Push.Logger.InfoContext(ctx, "table tended", "table", e.name, "log_objects", tended.Log, "orphans", tended.Orphans)
	}
	return nil
}

// copy writes the rows of a slice. There must be at least as many as were counted.
func (e *exporter) copy(ctx context.Context, w *counted, s warehouse.Slice) error {
	before := w.rows
	for row, err := range e.Source.Rows(ctx, e.name, s) {
		if err != nil {
			return fmt.Errorf("read the warehouse: %w", err)
		}
		if err := w.Append(row); err != nil {
			return fmt.Errorf("write the lake: %w", err)
		}
	}
	if got := w.rows - before; got < s.Rows {
		return pix.E(pix.Unavailable, "read the warehouse", fmt.Errorf("%d rows were counted and %d came", s.Rows, got))
	}
	return nil
}

// counted is a writer that counts.
type counted struct {
	*lake.Writer
	rows int64
}

// Append writes one row.
func (c *counted) Append(row []lake.Value) error {
	if err := c.Writer.Append(row); err != nil {
		return err
	}
	c.rows++
	return nil
}

func stampText(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano) }
