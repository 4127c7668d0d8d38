package pix_test

import (
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestParseToken(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"acct.1.AAAAAAAAAAAAAAAAAAAAAA":       true,
		"dev.999999.abcdefghijklmnopqrst_g":   true,
		"acct.1.AAAAAAAAAAAAAAAAAAAAAB":       false, // a second spelling of the first
		"acct.01.AAAAAAAAAAAAAAAAAAAAAA":      false,
		"acct.0.AAAAAAAAAAAAAAAAAAAAAA":       false,
		"acct.1000000.AAAAAAAAAAAAAAAAAAAAAA": false,
		"name.1.AAAAAAAAAAAAAAAAAAAAAA":       false,
		"acct.1.AAAAAAAAAAAAAAAAAAAAA":        false,
		"acct.1.AAAAAAAAAAAAAAAAAAAA+A":       false,
		"acct.AAAAAAAAAAAAAAAAAAAAAA":         false,
		"52998224725":                         false,
		"":                                    false,
	} {
		if _, err := pix.ParseToken(s); (err == nil) != ok || err != nil && pix.KindOf(err) != pix.Invalid {
			t.Errorf("ParseToken(%q): %v", s, err)
		}
	}
}
