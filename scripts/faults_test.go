package scripts_test

import (
	"slices"
	"strings"
	"testing"
)

// TestFaultTableNamesTests: each row of the fault table ends with the tests that hold it. That they are there is looked up
// with those of the other pages.
func TestFaultTableNamesTests(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(text(t, "docs/architecture.md"), "## What can go wrong")
	table, _, found := strings.Cut(table, "\n## ")
	if !found {
		t.Fatal("the document has no fault table")
	}
	rows := tableRows(table)
	for _, row := range rows {
		if !slices.ContainsFunc(quoted(row[len(row)-1]), isTest) {
			t.Errorf("a row without a test: %s", row[0])
		}
	}
	if len(rows) < 30 {
		t.Errorf("%d rows", len(rows))
	}
}
