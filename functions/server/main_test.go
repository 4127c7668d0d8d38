package main

import (
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/functions/roster"
)

// TestTargets: what is no function ends the process and names those that there are; one that is lacks its configuration here,
// every problem of which is named.
func TestTargets(t *testing.T) { //nolint:paralleltest // sets variables
	for _, target := range []string{"", "scorer", "../score"} {
		t.Setenv("FUNCTION_TARGET", target)
		if err := run(t.Context()); err == nil || !strings.Contains(err.Error(), "[alert audit export label score]") {
			t.Errorf("FUNCTION_TARGET=%s: %v", target, err)
		}
	}
	for _, target := range roster.Names() {
		t.Setenv("FUNCTION_TARGET", target)
		err := run(t.Context())
		if err == nil || !strings.Contains(err.Error(), target) || !strings.Contains(err.Error(), "PROJECT_ID") || !strings.Contains(err.Error(), "PUSH_AUDIENCE") {
			t.Errorf("%s without a configuration: %v", target, err)
		}
	}
}
