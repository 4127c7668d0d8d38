package world_test

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestLastWeekHoldsWhatWasAsked: the world is large enough for the payments, and over before today.
func TestLastWeekHoldsWhatWasAsked(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 9, 30, 0, 0, time.UTC)
	for _, n := range []int{1, 2_000, 20_000} {
		for seed := range uint64(3) {
			w := world.New(world.LastWeek(seed, n, now))
			for i := range n {
				e, ok := w.Next()
				if !ok {
					t.Fatalf("seed %d: %d payments of %d", seed, i, n)
				}
				if at := e.Submission.EventTime; at.Before(now.AddDate(0, 0, -9)) || !at.Before(now.Truncate(24*time.Hour)) {
					t.Fatalf("seed %d: a payment at %v", seed, at)
				}
			}
		}
	}
}
