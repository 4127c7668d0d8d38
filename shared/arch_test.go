// Package shared_test proves the shape of the repository: imports point inwards, one package per SDK, and nothing that
// only tests need reaches a deployed binary.
package shared_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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

// ring0 lists what each package of the core may import beside the standard library. Time and chance are arguments here: see
// TestRing0AsksNoClockNorDice.
var ring0 = map[string][]string{
	"shared/pix":          {"golang.org/x/text/unicode/norm"},
	"shared/feature":      {"shared/pix"},
	"shared/scoring":      {"shared/pix", "shared/scoring/lgbm"},
	"shared/scoring/lgbm": {"github.com/dmitryikh/leaves"},
	"shared/policy":       {"shared/pix", "cel.dev/cel-go/", "go.yaml.in/yaml/v3"},
	"shared/engine":       {"shared/pix", "shared/feature", "shared/policy"},
	"shared/event":        {"shared/pix", "shared/event/pixv1", "google.golang.org/protobuf/"},
	"shared/event/pixv1":  {"google.golang.org/protobuf/"},
	"shared/keyring":      {"shared/pix"},
	"shared/world":        {"shared/pix"},
}

// offline lists likewise what puts the core together without a service: no SDK, but a state of its own.
var offline = map[string][]string{
	"shared/replay":       {"shared/pix", "shared/feature", "shared/engine", "shared/event", "shared/store/memory"},
	"shared/store/memory": {"shared/pix", "shared/feature", "shared/engine"},
}

// abroad lists what others take into their own programs: nothing but the standard library comes with it.
var abroad = map[string][]string{"client": nil}

// ring1 lists the adapters: one SDK each, or none but the machine's own clock, network or files.
var ring1 = []string{
	"shared/bus", "shared/clock", "shared/conn", "shared/emulator", "shared/identity", "shared/lake", "shared/lifecycle",
	"shared/modelstore", "shared/obs", "shared/reload", "shared/store", "shared/vault", "shared/warehouse",
}

// forTests is what only tests and pixctl, which runs the whole in one process, may import.
var forTests = []string{
	"shared/pixtest", "shared/engine/enginetest", "shared/event/eventtest", "shared/keyring/keytest", "shared/store/storetest",
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
	"github.com/goccy/googlesqlite":                         {"shared/pixtest"},
	"github.com/fsouza/fake-gcs-server":                     {"shared/pixtest"},
	"github.com/google/go-containerregistry":                {"scripts/images"},
	"github.com/prometheus/client_golang":                   {"shared/obs", "shared/conn", "shared/bus", "shared/warehouse", "shared/store", "shared/reload", "kafka-bridge", "functions", "scripts/pixctl/internal/stack", "scripts/gate"},
	"cel.dev/cel-go":                                        {"shared/policy"},
	"github.com/parquet-go/parquet-go":                      {"shared/lake", "scripts/pixctl", "shared/replay"},
}

// linkTag is the build tag of everything that is deployed, as in the Makefile: without it the clients of Bigtable and Cloud
// Storage link gRPC's service mesh for a way around Google's front end, which no configuration of ours takes.
const linkTag = "disable_grpc_modules"

// deployed are the packages that become a container or a function, each with what it must not link: what it has no use for
// is only more to load, to patch and to be attacked through.
var deployed = map[string][]string{
	".": append([]string{"github.com/twmb/franz-go", module + "/shared/replay"}, mesh...),
	"./kafka-bridge": append([]string{
		"cloud.google.com/go/bigtable", "cloud.google.com/go/bigquery", "cloud.google.com/go/storage", "github.com/apache/arrow",
		"github.com/parquet-go", "github.com/envoyproxy", "github.com/GoogleCloudPlatform/functions-framework-go",
		"github.com/dmitryikh/leaves", "cel.dev/cel-go", "github.com/go-jose", module + "/shared/engine",
	}, mesh...),
	"./functions/score/server": append([]string{
		"cloud.google.com/go/bigquery", "github.com/apache/arrow", "github.com/parquet-go", "github.com/twmb/franz-go",
		"github.com/GoogleCloudPlatform/functions-framework-go", "github.com/cloudevents", module + "/shared/warehouse",
		module + "/shared/lake", module + "/shared/replay",
	}, mesh...),
	"./functions/server": append([]string{
		"github.com/twmb/franz-go", "github.com/GoogleCloudPlatform/functions-framework-go", "github.com/cloudevents",
		module + "/shared/replay",
	}, mesh...),
}

// mesh is what linkTag leaves out.
var mesh = []string{"google.golang.org/grpc/xds", "google.golang.org/grpc/internal/xds/xdsclient", "google.golang.org/grpc/balancer/rls"}

// testOnly must never be linked into a deployed binary.
var testOnly = []string{
	module + "/shared/pixtest", module + "/shared/world",
	"github.com/goccy/bigquery-emulator", "github.com/goccy/go-googlesql", "github.com/goccy/googlesqlite",
	"github.com/goccy/googlesqlwasm2go", "github.com/fsouza/", "github.com/twmb/franz-go/pkg/kfake",
	"cloud.google.com/go/bigtable/bttest", "cloud.google.com/go/pubsub/v2/pstest",
	"pgregory.net/rapid", "github.com/google/go-cmp", "github.com/google/go-containerregistry", "testing", "go.opentelemetry.io/otel/sdk/trace/tracetest",
}

func TestImportsPointInwards(t *testing.T) {
	t.Parallel()
	inner := maps.Clone(ring0)
	maps.Copy(inner, offline)
	maps.Copy(inner, abroad)
	for _, p := range list(t, "./...") {
		name := short(p.ImportPath)
		allowed, core := inner[name]
		for _, imp := range p.Imports {
			if core && !standard(imp) && !permitted(short(imp), allowed) {
				t.Errorf("%s must not import %s", name, imp)
			}
		}
	}
}

// TestEveryPackageHasARing: a new package of shared says what it is, and no adapter imports what is for tests or offline.
func TestEveryPackageHasARing(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./shared/...") {
		name := short(p.ImportPath)
		_, core := ring0[name]
		_, apart := offline[name]
		adapter := slices.Contains(ring1, name)
		if name != "shared" && !core && !apart && !adapter && !permitted(name, forTests) {
			t.Errorf("%s is in no ring: list it in ring0, offline, ring1 or forTests", name)
		}
		for _, imp := range p.Imports {
			if _, apart := offline[short(imp)]; adapter && (apart || permitted(short(imp), forTests)) {
				t.Errorf("%s is an adapter and must not import %s", name, short(imp))
			}
		}
	}
}

// TestRing0AsksNoClockNorDice: a decision must be the same again when its log is replayed, so the time is an argument. The
// engine waits, for stores and for challengers, and so may have deadlines; the world's dice are seeded.
func TestRing0AsksNoClockNorDice(t *testing.T) {
	t.Parallel()
	for name := range ring0 {
		for _, use := range uses(t, strings.TrimPrefix(name, "shared/")) {
			pkg, of, _ := strings.Cut(use, ".")
			asks := pkg == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "Tick"}, of)
			waits := pkg == "time" && slices.Contains([]string{"After", "AfterFunc", "NewTimer", "NewTicker"}, of) ||
				pkg == "context" && slices.Contains([]string{"WithTimeout", "WithDeadline", "WithTimeoutCause", "WithDeadlineCause"}, of)
			throws := pkg == "crypto/rand" || pkg == "math/rand" || pkg == "math/rand/v2" && !slices.Contains([]string{"New", "NewPCG", "Rand"}, of)
			touches := slices.Contains([]string{"os", "net", "net/http", "os/exec", "syscall"}, pkg)
			if asks || throws || touches || waits && name != "shared/engine" {
				t.Errorf("%s is in ring 0 and must not use %s", name, use)
			}
		}
	}
}

// TestOnlyTheEdgesKnowEmulators: whoever owns an SDK takes its options from outside.
func TestOnlyTheEdgesKnowEmulators(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Concat(ring1, slices.Collect(maps.Keys(ring0)), slices.Collect(maps.Keys(offline))) {
		if name == "shared/emulator" {
			continue
		}
		for _, use := range uses(t, strings.TrimPrefix(name, "shared/")) {
			for _, sign := range []string{"option.WithoutAuthentication", "credentials/insecure.", "/shared/emulator.", "_EMULATOR_HOST"} {
				if strings.HasSuffix(use, sign) || strings.HasSuffix(sign, ".") && strings.Contains(use, sign) {
					t.Errorf("%s knows an emulator: %s", name, use)
				}
			}
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

func TestDeployedBinariesLinkOnlyWhatTheyNeed(t *testing.T) {
	t.Parallel()
	for root, unwanted := range deployed {
		for _, p := range list(t, "-tags="+linkTag, "-deps", root) {
			for _, bad := range slices.Concat(testOnly, unwanted) {
				if under(p.ImportPath, strings.TrimSuffix(bad, "/")) {
					t.Errorf("%s links %s", root, p.ImportPath)
				}
			}
		}
	}
}

// TestTheMakefileBuildsWhatIsProved: the binaries of the test above are those that make builds.
func TestTheMakefileBuildsWhatIsProved(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^export GOFLAGS := .*-tags=` + linkTag + `\b`).Match(makefile) {
		t.Errorf("GOFLAGS of the Makefile lacks -tags=%s", linkTag)
	}
}

// uses lists what the sources of a directory, without tests, take from imported packages, as path.Name, and the texts in
// them that name a variable.
func uses(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		paths := map[string]string{}
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			as := path.Base(strings.TrimSuffix(imported, "/v2"))
			if spec.Name != nil {
				as = spec.Name.Name
			}
			paths[as] = imported
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil && paths[x.Name] != "" {
					found = append(found, paths[x.Name]+"."+n.Sel.Name)
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && strings.HasSuffix(text, "_EMULATOR_HOST") {
					found = append(found, text)
				}
			}
			return true
		})
	}
	return found
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
