package score_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestAskedOfAnotherProcess: a decision that stood already is published by who made it. Whoever is asked for it publishes it
// only when that one had its time, or when its event is owed.
func TestAskedOfAnotherProcess(t *testing.T) {
	t.Parallel()
	tx, err := event.DecodeTransaction(event.Envelope{Data: payment(t)}, tokenizer(t), clock())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ago        time.Duration
		unrecorded bool
		want       int
	}{
		"a moment ago":              {time.Second, false, 0},
		"a while ago":               {time.Minute, false, 1},
		"a moment ago, event owed":  {time.Second, true, 1},
		"by a clock that runs fast": {-time.Minute, false, 0},
	} {
		f := &fake{}
		s, _ := newService(t, f)
		f.stands[tx.ID] = &pix.Decision{Transaction: tx, Outcome: pix.Review, DecidedAt: clock().Add(-c.ago), Unrecorded: c.unrecorded}
		for range 3 {
			if w := post(t, s, "/v1/decisions", "application/json", payment(t)); w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		// The fake forgets at once that it published, and each question may find the queue empty.
		if got := f.published(); got < c.want || c.want == 0 && got > 0 {
			t.Errorf("%s: published %d times, want %d at least", name, got, c.want)
		}
	}
}
