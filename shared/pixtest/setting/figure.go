package setting

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Duration is the value of a package's constant, such as 9 * time.Second: processes keep some of their bounds to
// themselves, and what runs them must leave room for these.
func Duration(root, dir, name string) (time.Duration, error) {
	files, err := parsed(filepath.Join(root, dir))
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		object := file.Scope.Lookup(name)
		if object == nil {
			continue
		}
		spec, ok := object.Decl.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			break
		}
		return durationOf(spec.Values[0])
	}
	return 0, fmt.Errorf("%s has no constant %s that is a duration", dir, name)
}

func durationOf(expr ast.Expr) (time.Duration, error) {
	switch e := expr.(type) {
	case *ast.SelectorExpr:
		units := map[string]time.Duration{"Millisecond": time.Millisecond, "Second": time.Second, "Minute": time.Minute}
		if unit, known := units[e.Sel.Name]; known {
			return unit, nil
		}
	case *ast.BinaryExpr:
		count, ok := e.X.(*ast.BasicLit)
		if !ok || e.Op != token.MUL {
			break
		}
		n, err := strconv.Atoi(count.Value)
		if err != nil {
			return 0, fmt.Errorf("read duration: %w", err)
		}
		unit, err := durationOf(e.Y)
		return time.Duration(n) * unit, err
	}
	return 0, fmt.Errorf("%T is no duration that can be read", expr)
}

// Paths are the routes that a package's sources register on a mux, without their methods.
func Paths(root, dir string) ([]string, error) {
	files, err := parsed(filepath.Join(root, dir))
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 || !strings.HasPrefix(calledName(call.Fun), "Handle") {
				return true
			}
			if _, path, found := strings.Cut(text(call.Args[0]), " "); found {
				paths = append(paths, path)
			}
			return true
		})
	}
	return paths, nil
}
