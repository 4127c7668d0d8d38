package demo

import (
	"bytes"
	"strings"
	"testing"
)

// TestTheFirstDecisionsNeedNoWarehouse: every payment is decided, and decisions are told with their reasons.
func TestTheFirstDecisionsNeedNoWarehouse(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := preview(t.Context(), &out, options{payments: 100, askRate: 100, seed: 1}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"100 payments decided", "approved", "because "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in:\n%s", want, out.String())
		}
	}
}
