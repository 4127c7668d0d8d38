package export

import (
	"context"
	"slices"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// reconcile tells how many payments of the newest hour that can be reconciled have a row of their decision; scorers tell how
// many they decided in it. Every tick asks again, for rows that were late come within the hour; where BigQuery does not answer, the
// hour that was told goes on being told with its end.
func (f function) reconcile(ctx context.Context, tick *event.ExportTick) {
	if len(tick.Tables) > 0 && !slices.Contains(tick.Tables, warehouse.DecisionsTable) {
		return
	}
	hour := pix.ReconciledHour(f.Push.Clock())
	end := hour.Add(time.Hour)
	rows, err := f.Source.Decided(ctx, hour, end)
	if err != nil {
		f.Push.Logger.WarnContext(ctx, "decisions not reconciled: the next tick asks again", "error", err.Error())
		return
	}
	f.metrics.decided.Set(float64(rows))
	f.metrics.decidedEnd.Set(float64(end.Unix()))
}
