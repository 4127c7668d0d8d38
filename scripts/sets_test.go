package scripts_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// These tests say what was forgotten when a closed set grows: each place that must know the new member.

// constants are the values of a package's string constants of one type, by name.
func constants(t *testing.T, dir, typ string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range sources(t, dir) {
		for _, declaration := range file.Decls {
			if group, ok := declaration.(*ast.GenDecl); ok && group.Tok == token.CONST {
				of(group, typ, found)
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no constants of type %s", dir, typ)
	}
	return found
}

func of(group *ast.GenDecl, typ string, found map[string]string) {
	for _, spec := range group.Specs {
		v, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if name, ok := v.Type.(*ast.Ident); !ok || name.Name != typ {
			continue
		}
		for i, name := range v.Names {
			if text, ok := v.Values[i].(*ast.BasicLit); ok {
				found[name.Name], _ = strconv.Unquote(text.Value)
			}
		}
	}
}

// sources are a package's files without its tests.
func sources(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func text(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestEveryTypologyIsKnown: in the list that validation takes, in docs/domain.md, and of those that the world does not play
// only what DICT's own words say less of.
func TestEveryTypologyIsKnown(t *testing.T) {
	t.Parallel()
	domain := text(t, "docs/domain.md")
	vague := []pix.Typology{pix.ApplicationFraud, pix.ScammerAccount, pix.OtherFraud, pix.UnknownFraud}
	declared := constants(t, "shared/pix", "Typology")
	for name, value := range declared {
		typology := pix.Typology(value)
		if !slices.Contains(pix.Typologies(), typology) {
			t.Errorf("pix.%s is not in pix.Typologies: labels that name it are refused", name)
		}
		if !strings.Contains(domain, "`"+value+"`") {
			t.Errorf("docs/domain.md does not have %s in the sentence on the closed set; it wants a row of the table too", value)
		}
		played := slices.Contains(world.Typologies(), typology)
		if !played && !slices.Contains(vague, typology) {
			t.Errorf("the world plays no %s: add it to world.Typologies with a scenario and a look-alike, or to the vague ones here", value)
		}
		if _, paired := world.Pairs()[typology]; played && !paired {
			t.Errorf("world.Pairs has no look-alike for %s", value)
		}
	}
	if len(pix.Typologies()) != len(declared) {
		t.Errorf("pix.Typologies has %d entries of %d", len(pix.Typologies()), len(declared))
	}
}

// TestEveryLabelSourceIsKnown: in validation, in the .proto files and in the column's description.
func TestEveryLabelSourceIsKnown(t *testing.T) {
	t.Parallel()
	known := slices.Sorted(slices.Values(pix.LabelSources()))
	if diff := cmp.Diff(known, codesOf(pixv1.LabelSource_name, "LABEL_SOURCE_")); diff != "" {
		t.Errorf("pix.LabelSources is not the enumeration LabelSource of enums.proto (-domain +proto):\n%s", diff)
	}
	schema := text(t, "shared/warehouse/schema/labels.json")
	for _, source := range known {
		if !strings.Contains(schema, source) {
			t.Errorf("the description of the column source in shared/warehouse/schema/labels.json does not name %s", source)
		}
	}
}

// codesOf are an enumeration's codes in order.
func codesOf(names map[int32]string, prefix string) []string {
	var codes []string
	for n, name := range names {
		if n != 0 {
			codes = append(codes, strings.TrimPrefix(name, prefix))
		}
	}
	slices.Sort(codes)
	return codes
}

// TestEveryCodeHasItsValue: the domain's codes are those of the .proto files.
func TestEveryCodeHasItsValue(t *testing.T) {
	t.Parallel()
	for typ, names := range map[string]map[int32]string{
		"Direction": pixv1.Direction_name, "Initiation": pixv1.Initiation_name, "Purpose": pixv1.Purpose_name,
		"Priority": pixv1.Priority_name, "ServiceLevel": pixv1.ServiceLevel_name, "AccountType": pixv1.AccountType_name,
		"Person": pixv1.Person_name, "KeyKind": pixv1.KeyKind_name, "Outcome": pixv1.Outcome_name, "PaymentState": pixv1.PaymentState_name,
	} {
		var domain []string
		for _, value := range constants(t, "shared/pix", typ) {
			domain = append(domain, value)
		}
		slices.Sort(domain)
		if diff := cmp.Diff(domain, codesOf(names, prefixOf(names))); diff != "" {
			t.Errorf("pix.%s is not the enumeration of enums.proto (-domain +proto):\n%s", typ, diff)
		}
	}
}

func prefixOf(names map[int32]string) string { return strings.TrimSuffix(names[0], "UNSPECIFIED") }

// TestEveryRoleOpensADoor: a role that nothing asks for promises what it does not give.
func TestEveryRoleOpensADoor(t *testing.T) {
	t.Parallel()
	for name, value := range constants(t, "shared/identity", "Role") {
		if !identity.Anybody().Has(identity.Role(value)) {
			t.Errorf("identity.%s is not among roles(): no caller can be given it", name)
		}
		asked := exec.CommandContext(t.Context(), "git", "grep", "-lE", `(Require|Has)\(identity\.`+name+`\b`, "--", "functions/*.go", ":!*_test.go")
		asked.Dir = root
		if out, err := asked.Output(); err != nil || len(out) == 0 {
			t.Errorf("no door asks for identity.%s", name)
		}
	}
}

// TestEveryFunctionIsEverywhere: a package under functions that has a Name is registered for deployment, has a
// subscription, has its variables on the page, and runs in the demo.
func TestEveryFunctionIsEverywhere(t *testing.T) {
	t.Parallel()
	subscribed := map[string]bool{}
	for _, topic := range event.Topics() {
		for _, s := range topic.Subscriptions {
			subscribed[s.Function] = subscribed[s.Function] || s.Function != ""
		}
	}
	registered, demo := text(t, "functions/roster/roster.go"), text(t, "scripts/pixctl/internal/stack/functions.go")
	dirs, err := filepath.Glob(filepath.Join(root, "functions", "*", "config.go"))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, dir := range dirs {
		name := filepath.Base(filepath.Dir(dir))
		if !named(t, "functions/"+name) {
			continue
		}
		there[name] = true
		if !strings.Contains(strings.Join(strings.Fields(registered), " "), name+".Name: of(") {
			t.Errorf("functions/%s is not in functions/roster: it cannot be deployed", name)
		}
		if !subscribed[name] {
			t.Errorf("functions/%s has no subscription in event.Topics: nothing triggers it", name)
		}
		if _, listed := setting.Roots()[name]; !listed {
			t.Errorf("functions/%s is not in Roots of shared/pixtest/setting: its variables are on no page", name)
		}
		if !strings.Contains(demo, name+".Open(") {
			t.Errorf("the demo's stack does not open functions/%s", name)
		}
	}
	for name := range subscribed {
		if name != "" && !there[name] {
			t.Errorf("event.Topics pushes to %s, which is no package of functions", name)
		}
	}
}

// named tells whether a package declares a constant Name.
func named(t *testing.T, dir string) bool {
	t.Helper()
	for _, file := range sources(t, dir) {
		if object := file.Scope.Lookup("Name"); object != nil && object.Kind == ast.Con {
			return true
		}
	}
	return false
}

// TestTopicsHaveOneName: what a configuration takes for a Pub/Sub topic by default is a topic of the table, and the one
// meant.
func TestTopicsHaveOneName(t *testing.T) {
	t.Parallel()
	meant := map[string]string{
		"TRANSACTIONS_TOPIC": event.TopicTransactions, "DECISIONS_TOPIC": event.TopicDecisions, "ALERTS_TOPIC": event.TopicAlerts,
		"LABELS_TOPIC": event.TopicLabels, "EXPORTS_TOPIC": event.TopicExports, "DEAD_LETTER_TOPIC": event.TopicDeadLetter,
	}
	ofKafka := map[string]bool{"KAFKA_TOPIC": true, "TOKENISED_TOPIC": true}
	tabled := map[string]bool{}
	for _, topic := range event.Topics() {
		tabled[topic.Name] = true
	}
	for _, v := range variables(t) {
		if !strings.HasSuffix(v.Name, "_TOPIC") || ofKafka[v.Name] {
			continue
		}
		want, known := meant[v.Name]
		if !known || !tabled[want] {
			t.Errorf("%s: which topic of event.Topics is it? Say so here", v.Name)
		}
		if inCode := v.Default == "" && strings.Contains(v.Meaning, want+" by default"); v.Default != want && !inCode {
			t.Errorf("%s of %v is %q by default, want %q", v.Name, v.Readers, v.Default, want)
		}
	}
}
