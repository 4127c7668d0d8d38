package modelstore

import (
	"testing"

	"pgregory.net/rapid"
)

func TestHigher(t *testing.T) {
	t.Parallel()
	for _, ascending := range [][]string{
		{"2", "9", "10", "18446744073709551616"},
		{"v1", "v9", "v10", "v10-rc1", "v10.2", "v10.10"},
		{"zeta", "1"},
		{"2026-9-30", "2026-10-01", "2027-1-1"},
		{"a", "a1", "b"},
		{"v", "v01", "v2"},
		{"v001", "v01", "v1"},
	} {
		for i, a := range ascending {
			for j, b := range ascending {
				if higher(a, b) != (i > j) {
					t.Errorf("%q higher than %q: %v", a, b, higher(a, b))
				}
			}
		}
	}
}

// TestHigherIsAnOrder: whatever the names, exactly one of two is higher, and what is higher than the higher is higher.
func TestHigherIsAnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.StringMatching(`[0-9a.é-]{1,6}`)
		a, b, c := version.Draw(t, "a"), version.Draw(t, "b"), version.Draw(t, "c")
		if a != b && higher(a, b) == higher(b, a) || higher(a, a) {
			t.Errorf("%q and %q are not ordered", a, b)
		}
		if higher(a, b) && higher(b, c) && !higher(a, c) {
			t.Errorf("%q > %q > %q, but not the first than the last", a, b, c)
		}
	})
}
