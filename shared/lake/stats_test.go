package lake_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

// TestCutMaximumIsNotBelow is the law readers rely on: what they skip by a maximum has no value above it.
func TestCutMaximumIsNotBelow(t *testing.T) {
	t.Parallel()
	runes := rapid.SampledFrom([]rune{'a', 'z', 0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, utf8.MaxRune})
	rapid.Check(t, func(t *rapid.T) {
		v := string(rapid.SliceOfN(runes, 0, 80).Draw(t, "value"))
		upper, ok := lake.CutAbove(v)
		if !ok {
			if !strings.HasPrefix(v, strings.Repeat(string(utf8.MaxRune), 32)) {
				t.Fatalf("no maximum for %q", v)
			}
			return
		}
		if upper < v || !utf8.ValidString(upper) || utf8.RuneCountInString(upper) > 32 {
			t.Fatalf("maximum %q of %q", upper, v)
		}
	})
}

func TestCutMaximum(t *testing.T) {
	t.Parallel()
	head := strings.Repeat("a", 31)
	for v, want := range map[string]string{
		"": "", "short": "short", head + "b": head + "b", head + "bc": head + "c",
		head + "\uD7FFx": head + "\uE000", head + "\uFFFFx": head + "\U00010000",
		head + "\U0010FFFFx": strings.Repeat("a", 30) + "b",
	} {
		if got, ok := lake.CutAbove(v); got != want || !ok {
			t.Errorf("%q: %q, want %q", v, got, want)
		}
	}
	if got, ok := lake.CutAbove(strings.Repeat("\U0010FFFF", 33)); ok {
		t.Errorf("a maximum above everything: %q", got)
	}
}
