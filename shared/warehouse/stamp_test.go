package warehouse_test

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// TestRowsAreStampedAsTheirAppendBegins: all rows of an append bear one stamp, and an append that is tried again, by us or by
// our caller, a later one.
func TestRowsAreStampedAsTheirAppendBegins(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]reply{
		"a row is refused and the others go again": {code: codes.InvalidArgument, bad: []int64{0}},
		"all is refused and comes back":            {code: codes.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, endpoint := startFake(t, func(n int, _ [][]byte) reply {
				if n == 0 {
					time.Sleep(time.Millisecond) // stamps are in microseconds
					return first
				}
				return reply{}
			})
			w := openFake(t, endpoint, patience)
			began := time.Now().Truncate(time.Microsecond)
			for _, err := range appendAll(t.Context(), w, seedsTo(20)...) {
				if err != nil && first.code == codes.InvalidArgument {
					continue
				}
				if first.code == codes.ResourceExhausted {
					_ = appendAll(t.Context(), w, 1)
					break
				}
			}
			ended := time.Now()
			f.mu.Lock()
			defer f.mu.Unlock()
			if len(f.stamps) < 2 {
				t.Fatalf("%d appends, want a second try", len(f.stamps))
			}
			for i, at := range f.stamps {
				if at.Before(began) || at.After(ended) {
					t.Errorf("append %d is stamped %v, not between %v and %v; or its rows differ", i, at, began, ended)
				}
			}
			if !f.stamps[len(f.stamps)-1].After(f.stamps[0]) {
				t.Errorf("the second try is stamped %v, as the first", f.stamps[0])
			}
		})
	}
}

// TestAnAppendIsShorterThanTheMargin: else a row could come after its slice was exported.
func TestAnAppendIsShorterThanTheMargin(t *testing.T) {
	t.Parallel()
	if w, err := warehouse.Open(t.Context(), warehouse.Config{ProjectID: "p", Dataset: "fraud", AppendTimeout: time.Hour}); err == nil {
		_ = w.Close(t.Context())
		t.Error("an append of an hour was taken")
	}
}
