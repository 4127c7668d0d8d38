package load

import (
	"strings"
	"testing"
	"time"
)

// TestOutageVerdict: an outage is got through when callers were answered while the store was away, and nearly all payments are
// decided after it.
func TestOutageVerdict(t *testing.T) {
	t.Parallel()
	away := func(answered, lost int) part { return part{Name: "away", Provisional: answered, Dropped: lost} }
	fine := part{Name: "after", Decided: 100}
	for name, c := range map[string]struct {
		away, after part
		want        string
	}{
		"as it should be":         {away(100, 0), fine, ""},
		"at the bounds":           {away(99, 1), part{Name: "after", Decided: 99, Provisional: 1}, ""},
		"shed, which is allowed":  {part{Name: "away", Provisional: 1, Shed: 99}, fine, ""},
		"nobody answered":         {part{Name: "away", Decided: 100}, fine, "away: nobody"},
		"dropped":                 {away(98, 2), fine, "away: 2 of 100"},
		"failed":                  {part{Name: "away", Provisional: 98, Failed: map[string]int{"http": 2}}, fine, "failed http 2"},
		"one answer of a hundred": {away(1, 99), fine, "away: 99 of 100"},
		"slow":                    {part{Name: "away", Provisional: 100, ProvisionalMsP99: 1001}, fine, "p99 of 1001.00 ms"},
		"decides too few":         {away(100, 0), part{Name: "after", Decided: 98, Provisional: 2}, "after: the scorer decides 98 of 100"},
		"decides one":             {away(100, 0), part{Name: "after", Decided: 1, Failed: map[string]int{"http": 99}}, "after:"},
		"decides none":            {away(100, 0), part{Name: "after"}, "after:"},
	} {
		r := &report{Profile: shapeOutage, Parts: []*part{&c.away, &c.after}}
		err := r.verdict(&options{maxP99: time.Second})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
