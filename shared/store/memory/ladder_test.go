package memory

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestLadderIsExact: whatever a ladder forgets, every reader that may still come finds the latest of the greatest events of
// its stretch, as one finds who looks at all of them; and what is kept grows with the values and with what is not settled,
// not with the stream.
func TestLadderIsExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lag, jitter, span, values int64 }{
		{0, 0, 500, 40}, {60, 0, 400, 5}, {60, 60, 400, 40}, {200, 90, 300, 1}, {30, 25, 5000, 1000},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(uint64(c.lag), uint64(c.span)))
			var l ladder
			var all []rung
			newest := int64(10_000)
			for range 3000 {
				newest += rng.Int64N(4)
				r := rung{newest - rng.Int64N(c.jitter+1), 1 + rng.Int64N(c.values)}
				oldest, horizon := newest-c.span, newest-c.jitter-c.lag
				l.add(r, oldest, horizon)
				all = append(all, r)
				from, to := oldest+rng.Int64N(c.span), horizon+rng.Int64N(c.lag+c.jitter+1)
				if got, want := l.greatest(from, to), greatestOf(all, from, to); got != want {
					t.Fatalf("after %d events the greatest of (%d, %d] is %v, want %v", len(all), from, to, got, want)
				}
				unsettled := int64(0)
				for i := range all {
					if all[i].at > horizon {
						unsettled++
					}
				}
				if most := 4*(c.values+unsettled) + 2*spareRungs; int64(len(l.rungs)) > most {
					t.Fatalf("after %d events %d are kept, want at most %d", len(all), len(l.rungs), most)
				}
			}
		})
	}
}

// greatestOf looks at every event.
func greatestOf(all []rung, from, to int64) (best rung) {
	for _, r := range all {
		if r.at > from && r.at <= to && (r.value > best.value || r.value == best.value && r.at > best.at) {
			best = r
		}
	}
	return best
}
