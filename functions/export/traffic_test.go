package export_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// underTraffic has rows written while ticks come, each visible when its append ends, after longest at most. It returns how
// many rows the ticks told to be late, and how many were there after their slice had gone.
func underTraffic(t *testing.T, longest, margin time.Duration) (w *world, told, late int) {
	t.Helper()
	w = newWorld(t)
	w.margin = margin
	rng := rand.New(rand.NewPCG(2, 7))
	type pending struct {
		row
		seen time.Time
	}
	var open []pending
	exported := time.Time{} // the end of the newest slice
	for second := range 40 {
		if second < 25 {
			for i := range 3 {
				took := time.Duration(rng.Int64N(int64(longest)) + 1)
				if i == 0 {
					took = longest
				}
				open = append(open, pending{row{fmt.Sprintf("e%02d.%d", second, i), w.now}, w.now.Add(took)})
			}
		}
		w.now = w.now.Add(time.Second)
		open = slices.DeleteFunc(open, func(p pending) bool {
			if p.seen.After(w.now) {
				return false
			}
			if p.at.Before(exported) {
				late++
			}
			w.rows["labels"] = append(w.rows["labels"], p.row)
			return true
		})
		before := len(w.rows["labels"])
		w.tick(t, `{"tables":["labels"]}`)
		if before > 0 { // without any row there is no slice yet
			exported = w.now.Add(-margin)
		}
	}
	if len(open) > 0 {
		t.Fatalf("%d appends have not ended", len(open))
	}
	w.now = w.now.Add(margin + time.Second)
	w.tick(t, `{}`)
	return w, int(w.late.Load()), late
}

// TestTicksUnderTraffic: with the longest append for a margin no row is late; with less, rows are late, told, and exported all
// the same.
func TestTicksUnderTraffic(t *testing.T) {
	t.Parallel()
	const longest = 10 * time.Second
	for margin, anyLate := range map[time.Duration]bool{longest: false, time.Microsecond: true} {
		w, told, late := underTraffic(t, longest, margin)
		if (late > 0) != anyLate || told != late {
			t.Errorf("margin %s: %d rows were late and %d told", margin, late, told)
		}
		got := w.exported(t, "labels")
		if len(got) != 75 || len(slices.Compact(got)) != 75 {
			t.Errorf("margin %s: %d rows are in the lake, %d different, want 75", margin, len(got), len(slices.Compact(got)))
		}
		t.Logf("margin %s: %d rows, %d late, %d told, all exported once", margin, len(got), late, told)
	}
}
