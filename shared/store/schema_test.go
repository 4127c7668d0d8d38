package store

import (
	"testing"
	"time"
)

// TestLifetimesPolicy: a bound of zero is none, and where there is none nothing is dropped.
func TestLifetimesPolicy(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]Lifetime{
		"":                               {},
		"age() > 1h":                     {Age: time.Hour},
		"versions() > 1":                 {Versions: 1},
		"(versions() > 1 || age() > 1h)": {Age: time.Hour, Versions: 1},
	} {
		if got := l.policy().String(); got != want {
			t.Errorf("%+v: %q, want %q", l, got, want)
		}
	}
}
