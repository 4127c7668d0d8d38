package simulate

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the comparison into docs/world.md")

const (
	page      = "../../../../docs/world.md"
	pageBegin = "<!-- comparison: go test ./scripts/pixctl/internal/simulate -run TestComparisonPage -update -->\n"
	pageEnd   = "<!-- end of comparison -->"
)

// TestComparisonPage holds docs/world.md to what `pixctl simulate -describe` prints.
func TestComparisonPage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("simulates a month")
	}
	var out bytes.Buffer
	if err := describe(&out); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), pageBegin)
	got, tail, ended := strings.Cut(rest, pageEnd)
	if !ok || !ended {
		t.Fatal("docs/world.md has no place for the comparison")
	}
	want := "\n" + out.String() + "\n"
	if got == want {
		return
	}
	if !*update {
		t.Fatal("docs/world.md does not show the comparison as it is; run this test with -update")
	}
	if err := os.WriteFile(page, []byte(head+pageBegin+want+pageEnd+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
