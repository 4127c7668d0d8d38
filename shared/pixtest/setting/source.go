package setting

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// module is the path of this repository's packages.
const module = "github.com/sentinela-pix/sentinela/"

// All are the variables of every process, by name. root is the repository's directory. One that means something else to
// another process is there twice.
func All(root string) ([]Variable, error) {
	found := beside()
	for process, at := range Roots() {
		err := collect(root, at, func(v Variable) { v.Readers = []string{process}; found = append(found, v) })
		if err != nil {
			return nil, fmt.Errorf("variables of %s: %w", process, err)
		}
	}
	slices.SortFunc(found, func(a, b Variable) int {
		return strings.Compare(a.Name+a.Meaning+a.Readers[0], b.Name+b.Meaning+b.Readers[0])
	})
	var out []Variable
	for _, v := range found {
		if v.Meaning == "" {
			return nil, fmt.Errorf("%s has no comment that says what it means", v.Name)
		}
		if last := len(out) - 1; last >= 0 && out[last].Name == v.Name && out[last].Meaning == v.Meaning && out[last].Default == v.Default {
			out[last].Readers = append(out[last].Readers, v.Readers...)
			continue
		}
		out = append(out, v)
	}
	return out, nil
}

// collect walks the fields of a configuration, embedded and nested ones too.
func collect(root string, at Root, add func(Variable)) error {
	file, spec, err := structOf(root, at)
	if err != nil {
		return err
	}
	for _, field := range spec.Fields.List {
		if env := tagOf(field); env != "" {
			env, standard, _ := strings.Cut(env, ", default=")
			add(Variable{Name: env, Kind: kindOf(field.Type), Default: standard, Meaning: meaning(field)})
			continue
		}
		nested := Root{Dir: at.Dir}
		switch typed := field.Type.(type) {
		case *ast.Ident:
			nested.Type = typed.Name
		case *ast.SelectorExpr:
			nested = Root{Type: typed.Sel.Name, Dir: imported(file, typed.X.(*ast.Ident).Name)}
		}
		if nested.Type == "" || nested.Dir == "" {
			return fmt.Errorf("%s.%s: a field that is neither a variable nor a configuration", at.Dir, at.Type)
		}
		if err := collect(root, nested, add); err != nil {
			return err
		}
	}
	return nil
}

func tagOf(field *ast.Field) string {
	if field.Tag == nil {
		return ""
	}
	tag, _ := strconv.Unquote(field.Tag.Value)
	return reflect.StructTag(tag).Get("env")
}

// structOf finds a struct in a package's directory.
func structOf(root string, at Root) (*ast.File, *ast.StructType, error) {
	files, err := parsed(filepath.Join(root, at.Dir))
	if err != nil {
		return nil, nil, err
	}
	for _, file := range files {
		object := file.Scope.Lookup(at.Type)
		if object == nil {
			continue
		}
		if spec, ok := object.Decl.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				return file, s, nil
			}
		}
	}
	return nil, nil, fmt.Errorf("%s has no struct %s", at.Dir, at.Type)
}

// parsed are the files of a package's directory, without its tests.
func parsed(dir string) ([]*ast.File, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parse sources: %w", err)
		}
		files = append(files, file)
	}
	return files, nil
}

// imported gives the directory of a package of this module.
func imported(file *ast.File, name string) string {
	for _, spec := range file.Imports {
		if p, _ := strconv.Unquote(spec.Path.Value); strings.HasPrefix(p, module) && path.Base(p) == name {
			return strings.TrimPrefix(p, module)
		}
	}
	return ""
}

// kindOf names a field's type to whoever sets the variable.
func kindOf(expr ast.Expr) string {
	switch typed := expr.(type) {
	case *ast.ArrayType:
		return "list, commas between"
	case *ast.SelectorExpr:
		return map[string]string{"Duration": "duration, as 10s", "Level": "level"}[typed.Sel.Name]
	case *ast.Ident:
		switch typed.Name {
		case "bool":
			return "true or false"
		case "float64":
			return "number"
		case "Secret":
			return "base64"
		case "string":
			return "text"
		default:
			return "whole number"
		}
	}
	return ""
}

// meaning is a field's doc comment without its name, as a sentence on one line.
func meaning(field *ast.Field) string {
	text := strings.Join(strings.Fields(field.Doc.Text()), " ")
	text = strings.TrimPrefix(text, field.Names[0].Name+" ")
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// ReadByCall finds the variables that a call names in the sources, and one place of each.
func ReadByCall(root string) (map[string]string, error) {
	found := map[string]string{}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "build" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if strings.HasSuffix(file, ".py") && !strings.Contains(file, "tests/") && !strings.Contains(file, "scripts/tools/") && !strings.Contains(file, "scripts/compare/") {
			return readByPython(file, func(name string) { found[name] = file })
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return fmt.Errorf("parse sources: %w", err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				namedBy(call, func(name string) { found[name] = file })
			}
			return true
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	return found, nil
}

// pythons is how Python reads or sets a variable, or asks whether it is set.
var pythons = regexp.MustCompile(`os\.environ(?:\[|\.get\(|\.setdefault\()"([A-Z0-9_]+)"|"([A-Z0-9_]+)" (?:not )?in os\.environ|os\.getenv\("([A-Z0-9_]+)"`)

func readByPython(file string, add func(name string)) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read sources: %w", err)
	}
	for _, found := range pythons.FindAllStringSubmatch(string(data), -1) {
		add(found[1] + found[2] + found[3])
	}
	return nil
}

// namedBy gives the variables that a call reads.
func namedBy(call *ast.CallExpr, add func(name string)) {
	readers := []string{"getenv", "lookup", "lookupenv"}
	if !slices.Contains(readers, strings.ToLower(calledName(call.Fun))) {
		return
	}
	for _, arg := range call.Args {
		if name := text(arg); isVariable(name) {
			add(name)
		}
	}
}

func isVariable(name string) bool { return regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`).MatchString(name) }

// text is a string literal's value, empty for anything else.
func text(expr ast.Expr) string {
	lit, ok := expr.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	value, _ := strconv.Unquote(lit.Value)
	return value
}

func calledName(fun ast.Expr) string {
	switch f := fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}
