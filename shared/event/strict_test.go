package event_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/event"
)

// TestUnknownFieldsAreBounded: a million unknown fields, or a name of megabytes above a million names, cost what reading
// them costs and no more. With every name joined to those above it the second would take hours.
func TestUnknownFieldsAreBounded(t *testing.T) {
	t.Parallel()
	var many bytes.Buffer
	for n := range 300_000 {
		fmt.Fprintf(&many, `"u%d":1,`, n)
	}
	members := strings.TrimSuffix(many.String(), ",")
	for name, c := range map[string]struct {
		data string
		want int
	}{
		"many":              {`{` + members + `}`, 100},
		"below a long name": {`{"` + strings.Repeat("n", 3_000_000) + `":{` + members + `}}`, 1},
	} {
		unknown, err := event.StrictTransaction([]byte(c.data))
		if err != nil || len(unknown) != c.want {
			t.Errorf("%s: %d named, want %d: %v", name, len(unknown), c.want, err)
		}
	}
}
