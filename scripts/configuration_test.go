package scripts_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

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
		listed[v.Name] = true
	}
	called, err := setting.ReadByCall(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, where := range called {
		if !listed[name] {
			t.Errorf("%s reads %s, which docs/configuration.md does not have: add it to beside() of shared/pixtest/setting", where, name)
		}
	}
	for _, name := range []string{"LISTEN_ADDR", "ADMIN_ADDR", "GOMEMLIMIT", "STORAGE_EMULATOR_HOST", "SCORER_TOKEN", "PROJECT", "MODEL_SIGNING_KEY", "SENTINELA_GOLD"} {
		if _, found := called[name]; !found {
			t.Errorf("the search finds no longer that %s is read", name)
		}
	}
}

func variables(t *testing.T) []setting.Variable {
	t.Helper()
	found, err := setting.All(root)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func configurationPage(list []setting.Variable) []byte {
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
		kind, standard := v.Kind, v.Default
		if v.Secret() {
			kind += ", **secret**"
		}
		switch {
		case standard != "":
			standard = "`" + standard + "`"
		case v.Readers[0] == setting.Bridge && strings.Contains(v.Meaning, " by default"):
			standard = "as said"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", v.Name, kind, standard, strings.Join(v.Readers, ", "),
			strings.ReplaceAll(v.Meaning, "|", "\\|"))
	}
	return b.Bytes()
}
