package load

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// page is the document whose two tables are made here: what was measured, and what follows from it.
const page = "../../../../docs/capacity.md"

var update = flag.Bool("update", false, "measure anew and write docs/capacity.md")

// Payments that are measured: with -update, and to see whether the page still holds.
const (
	measureAnew = 5_000
	measureCopy = 600
)

// tolerance is how far a figure of the page may be from what is measured now. A smaller run meets fewer repeated pairs.
const tolerance = 0.25

// TestCapacityPage holds the page to the code: its measured sizes to what payments take now, and everything else on it to
// its own measured sizes, prices and formulas.
func TestCapacityPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		m := measure(t, measureAnew)
		text = replace(t, text, "measured", m.table())
		// From what the page says: figures that it rounds would give other dollars than a reader gets.
		text = replace(t, text, "plan", planTable(readTable(t, m.table())))
		if err := os.WriteFile(page, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	written := readTable(t, section(t, text, "measured"))
	if d := cmp.Diff(planTable(written), section(t, text, "plan")); d != "" {
		t.Errorf("the plan does not follow from the measured sizes; run this test with -update (-want +got):\n%s", d)
	}
	now := measure(t, measureCopy)
	if len(written) != len(now) {
		t.Errorf("the page has %d measured figures, not %d; run this test with -update", len(written), len(now))
	}
	for _, line := range now {
		old := written.get(line.name)
		if !(math.Abs(old-line.value) <= tolerance*math.Max(old, line.value)) { // neither when it is not there
			t.Errorf("%s: the page says %.2f, measured %.2f; run this test with -update", line.name, old, line.value)
		}
	}
}

// figure is one measured line.
type figure struct {
	name  string
	value float64
}

// figures are per payment.
type figures []figure

func (f figures) get(name string) float64 {
	for _, line := range f {
		if line.name == name {
			return line.value
		}
	}
	return math.NaN()
}

func (f figures) table() string {
	var b strings.Builder
	b.WriteString("| per payment | mean |\n|---|---:|\n")
	for _, line := range f {
		fmt.Fprintf(&b, "| %s | %.2f |\n", line.name, line.value)
	}
	return b.String()
}

func readTable(t *testing.T, text string) figures {
	t.Helper()
	var f figures
	for _, m := range regexp.MustCompile(`(?m)^\| (.*) \| ([0-9.]+) \|$`).FindAllStringSubmatch(text, -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		f = append(f, figure{m[1], v})
	}
	return f
}

// markers returns where the generated part of a name begins and ends in the page.
func markers(t *testing.T, text []byte, name string) (from, to int) {
	t.Helper()
	begin, end := "<!-- "+name+": written by the test -->\n", "<!-- end of "+name+" -->"
	from, to = strings.Index(string(text), begin), strings.Index(string(text), end)
	if from < 0 || to < from {
		t.Fatalf("the page has no part %q", name)
	}
	return from + len(begin), to
}

func section(t *testing.T, text []byte, name string) string {
	t.Helper()
	from, to := markers(t, text, name)
	return string(text[from:to])
}

func replace(t *testing.T, text []byte, name, with string) []byte {
	t.Helper()
	from, to := markers(t, text, name)
	return []byte(string(text[:from]) + with + string(text[to:]))
}
