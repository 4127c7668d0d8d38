package stack_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// lateRows is the line of the metrics page about decisions that came after their slice.
var lateRows = regexp.MustCompile(`(?m)^pix_export_late_rows_total\{.*table="decisions".*\} (\S+)$`)

// TestTicksWhilePaymentsAreDecided: no slice reaches into the time of appends that may still be under way, and every row is
// exported once.
func TestTicksWhilePaymentsAreDecided(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Options{})
	kafka := newProducer(t, s)
	payments := simulate(t, world.Params{Seed: 5, Accounts: 300, Days: 2}, 60)
	sent, slices := 0, map[int64]bool{}
	await(t, "the export of every decision", func() bool {
		for range min(3, len(payments)-sent) {
			kafka.send(t, payments[sent])
			sent++
		}
		if err := s.Export(t.Context()); err != nil {
			t.Fatal(err)
		}
		await(t, "the tick", func() bool { return s.Outstanding() == 0 })
		if end := exportedUntil(t, s); end > 0 {
			slices[end] = true
			if ago := time.Since(time.UnixMicro(end)); ago < warehouse.DefaultAppendTimeout {
				t.Fatalf("a slice ends %s ago: appends that began in it may not have ended", ago)
			}
		}
		rows, err := s.Exported(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sent == len(payments) && rows["decisions"] >= int64(sent)
	})
	rows, err := s.Exported(t.Context())
	if err != nil || rows["decisions"] != int64(audited(t, s)) {
		t.Errorf("%d rows in the lake, %d in the warehouse (%v)", rows["decisions"], audited(t, s), err)
	}
	t.Logf("%d payments, %d slices, late rows: %q", sent, len(slices), late(t, s))
}

// exportedUntil returns the end of the newest slice of decisions.
func exportedUntil(t *testing.T, s *stack.Stack) int64 {
	t.Helper()
	place, err := lake.OpenLocation(t.Context(), s.LakePlace, s.Cloud.StorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	objects, err := place.Table("decisions")
	if err != nil {
		t.Fatal(err)
	}
	columns, err := warehouse.LakeSchema("decisions")
	if err != nil {
		t.Fatal(err)
	}
	table, err := lake.Open(t.Context(), objects, "decisions", columns, lake.Config{})
	if err != nil {
		t.Fatal(err)
	}
	end, _, err := table.LastTxn(t.Context(), export.AppID)
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// late returns what the metrics page says of late decisions.
func late(t *testing.T, s *stack.Stack) string {
	t.Helper()
	if found := lateRows.FindSubmatch(get(t, s.MetricsURL)); found != nil {
		return string(found[1])
	}
	return "none counted"
}
