package scripts_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestFaultTableNamesTests holds the fault table to its word: each row names at least one test, and each name is one.
func TestFaultTableNamesTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	out, err := exec.CommandContext(t.Context(), "git", "grep", "--untracked", "-hoE", `^func Test[A-Za-z0-9_]+\(`, "--", "../*_test.go").Output()
	if err != nil {
		t.Skipf("git grep: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		known[strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "func "), "(")] = true
	}
	_, table, _ := strings.Cut(string(text), "## What can go wrong")
	table, _, found := strings.Cut(table, "\n## ")
	if !found {
		t.Fatal("the document has no fault table")
	}
	name := regexp.MustCompile("`(Test[A-Za-z0-9]+)`")
	rows := 0
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| fault") {
			rows++
			if cells := strings.Split(line, " | "); !name.MatchString(cells[len(cells)-1]) {
				t.Errorf("a row without a test: %s", line)
			}
		}
		for _, m := range name.FindAllStringSubmatch(line, -1) {
			if !known[m[1]] {
				t.Errorf("%s is no test", m[1])
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows", rows)
	}
}
