// Package shared_test proves the shape of the repository: imports point inwards, one package per SDK, and nothing that
// only tests need reaches a deployed binary.
package shared_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sentinela-pix/sentinela"

// pkg is the part of `go list -json` that the rules read.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// ring0 lists what each pure package may import beside the standard library.
var ring0 = map[string][]string{
	"shared/pix":           {"golang.org/x/text/unicode/norm"},
	"shared/feature":       {"shared/pix"},
	"shared/world":         {"shared/pix"},
	"shared/scoring":       {"shared/pix", "shared/scoring/lgbm"},
	"shared/scoring/lgbm":  {"github.com/dmitryikh/leaves"},
	"shared/policy":        {"shared/pix", "cel.dev/cel-go/", "go.yaml.in/yaml/v3"},
	"shared/engine":        {"shared/pix", "shared/feature", "shared/scoring", "shared/policy"},
	"shared/replay":        {"shared/pix", "shared/feature", "shared/engine", "shared/event", "shared/store/memory"},
	"shared/store/memory":  {"shared/pix", "shared/feature", "shared/engine"},
	"shared/event/pixv1":   {"google.golang.org/protobuf/"},
	"shared/pixtest/fault": {"google.golang.org/grpc", "google.golang.org/api/option"},
}

// owners names the only packages that may import an SDK. Test infrastructure is listed beside the owner; so is the stack,
// which runs every service in one process for the demo and tells their metrics apart by a label.
var owners = map[string][]string{
	"github.com/dmitryikh/leaves":                           {"shared/scoring/lgbm"},
	"cloud.google.com/go/bigtable":                          {"shared/store", "shared/pixtest"},
	"cloud.google.com/go/pubsub":                            {"shared/bus", "shared/pixtest"},
	"cloud.google.com/go/bigquery":                          {"shared/warehouse", "shared/pixtest"},
	"cloud.google.com/go/storage":                           {"shared/modelstore", "shared/lake", "shared/pixtest"},
	"github.com/twmb/franz-go":                              {"kafka-bridge", "shared/pixtest", "scripts/pixctl"},
	"github.com/GoogleCloudPlatform/functions-framework-go": {"."},
	"github.com/go-jose/go-jose":                            {"shared/identity", "shared/pixtest"},
	"github.com/goccy/bigquery-emulator":                    {"shared/pixtest"},
	"github.com/fsouza/fake-gcs-server":                     {"shared/pixtest"},
	"github.com/prometheus/client_golang":                   {"shared/obs", "shared/conn", "shared/bus", "shared/warehouse", "shared/store", "shared/reload", "kafka-bridge", "functions", "scripts/pixctl/internal/stack"},
	"cel.dev/cel-go":                                        {"shared/policy"},
	"github.com/parquet-go/parquet-go":                      {"shared/lake", "scripts/pixctl", "shared/replay"},
}

// deployed are the packages that become a container or a function.
var deployed = []string{".", "./kafka-bridge", "./functions/score/server"}

// testOnly must never be linked into a deployed binary.
var testOnly = []string{
	module + "/shared/pixtest", module + "/shared/world",
	"github.com/goccy/bigquery-emulator", "github.com/goccy/go-googlesql", "github.com/goccy/googlesqlite",
	"github.com/goccy/googlesqlwasm2go", "github.com/fsouza/", "github.com/twmb/franz-go/pkg/kfake",
	"cloud.google.com/go/bigtable/bttest", "cloud.google.com/go/pubsub/v2/pstest",
	"pgregory.net/rapid", "github.com/google/go-cmp", "testing",
}

func TestImportsPointInwards(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		allowed, pure := ring0[name]
		if !pure {
			continue
		}
		for _, imp := range p.Imports {
			if standard(imp) || permitted(short(imp), allowed) {
				continue
			}
			t.Errorf("%s is in ring 0 and must not import %s", name, imp)
		}
	}
}

func TestSharedNeverImportsAnEdge(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./shared/...") {
		for _, imp := range p.Imports {
			name := short(imp)
			if under(name, "functions") || under(name, "kafka-bridge") || under(name, "scripts") {
				t.Errorf("%s must not import the edge %s", short(p.ImportPath), name)
			}
		}
	}
}

func TestOneOwnerPerSDK(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		for _, imp := range p.Imports {
			if sdk, ok := sdkOf(imp); ok && !slices.ContainsFunc(owners[sdk], func(o string) bool { return under(name, o) }) {
				t.Errorf("%s imports %s, which belongs to %v", name, imp, owners[sdk])
			}
		}
	}
}

func TestOnlyTheTokeniserRevealsSecrets(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "git", "grep", "-lF", ".Reveal()", "--", "*.go").Output()
	if err != nil {
		t.Skipf("git grep: %v", err)
	}
	for file := range strings.FieldsSeq(string(out)) {
		dir := path.Dir("shared/" + file)
		if !under(dir, "shared/pix") && !under(dir, "shared/event") && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s reveals a raw identifier: only shared/pix and shared/event may", file)
		}
	}
}

func TestDeployedBinariesCarryNoTestCode(t *testing.T) {
	t.Parallel()
	for _, root := range deployed {
		for _, p := range list(t, "-deps", root) {
			for _, bad := range testOnly {
				if p.ImportPath == strings.TrimSuffix(bad, "/") || strings.HasPrefix(p.ImportPath, strings.TrimSuffix(bad, "/")+"/") {
					t.Errorf("%s links %s", root, p.ImportPath)
				}
			}
		}
	}
}

// list runs go list from the repository's root.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, stderr.String())
	}
	var pkgs []pkg
	dec := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func short(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

func standard(imp string) bool { return !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") }

func under(name, root string) bool { return name == root || strings.HasPrefix(name, root+"/") }

func permitted(name string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool { return under(name, strings.TrimSuffix(a, "/")) })
}

func sdkOf(imp string) (string, bool) {
	for sdk := range owners {
		if under(imp, sdk) {
			return sdk, true
		}
	}
	return "", false
}
