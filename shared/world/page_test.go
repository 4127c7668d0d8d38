package world

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the parameters into docs/world.md")

const (
	page      = "../../docs/world.md"
	pageBegin = "<!-- parameters: go test ./shared/world -run TestParametersPage -update -->\n"
	pageEnd   = "<!-- end of parameters -->"
)

// TestParametersPage holds docs/world.md to the source: every constant and every number of the tables stands there, and
// none without a word on what it is.
func TestParametersPage(t *testing.T) {
	t.Parallel()
	want := parameters(t)
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(data), pageBegin)
	got, tail, ended := strings.Cut(rest, pageEnd)
	if !ok || !ended {
		t.Fatal("docs/world.md has no place for the parameters")
	}
	if got == want {
		return
	}
	if !*update {
		t.Fatal("docs/world.md does not show the parameters as they are; run this test with -update")
	}
	if err := os.WriteFile(page, []byte(head+pageBegin+want+pageEnd+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestChancesHaveNames: a chance or a share that is written into a function's body would be missing from the page. What
// fills the tables is exempt, and so are halves and the approximation of DICT's decay.
func TestChancesHaveNames(t *testing.T) {
	t.Parallel()
	tables := []string{
		"newTables", "newHabits", "styles", "fraudScenarios", "honestScenarios", "fraudShares", "honestRates", "keyMostly",
		"decay",
	}
	for name, file := range parse(t) {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || slices.Contains(tables, f.Name.Name) {
				continue
			}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				if v, ok := n.(*ast.BasicLit); ok && v.Kind == token.FLOAT && v.Value != "0.0" && v.Value != "0.5" {
					t.Errorf("%s: %s uses %s, which is no parameter of docs/world.md", name, f.Name.Name, v.Value)
				}
				return true
			})
		}
	}
}

func parameters(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	source := parse(t)
	b.WriteString("\n### Habits\n\n| number | value | what |\n|---|---|---|\n")
	habitsOf(t, &b, source)
	b.WriteString("\n### Gangs, before and after the drift\n\n| number | before | after | what |\n|---|---|---|---|\n")
	stylesOf(t, &b, source)
	b.WriteString("\n### Typologies\n\n")
	all := newTables()
	shares, rates := fraudShares(), honestRates()
	for i, sc := range all.fraudScenarios() {
		fmt.Fprintf(&b, "- **%s**: %.0f %% of victims' payments, %s\n", Typologies()[i], 100*shares[i][0], words(t, all, &sc))
	}
	b.WriteString("\n### Look-alikes\n\n")
	for i, sc := range all.honestScenarios() {
		payday := ""
		if rates[i][1] > 0 {
			payday = fmt.Sprintf(", × %g on pay-days", rates[i][1])
		}
		fmt.Fprintf(&b, "- **%s**: %g launches an account and day%s, %s\n", LookAlikes()[i], rates[i][0], payday, words(t, all, &sc))
	}
	b.WriteString("\n### Tables\n\n| table | values |\n|---|---|\n")
	tablesOf(&b, all)
	b.WriteString("\n### Constants\n\n| constant | value | what |\n|---|---|---|\n")
	constants(t, &b, source)
	return b.String()
}

// parse reads the package's own source.
func parse(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
	}
	return files
}

// comments returns what is said of each field of a struct type, in the order of its declaration.
func comments(files map[string]*ast.File, typeName string) (names []string, says map[string]string) {
	says = map[string]string{}
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != typeName {
				return true
			}
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					names = append(names, name.Name)
					says[name.Name] = strings.TrimSpace(field.Comment.Text())
				}
			}
			return false
		})
	}
	return names, says
}

func habitsOf(t *testing.T, b *strings.Builder, files map[string]*ast.File) {
	t.Helper()
	v := reflect.ValueOf(newHabits())
	names, says := comments(files, "habits")
	for _, name := range names {
		if says[name] == "" {
			t.Errorf("habit %s without a word", name)
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", name, number(v.FieldByName(name)), says[name])
	}
}

func stylesOf(t *testing.T, b *strings.Builder, files map[string]*ast.File) {
	t.Helper()
	before, after := reflect.ValueOf(styles()[0]), reflect.ValueOf(styles()[1])
	names, says := comments(files, "style")
	for _, name := range names {
		if says[name] == "" && name != "spread" {
			t.Errorf("style %s without a word", name)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", name, number(before.FieldByName(name)), number(after.FieldByName(name)), says[name])
	}
}

// number writes a value of the tables.
func number(v reflect.Value) string {
	switch v.Type() {
	case reflect.TypeFor[curve]():
		return fmt.Sprintf("median %g, σ %g", v.Field(0).Float(), v.Field(1).Float())
	case reflect.TypeFor[band]():
		return fmt.Sprintf("%g to %g", v.Field(0).Float(), v.Field(1).Float())
	}
	if v.Kind() == reflect.Array {
		all := make([]string, v.Len())
		for i := range all {
			all[i] = number(v.Index(i))
		}
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%v", v)
}

// shapes names the daily shapes of the tables.
func shapes(t *testing.T, all *tables, shape *[24]float64) string {
	t.Helper()
	for name, values := range map[string]*[24]float64{
		"hourly": &all.hourly, "weekend": &all.weekend, "office": &all.office, "sleepless": &all.sleepless,
		"nightly": &all.nightly, "treasury": &all.treasury,
	} {
		if *shape == *values {
			return name
		}
	}
	t.Error("a shape without a name")
	return ""
}

// words writes the numbers of a scenario that are not zero.
func words(t *testing.T, all *tables, sc *scenario) string {
	t.Helper()
	parts := []string{fmt.Sprintf("begins as %s, %d to %d payments", shapes(t, all, sc.shape), sc.payments[0], sc.payments[1])}
	say := func(is bool, format string, values ...any) {
		if is {
			parts = append(parts, fmt.Sprintf(format, values...))
		}
	}
	say(sc.wealth > 1, "payer the richest of %d", sc.wealth)
	say(sc.share[1] > 0, "%g to %g of the balance", sc.share[0], sc.share[1])
	say(sc.drawn > 0, "or in %g of cases", sc.drawn)
	say(sc.median > 0, "R$ %.0f (median, σ %g)", sc.median, sc.sigma)
	say(sc.under > 0, "under R$ %g by at most R$ %g", sc.under, sc.below)
	say(sc.round > 0, "round in %g", sc.round)
	say(sc.same > 0, "the same again in %g", sc.same)
	say(sc.hours[1] > 0, "within %g to %g h", sc.hours[0], sc.hours[1])
	say(sc.hours[1] == 0 && sc.gap > 0, "%g min apart (median, σ %g)", sc.gap, sc.gapSigma)
	say(sc.another > 0, "another payee in %g", sc.another)
	say(sc.onward[1] > 0, "moves on through %d to %d layers", sc.onward[0], sc.onward[1])
	forms := []string{}
	for i, p := range sc.forms {
		if p > 0 {
			forms = append(forms, fmt.Sprintf("%s %g", all.initiations[i], p))
		}
	}
	parts = append(parts, "forms "+strings.Join(forms, " "))
	for _, o := range append(slices.Clone(sc.odds), sc.each...) {
		text := fmt.Sprintf("%s %g", traitsIn(o.trait), o.p)
		if o.given != 0 {
			text += " if " + traitsIn(o.given)
		}
		if o.unless != 0 {
			text += " unless " + traitsIn(o.unless)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ") + "."
}

func traitsIn(set traits) string {
	var names []string
	for i, name := range traitNames() {
		if set&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

func tablesOf(b *strings.Builder, all *tables) {
	v := reflect.ValueOf(all).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous || f.Name == "typologies" || f.Name == "lookAlikes" {
			continue
		}
		fmt.Fprintf(b, "| %s | %s |\n", f.Name, number(v.Field(i)))
	}
}

// constants lists every numeric constant with the words beside it or above its group.
func constants(t *testing.T, b *strings.Builder, files map[string]*ast.File) {
	t.Helper()
	names := []string{}
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range files[name].Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				constant(t, b, source, g, s.(*ast.ValueSpec))
			}
		}
	}
}

func constant(t *testing.T, b *strings.Builder, source []byte, g *ast.GenDecl, s *ast.ValueSpec) {
	t.Helper()
	if len(s.Values) != 1 {
		return // iota
	}
	text := string(source[s.Values[0].Pos()-1 : s.Values[0].End()-1])
	if strings.HasPrefix(text, `"`) || strings.Contains(text, "iota") {
		return
	}
	says := strings.TrimSpace(s.Comment.Text())
	if says == "" {
		says = strings.TrimSpace(strings.ReplaceAll(s.Doc.Text(), "\n", " "))
	}
	if says == "" && !g.Lparen.IsValid() {
		says = strings.TrimSpace(strings.ReplaceAll(g.Doc.Text(), "\n", " "))
	}
	if says == "" {
		t.Errorf("constant %s without a word", s.Names[0].Name)
	}
	fmt.Fprintf(b, "| %s | %s | %s |\n", s.Names[0].Name, text, strings.ReplaceAll(says, "|", "/"))
}
