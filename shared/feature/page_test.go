package feature

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPage keeps docs/features.md what the registry says. Run with -update to write it.
func TestPage(t *testing.T) {
	t.Parallel()
	const file = "../../docs/features.md"
	got := page()
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date; run with -update (-page +registry):\n%s", file, diff)
	}
}

const intro = `# Features

This page is written from the registry in ` + "`shared/feature`" + `, the only place where a feature exists: ` + "`go test ./shared/feature -run Page -update`" + `.

To add a feature, add one entry to the registry (name, entity, window, unit, when it is missing, one sentence, source, the
words of its reason and the function that computes it) and its test. The vector, ` + "`models/contract/features.json`" + `, this
page and the names in the audit row follow from it; the version of the list changes, and a model that was trained on
another list is refused until it is trained again.

A vector is a pure function of the payment and the events that came before it. What is unknown is NaN, never zero.
Amounts are in reais.

`

func page() []byte {
	var b bytes.Buffer
	b.WriteString(intro)
	fmt.Fprintf(&b, "%d features, list version `%s`.\n", Width(), SetVersion())
	family := ""
	for _, d := range Definitions() {
		if d.Family != family {
			family = d.Family
			fmt.Fprintf(&b, "\n## %s\n\n| name | entity | window | unit | missing | what it says |\n|---|---|---|---|---|---|\n", family)
		}
		cells := []string{"`" + d.Name + "`", d.Entity, d.Window, d.Unit, d.Missing, d.Doc}
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(c, "|", "\\|")
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.Bytes()
}
