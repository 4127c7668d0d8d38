package scripts_test

import (
	"go/ast"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These tests hold documents to what they name: a table that says which test holds a claim is worth as much as the test is
// there.

// pages are the documents whose names of tests and places are looked up.
func pages() []string {
	return []string{"docs/architecture.md", "docs/patterns.md", "docs/security.md", "docs/disaster.md", "docs/deploy.md", "docs/calling.md", "docs/calling.pt-BR.md", "SECURITY.md"}
}

// TestDocumentsNameWhatIsThere: every test and every place that a page names in code's type.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	known := testNames(t)
	for _, page := range pages() {
		for _, name := range quoted(text(t, page)) {
			if strings.HasPrefix(name, "Test") && !known[name] {
				t.Errorf("%s: %s is no test", page, name)
			}
			if isPlace(name) && !exists(t, name) {
				t.Errorf("%s: there is no %s", page, name)
			}
		}
	}
}

// TestPatternsHaveAPlaceAndATest: a pattern that nobody can look up, or that nothing holds, is a wish.
func TestPatternsHaveAPlaceAndATest(t *testing.T) {
	t.Parallel()
	rows := tableRows(text(t, "docs/patterns.md"))
	for _, row := range rows {
		if len(row) != 4 {
			t.Errorf("a row wants pattern, reason, place and tests: %q", row)
			continue
		}
		if !slices.ContainsFunc(quoted(row[2]), isPlace) {
			t.Errorf("%s: no place in the code", row[0])
		}
		if !slices.ContainsFunc(quoted(row[3]), isTest) {
			t.Errorf("%s: no test", row[0])
		}
	}
	if len(rows) < 30 {
		t.Errorf("%d patterns", len(rows))
	}
}

// TestEveryLossHasADrill: each dependency of docs/disaster.md is drilled by a test or by a command that can be run here.
func TestEveryLossHasADrill(t *testing.T) {
	t.Parallel()
	_, table, _ := strings.Cut(text(t, "docs/disaster.md"), "## What is lost")
	table, _, _ = strings.Cut(table, "\n## ")
	rows := tableRows(table)
	for _, row := range rows {
		if drill := row[len(row)-1]; len(quoted(drill)) == 0 && !strings.HasPrefix(drill, "none:") {
			t.Errorf("%s: neither a drill nor the reason why there is none", row[0])
		}
	}
	if len(rows) < 10 {
		t.Errorf("%d losses", len(rows))
	}
}

// TestCodeOwnersOwnSomething: a line that matches nothing leaves what was meant to those of the line above it.
func TestCodeOwnersOwnSomething(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(text(t, ".github/CODEOWNERS")) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" || fields[0] == "*" {
			continue
		}
		if place := strings.Trim(fields[0], "/"); !exists(t, place) {
			t.Errorf("there is no %s", place)
		}
		if len(fields) == 1 {
			t.Errorf("nobody owns %s", fields[0])
		}
	}
}

// testNames are the names of all tests, as those who run them write them.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	out, err := exec.CommandContext(t.Context(), "git", "grep", "--untracked", "-hoE", `^func Test[A-Za-z0-9_]+\(`, "--", "../*_test.go").Output()
	if err != nil {
		t.Skipf("git grep: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		known[strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(line), "func "), "(")] = true
	}
	return known
}

// tableRows are the cells of a text's tables without their headings.
func tableRows(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		switch {
		case strings.HasPrefix(line, "|---") && len(rows) > 0:
			rows = rows[:len(rows)-1]
		case strings.HasPrefix(line, "| "):
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

// quoted is what a text has in code's type, without its blocks.
func quoted(text string) []string {
	text = regexp.MustCompile("(?s)\n```.*?\n```").ReplaceAllString(text, "")
	var names []string
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	return names
}

func isTest(name string) bool { return strings.HasPrefix(name, "Test") }

// isPlace tells paths of the repository, and names of its packages, from other code.
func isPlace(name string) bool {
	return regexp.MustCompile(`^(shared|functions|kafka-bridge|models|dashboards|scripts|docs|terraform|k8s|\.github)/\S*$`).MatchString(name)
}

// exists says whether a place is there: a path, with wildcards or not, or package.Name, or package.Type.Member.
func exists(t *testing.T, place string) bool {
	t.Helper()
	if found, err := filepath.Glob(filepath.Join(root, place)); err == nil && len(found) > 0 {
		return true
	}
	dir, names, _ := strings.Cut(path.Base(place), ".")
	dir = path.Join(path.Dir(place), dir)
	if found, err := filepath.Glob(filepath.Join(root, dir, "*.go")); err != nil || len(found) == 0 {
		return false
	}
	return slices.ContainsFunc(sources(t, dir), func(file *ast.File) bool { return declares(file, names) })
}

// declares says whether a file declares a name at its top level, or a method or field as Type.Member.
func declares(file *ast.File, names string) bool {
	name, member, _ := strings.Cut(names, ".")
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok {
			if member == "" && f.Recv == nil && f.Name.Name == name || f.Recv != nil && f.Name.Name == member && receiver(f) == name {
				return true
			}
		}
	}
	object := file.Scope.Lookup(name)
	if object == nil || member == "" {
		return object != nil
	}
	found := false
	if spec, ok := object.Decl.(*ast.TypeSpec); ok {
		ast.Inspect(spec, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok {
				found = found || slices.ContainsFunc(f.Names, func(i *ast.Ident) bool { return i.Name == member })
			}
			return true
		})
	}
	return found
}

// receiver is the type that a method belongs to.
func receiver(f *ast.FuncDecl) (name string) {
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if i, ok := n.(*ast.Ident); ok && name == "" {
			name = i.Name
		}
		return name == ""
	})
	return name
}
