package scripts_test

import (
	"bytes"
	"flag"
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
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

const module = "github.com/sentinela-pix/sentinela/"

// variable is one environment variable, as the page shows it.
type variable struct {
	name, kind, standard, meaning string
	readers                       []string
}

// roots are the configurations that each process reads, by package and type.
func roots() map[string][2]string {
	return map[string][2]string{
		"bridge": {"kafka-bridge/internal/config", "Config"},
		"score":  {"functions/score", "Config"},
		"audit":  {"functions/row", "Config"},
		"alert":  {"functions/alert", "Config"},
		"label":  {"functions/label", "Config"},
		"export": {"functions/export", "Config"},
	}
}

// beside are the variables that no tag names: read by a call, or by a library on behalf of a process.
func beside() []variable {
	const functions, all = "score audit alert label export", "bridge score audit alert label export"
	by := func(name, standard, meaning, readers string) variable {
		return variable{name, "text", standard, meaning, strings.Fields(readers)}
	}
	return []variable{
		by("ADMIN_ADDR", ":8081", "Where the scorer and the functions' image serve /healthz, /readyz and /metrics.", functions),
		by("LISTEN_ADDR", ":8080", "Where the scorer as a server of its own takes pushes and payments.", "score"),
		by("GOMEMLIMIT", "", "The Go runtime's own limit. Where it is not set the bridge, the scorer and the functions' image set it from MEMORY_LIMIT.", all),
		by("FUNCTION_TARGET", "", "Which function the functions' image or a deployment of the functions framework serves: score, audit, alert, label or export.", functions),
		by("PORT", "8080", "Where the functions' image and the functions framework listen.", functions),
		by("SECRETS_DIR", "", "A directory in which a secret manager mounts secrets as files, each with a variable's name; what is set in the environment wins. It is read once, at the start.", all),
		by("GOOGLE_APPLICATION_CREDENTIALS", "", "File of Application Default Credentials, where there is no metadata server. Read by Google's clients.", all+" pixctl"),
		by("PUBSUB_EMULATOR_HOST", "", "host:port of a Pub/Sub emulator instead of Pub/Sub. Read by Google's client.", all+" pixctl"),
		by("BIGTABLE_EMULATOR_HOST", "", "host:port of a Bigtable emulator instead of Bigtable. Read by Google's client.", "score label pixctl"),
		by("STORAGE_EMULATOR_HOST", "", "host:port or URL of a Cloud Storage emulator instead of Cloud Storage; then no credentials are asked for.", "score export pixctl"),
		by("PROJECT", "", "The project where GOOGLE_CLOUD_PROJECT is not set.", "pixctl"),
		by("GOOGLE_CLOUD_PROJECT", "", "The project that pixctl explain and publish use by default.", "pixctl"),
		by("BIGTABLE_INSTANCE", "pix", "The instance that pixctl explain reads by default.", "pixctl"),
		by("SCORER_TOKEN", "", "The bearer token that pixctl load sends.", "pixctl"),
		by("MODELS_LOCATION", "", "Where pixctl's model commands find models by default: a directory or gs://bucket/prefix.", "pixctl"),
		by("MODEL_SIGNING_KEYS", "", "PEM file of the public keys against which pixctl checks models by default.", "pixctl"),
	}
}

// isSecret says what must come from a secret manager.
func isSecret(name string) bool {
	return slices.Contains([]string{"TOKEN_KEY", "PREVIOUS_TOKEN_KEY", "KAFKA_SASL_PASSWORD", "SCORER_TOKEN"}, name)
}

// TestConfigurationPage keeps docs/configuration.md what the sources say. Run with -update to write it.
func TestConfigurationPage(t *testing.T) {
	t.Parallel()
	const file = root + "/docs/configuration.md"
	got := configurationPage(variables(t))
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
		t.Errorf("%s is out of date; run go test ./scripts -run Configuration -update (-page +sources):\n%s", file, diff)
	}
}

// TestNoVariableIsLeftOut: every variable that the sources read by a call is on the page.
func TestNoVariableIsLeftOut(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, v := range variables(t) {
		listed[v.name] = true
	}
	for name, where := range readByCall(t) {
		if !listed[name] {
			t.Errorf("%s reads %s, which docs/configuration.md does not have: add it to beside()", where, name)
		}
	}
	for _, name := range []string{"LISTEN_ADDR", "ADMIN_ADDR", "GOMEMLIMIT", "STORAGE_EMULATOR_HOST", "SCORER_TOKEN", "PROJECT"} {
		if _, found := readByCall(t)[name]; !found {
			t.Errorf("the search finds no longer that %s is read", name)
		}
	}
}

// variables are those of every process, by name.
func variables(t *testing.T) []variable {
	t.Helper()
	found := beside()
	for process, at := range roots() {
		collect(t, at[0], at[1], func(v variable) { v.readers = []string{process}; found = append(found, v) })
	}
	slices.SortFunc(found, func(a, b variable) int {
		return strings.Compare(a.name+a.meaning+a.readers[0], b.name+b.meaning+b.readers[0])
	})
	var out []variable
	for _, v := range found {
		if v.meaning == "" {
			t.Errorf("%s has no comment that says what it means", v.name)
		}
		if last := len(out) - 1; last >= 0 && out[last].name == v.name && out[last].meaning == v.meaning && out[last].standard == v.standard {
			out[last].readers = append(out[last].readers, v.readers...)
			continue
		}
		out = append(out, v)
	}
	return out
}

// collect walks the fields of a configuration, embedded and nested ones too.
func collect(t *testing.T, dir, name string, add func(variable)) {
	t.Helper()
	file, spec := structOf(t, dir, name)
	for _, field := range spec.Fields.List {
		tag := ""
		if field.Tag != nil {
			tag, _ = strconv.Unquote(field.Tag.Value)
		}
		if env := reflect.StructTag(tag).Get("env"); env != "" {
			env, standard, _ := strings.Cut(env, ", default=")
			add(variable{name: env, kind: kindOf(field.Type), standard: standard, meaning: meaning(field)})
			continue
		}
		nestedDir, nested := dir, ""
		switch typed := field.Type.(type) {
		case *ast.Ident:
			nested = typed.Name
		case *ast.SelectorExpr:
			nested, nestedDir = typed.Sel.Name, imported(file, typed.X.(*ast.Ident).Name)
		}
		if nested == "" || nestedDir == "" {
			t.Errorf("%s.%s: a field that is neither a variable nor a configuration", dir, name)
			continue
		}
		collect(t, nestedDir, nested, add)
	}
}

// structOf finds a struct in a package's directory.
func structOf(t *testing.T, dir, name string) (*ast.File, *ast.StructType) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		object := file.Scope.Lookup(name)
		if object == nil {
			continue
		}
		if spec, ok := object.Decl.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				return file, s
			}
		}
	}
	t.Fatalf("%s has no struct %s", dir, name)
	return nil, nil
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

// readByCall finds the variables that a call names in the sources, and one place of each.
func readByCall(t *testing.T) map[string]string {
	t.Helper()
	shape := regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	readers := []string{"getenv", "lookup", "lookupenv", "listen"}
	found := map[string]string{}
	read := func(file string, n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || !slices.Contains(readers, strings.ToLower(calledName(call.Fun))) {
			return true
		}
		for _, arg := range call.Args {
			if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if name, _ := strconv.Unquote(lit.Value); shape.MatchString(name) {
					found[name] = file
				}
			}
		}
		return true
	}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && (entry.Name() == "build" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool { return read(file, n) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
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

func configurationPage(list []variable) []byte {
	var b bytes.Buffer
	b.WriteString(`# Configuration

Every environment variable that a process of this repository reads. This page is written from the sources by
` + "`go test ./scripts -run Configuration -update`" + `: a variable's meaning is the comment of its field, and one without a
comment fails the test. A variable that means something else to another process has a row for each.

A process reports every problem of its configuration at once, by the name of the variable and never with its value. A
secret belongs into a secret manager, never into an image or a file of the repository. Where no default is named, not
setting a variable is leaving it empty, zero or false.

`)
	b.WriteString("| variable | type | default | read by | meaning |\n|---|---|---|---|---|\n")
	for _, v := range list {
		kind, standard := v.kind, v.standard
		if isSecret(v.name) {
			kind += ", **secret**"
		}
		switch {
		case standard != "":
			standard = "`" + standard + "`"
		case v.readers[0] == "bridge" && strings.Contains(v.meaning, " by default"):
			standard = "as said"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", v.name, kind, standard, strings.Join(v.readers, ", "),
			strings.ReplaceAll(v.meaning, "|", "\\|"))
	}
	return b.Bytes()
}
