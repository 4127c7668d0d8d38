package warehouse

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Decided counts the payments that were decided from one moment until before another and have a row, each once. Older ones
// than pix.ReconciledAge are left out, so that BigQuery reads a few partitions and not all.
func (e *Extract) Decided(ctx context.Context, from, until time.Time) (int64, error) {
	const op = "count decisions"
	sql := "SELECT COUNT(DISTINCT end_to_end_id) FROM `" + e.rest.Dataset() + "." + DecisionsTable + "`" + `
WHERE event_time >= TIMESTAMP_MICROS(` + micros(from.Add(-pix.ReconciledAge).UnixMicro()) + `)
  AND decided_at >= TIMESTAMP_MICROS(` + micros(from.UnixMicro()) + `) AND decided_at < TIMESTAMP_MICROS(` + micros(until.UnixMicro()) + `)`
	answer, err := e.rest.Query(ctx, sql, nil)
	if err != nil {
		return 0, pix.E(pix.KindOf(err), op, err)
	}
	if len(answer.Rows) != 1 || len(answer.Rows[0]) != 1 {
		return 0, pix.E(pix.Unexpected, op, errors.New("BigQuery's answer is no number"))
	}
	n, err := strconv.ParseInt(answer.Rows[0][0], 10, 64)
	if err != nil {
		return 0, pix.E(pix.Unexpected, op, errors.New("BigQuery's answer is no number"))
	}
	return n, nil
}
