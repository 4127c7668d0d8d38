package event_test

import (
	"errors"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// holdToForm fails when a refusal does not say what to mend.
func holdToForm(t fataler, err error) {
	var p *pix.Problems
	if !errors.As(err, &p) || len(p.List) == 0 || len(p.List) > 100 {
		t.Fatalf("no problems, or too many: %v", err)
	}
	for _, one := range p.List {
		if !mends(one.Reason) {
			t.Fatalf("no remedy: %s: %s", one.Field, one.Reason)
		}
	}
}

// mends tells whether a reason says what was expected: with an example, or what to do about it.
func mends(reason string) bool {
	for _, remedy := range []string{"as in ", "1599 for R$ 15,99", "did you mean", "leave it out", "give it once", "send ", "must be empty", "write "} {
		if strings.Contains(reason, remedy) {
			return true
		}
	}
	return false
}
