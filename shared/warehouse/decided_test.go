package warehouse_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestDecided: payments are counted once each, by when they were decided, within partitions that a payment of that hour can lie in.
func TestDecided(t *testing.T) {
	t.Parallel()
	endpoint, asked := answers(t, "n:INTEGER", "", [][]any{{"42"}})
	from := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	got, err := openCounter(t, endpoint).Decided(t.Context(), from, from.Add(time.Hour))
	if err != nil || got != 42 {
		t.Fatalf("%d, %v", got, err)
	}
	for _, part := range []string{
		"COUNT(DISTINCT end_to_end_id)", "FROM `p.fraud.decisions`", "event_time >= TIMESTAMP_MICROS(1795003200000000)",
		"decided_at >= TIMESTAMP_MICROS(1795176000000000)", "decided_at < TIMESTAMP_MICROS(1795179600000000)",
	} {
		if !strings.Contains(*asked.Load(), part) {
			t.Errorf("the query lacks %s:\n%s", part, *asked.Load())
		}
	}
	text, _ := answers(t, "n:STRING", "", [][]any{{"x"}})
	none, _ := answers(t, "n:INTEGER", "", nil)
	for name, c := range map[string]struct {
		endpoint string
		want     pix.Kind
	}{"no number": {text, pix.Unexpected}, "no row": {none, pix.Unexpected}, "no BigQuery": {refuses(t), pix.Unavailable}} {
		if _, err := openCounter(t, c.endpoint).Decided(t.Context(), from, from); err == nil || pix.KindOf(err) != c.want {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
