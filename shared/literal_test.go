package shared_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// maxUnnamed is how many values a struct's literal may give without their fields' names: two that change places are seen in
// a short one, or by the compiler.
const maxUnnamed = 5

// TestLongLiteralsNameTheirFields in everything that is not a test. Of a list whose type has a name, which looks the same
// without type information, every value is a literal itself.
func TestLongLiteralsNameTheirFields(t *testing.T) {
	t.Parallel()
	files := token.NewFileSet()
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "build" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, ".pb.go") {
			return nil
		}
		parsed, err := parser.ParseFile(files, file, nil, 0)
		if err != nil {
			return err
		}
		lists := map[*ast.CompositeLit]bool{}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok {
				noteLists(lit, lists)
				if n := unnamed(lit); n > maxUnnamed && !lists[lit] {
					t.Errorf("%s: %d values without the names of their fields", files.Position(lit.Pos()), n)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// noteLists notes which of a literal and its elements are arrays, slices or maps.
func noteLists(lit *ast.CompositeLit, lists map[*ast.CompositeLit]bool) {
	var element ast.Expr
	switch typed := lit.Type.(type) {
	case *ast.ArrayType:
		element = typed.Elt
	case *ast.MapType:
		element = typed.Value
	default:
		return
	}
	lists[lit] = true
	for _, e := range lit.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			e = pair.Value
		}
		switch element.(type) {
		case *ast.ArrayType, *ast.MapType:
			if inner, ok := e.(*ast.CompositeLit); ok && inner.Type == nil {
				lists[inner] = true
			}
		}
	}
}

// unnamed counts the values without a name, but for those that are literals themselves.
func unnamed(lit *ast.CompositeLit) int {
	n := 0
	for _, e := range lit.Elts {
		switch e.(type) {
		case *ast.KeyValueExpr, *ast.CompositeLit:
		default:
			n++
		}
	}
	return n
}
