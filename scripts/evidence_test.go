package scripts_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEvidenceCosts holds what five years of decisions cost to what docs/security.md says of their size and of prices.
func TestEvidenceCosts(t *testing.T) {
	t.Parallel()
	page := text(t, "docs/security.md")
	rows, bytes := number(t, page, `([0-9,]+) rows of simulated payments`), number(t, page, `payments took ([0-9,]+) bytes`)
	if got, want := number(t, page, `a decision takes ([0-9]+) bytes in the lake`), bytes/rows; got != float64(int(want+0.5)) {
		t.Errorf("the page says %.0f bytes a row, its own figures say %.1f", got, want)
	}
	classes := []struct {
		name  string
		price float64
	}{
		{"Standard", number(t, page, `Standard US\$ ([0-9.]+),`)},
		{"Coldline", number(t, page, `Coldline\s+([0-9.]+),`)},
		{"Archive", number(t, page, `Archive ([0-9.]+),`)},
	}
	rates := []float64{363, 3_626, 11_000}
	var want strings.Builder
	line := func(name string, of func(gib float64) string) {
		fmt.Fprintf(&want, "| %s |", name)
		for _, rate := range rates {
			fmt.Fprintf(&want, " %s |", of(rate*86_400*365*5*bytes/rows/(1<<30)))
		}
		want.WriteString("\n")
	}
	want.WriteString("| decisions of five years | 363 payments/s | 3,626 payments/s | 11,000 payments/s |\n|---|---:|---:|---:|\n")
	line("TiB", func(gib float64) string { return fmt.Sprintf("%.1f", gib/1024) })
	for _, class := range classes {
		line("US$ a month then, all in "+class.name, func(gib float64) string { return fmt.Sprintf("%.0f", gib*class.price) })
	}
	_, rest, _ := strings.Cut(page, "<!-- evidence: held by TestEvidenceCosts -->\n")
	got, _, _ := strings.Cut(rest, "<!-- end of evidence -->")
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("docs/security.md (-what follows +what it says):\n%s", diff)
	}
}

// number is the one that a page states in a sentence.
func number(t *testing.T, page, sentence string) float64 {
	t.Helper()
	m := regexp.MustCompile(sentence).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page does not say %s", sentence)
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
