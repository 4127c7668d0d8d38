package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sqlEngine is what no test can link under the race detector: built with it, the emulator's SQL engine alone takes longer
// than everything else together.
const sqlEngine = "github.com/goccy/googlesqlwasm2go"

// TestTheRaceDetectorSeesEveryGoroutine: make test-race tests every package that starts a goroutine, itself or in its
// tests, unless its tests link the SQL engine. A package can leave the tests that do to the ordinary run by a build
// constraint, !race.
func TestTheRaceDetectorSeesEveryGoroutine(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`(?m)^RACE := ((?:.*\\\n)*.*)$`).FindSubmatch(makefile)
	if names == nil {
		t.Fatal("the Makefile has no list RACE")
	}
	idle := map[string]bool{} // patterns that no package is found for
	for pattern := range strings.FieldsSeq(strings.ReplaceAll(string(names[1]), "\\\n", " ")) {
		idle[strings.TrimPrefix(pattern, "./")] = true
	}
	var missing []string
	for _, p := range list(t, "-tags=race,"+linkTag, "-test", "-json=ImportPath,Deps", "./...") {
		name, isTest := strings.CutSuffix(short(p.ImportPath), ".test")
		if !isTest {
			continue
		}
		starts := startsGoroutine(t, filepath.Join("..", name))
		dear := slices.ContainsFunc(p.Deps, func(dep string) bool { return under(dep, sqlEngine) })
		listed := false
		for pattern := range maps.Keys(idle) {
			root, all := strings.CutSuffix(pattern, "/...")
			if name == root || all && under(name, root) {
				listed = true
				idle[pattern] = idle[pattern] && !starts
			}
		}
		switch {
		case listed && dear:
			t.Errorf("%s is in RACE and its tests link the SQL engine", name)
		case starts && !dear && !listed:
			missing = append(missing, "./"+name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("RACE in the Makefile lacks packages that start goroutines: %s", strings.Join(missing, " "))
	}
	for pattern, is := range idle {
		if is {
			t.Errorf("RACE in the Makefile names ./%s, where no goroutine is started", pattern)
		}
	}
}

// startsGoroutine tells whether a directory's sources have a go statement or call a method Go, as those of groups, or
// AfterFunc.
func startsGoroutine(t *testing.T, dir string) (starts bool) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				starts = true
			case *ast.CallExpr:
				if called, ok := n.Fun.(*ast.SelectorExpr); ok && (called.Sel.Name == "Go" || called.Sel.Name == "AfterFunc") {
					starts = true
				}
			}
			return !starts
		})
	}
	return starts
}
