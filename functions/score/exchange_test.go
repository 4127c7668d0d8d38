package score_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	validator "github.com/pb33f/libopenapi-validator"
	"go.yaml.in/yaml/v3"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// told is one answer that an operation can give.
type told struct {
	operation, status, kind string // kind is empty where it is no problem
}

// asked is a request and the service that it meets.
type asked struct {
	method, path string
	header       http.Header
	body         []byte
	fake         fake
	operation    string
	valid        bool // the request is as the document says
}

// exchanges are requests that make the service say everything that it can say.
func exchanges(t *testing.T) map[string]*asked {
	t.Helper()
	const (
		post, get     = "post /v1/decisions", "get /v1/decisions/{endToEndId}"
		decisions, id = "/v1/decisions", "/v1/decisions/E12345678202611231430aB3dE5fG7hI"
		contract      = "/v1/openapi.yaml"
	)
	jsonBody := http.Header{"Content-Type": {"application/json"}}
	with := func(name, value string) http.Header {
		h := jsonBody.Clone()
		h.Set(name, value)
		return h
	}
	failing := func(k pix.Kind) fake { return fake{err: pix.E(k, "decide", errors.New("x"))} }
	all := map[string]*asked{
		"decided":        {"POST", decisions, jsonBody, payment(t), fake{}, post, true},
		"in proto":       {"POST", decisions, http.Header{"Content-Type": {"application/x-protobuf"}, "Accept": {"application/protobuf"}}, asProto(t, payment(t)), fake{}, post, true},
		"whole":          {"POST", decisions + "?view=full", jsonBody, payment(t), fake{}, post, true},
		"provisional":    {"POST", decisions, with(score.BudgetHeader, "20"), payment(t), fake{away: true}, post, true},
		"a replay":       {"POST", decisions, with(score.ReplayHeader, "true"), payment(t), fake{}, post, true},
		"no budget":      {"POST", decisions, with(score.BudgetHeader, "0"), payment(t), fake{}, post, false},
		"no payment":     {"POST", decisions, jsonBody, []byte("{}"), fake{}, post, false},
		"no view":        {"POST", decisions + "?view=all", jsonBody, payment(t), fake{}, post, false},
		"html wanted":    {"POST", decisions, with("Accept", "text/html"), payment(t), fake{}, post, true},
		"html sent":      {"POST", decisions, http.Header{"Content-Type": {"text/html"}}, payment(t), fake{}, post, false},
		"packed":         {"POST", decisions, with("Content-Encoding", "gzip"), payment(t), fake{}, post, true},
		"large":          {"POST", decisions, jsonBody, bytes.Repeat([]byte(" "), 1<<17), fake{}, post, false},
		"put":            {"PUT", decisions, jsonBody, payment(t), fake{}, post, false},
		"stands":         {"GET", id, nil, nil, fake{}, get, true},
		"stands in full": {"GET", id + "?view=full", nil, nil, fake{}, get, true},
		"stands, proto":  {"GET", id, http.Header{"Accept": {"application/x-protobuf"}}, nil, fake{}, get, true},
		"none stands":    {"GET", "/v1/decisions/E12345678202611231430aB3dE5fG7hX", nil, nil, fake{}, get, true},
		"nothing there":  {"GET", "/v1/decisions/a%2Fb", nil, nil, fake{}, get, false},
		"no id":          {"GET", "/v1/decisions/E1", nil, nil, fake{}, get, false},
		"view of one":    {"GET", id + "?view=all", nil, nil, fake{}, get, false},
		"html of one":    {"GET", id, http.Header{"Accept": {"text/html"}}, nil, fake{}, get, true},
		"no place":       {"GET", id, nil, nil, fake{full: true}, get, true},
		"delete":         {"DELETE", id, nil, nil, fake{}, get, false},
		"contract":       {"GET", contract, nil, nil, fake{}, "get /v1/openapi.yaml", true},
		"post contract":  {"POST", contract, nil, nil, fake{}, "get /v1/openapi.yaml", false},
	}
	for _, k := range []pix.Kind{pix.TooLarge, pix.Conflict, pix.TooOld, pix.Unavailable, pix.Overloaded, pix.Timeout, pix.Cancelled, pix.Unexpected} {
		all["post, "+k.String()] = &asked{"POST", decisions, jsonBody, payment(t), failing(k), post, true}
	}
	for _, k := range []pix.Kind{pix.Unavailable, pix.Timeout, pix.Cancelled, pix.Unexpected} {
		all["get, "+k.String()] = &asked{"GET", id, nil, nil, failing(k), get, true}
	}
	for name, a := range map[string]*asked{"forbidden view": all["whole"], "forbidden view of one": all["stands in full"]} {
		other := &asked{a.method, a.path, a.header, a.body, fake{}, a.operation, true}
		all[name] = other
	}
	return all
}

// TestOpenAPIAnswers: what the service says is described, status by status and kind by kind, and what is described it says.
func TestOpenAPIAnswers(t *testing.T) {
	t.Parallel()
	_, v := openValidator(t)
	described := documented(t)
	seen := map[told]bool{}
	for name, a := range exchanges(t) {
		s, _ := newService(t, &a.fake)
		if a.method == http.MethodGet && !strings.Contains(name, "none") {
			_, _, d := telling(t)
			a.fake.stands[d.ID()] = d
		}
		w, r := a.ask(t, s, strings.HasPrefix(name, "forbidden"))
		if a.valid {
			if ok, problems := v.ValidateHttpRequest(r); !ok {
				t.Errorf("%s: the request: %v", name, problems)
			}
		}
		kind := kindOf(t, w)
		seen[told{a.operation, strconv.Itoa(w.Code), kind}] = true
		if a.method == "PUT" || a.method == "DELETE" || a.path == "/v1/openapi.yaml" || strings.Contains(a.path, "%2F") {
			continue // an operation that the document does not have, or no JSON
		}
		holdsTo(t, v, name, w, r)
	}
	for a := range described {
		if reasons(t)[a.kind] || a.status == "431" { // told by the gate and by net/http: see the server's own tests
			delete(described, a)
		}
	}
	if diff := cmp.Diff(described, seen); diff != "" {
		t.Errorf("answers (-described +given):\n%s", diff)
	}
}

// ask sends the request, of a caller with every role or with the least.
func (a *asked) ask(t *testing.T, s http.Handler, least bool) (*httptest.ResponseRecorder, *http.Request) {
	t.Helper()
	build := func() *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), a.method, "http://localhost:8080"+a.path, bytes.NewReader(a.body))
		if a.header != nil {
			r.Header = a.header.Clone()
		}
		r.Header.Set("Authorization", "Bearer x")
		return r
	}
	r := build()
	if !least {
		r = r.WithContext(identity.With(r.Context(), identity.Anybody()))
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w, build()
}

// holdsTo fails unless the answer is as the document says.
func holdsTo(t *testing.T, v validator.Validator, name string, w *httptest.ResponseRecorder, r *http.Request) {
	t.Helper()
	if ok, problems := v.ValidateHttpResponse(r, w.Result()); !ok {
		for _, p := range problems {
			t.Errorf("%s: the answer %d: %s: %s", name, w.Code, p.Message, p.Reason)
			for _, s := range p.SchemaValidationErrors {
				t.Errorf("  %s %s", s.FieldPath, s.Reason)
			}
		}
	}
}

func kindOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code < http.StatusBadRequest {
		return ""
	}
	var p struct{ Kind string }
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Kind == "" {
		t.Errorf("%d is no problem: %s", w.Code, w.Body)
	}
	return p.Kind
}

// contractOf reads the document as the tree that it is.
func contractOf(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}
	return tree
}

// at follows a path into a tree, and references within it.
func at(tree any, root map[string]any, path ...string) any {
	for _, name := range path {
		node, _ := tree.(map[string]any)
		tree = node[name]
		if inner, ok := tree.(map[string]any); ok {
			if to, ok := inner["$ref"].(string); ok {
				tree = at(root, root, strings.Split(strings.TrimPrefix(to, "#/"), "/")...)
			}
		}
	}
	return tree
}

// documented are the answers of the operations for callers.
func documented(t *testing.T) map[told]bool {
	t.Helper()
	root, out := contractOf(t), map[told]bool{}
	for path, item := range root["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			if at(operation, root, "tags").([]any)[0] != "decisions" {
				continue
			}
			for status := range at(operation, root, "responses").(map[string]any) {
				schema := at(operation, root, "responses", status, "content", "application/problem+json", "schema")
				kinds, _ := at(schema, root, "properties", "kind", "enum").([]any)
				if len(kinds) == 0 {
					kinds = []any{""}
				}
				for _, kind := range kinds {
					out[told{method + " " + path, status, kind.(string)}] = true
				}
			}
		}
	}
	return out
}

// reasons are those for which the gate lets nobody in, by their text.
func reasons(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../shared/identity/refusal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
			if literal, ok := v.Values[0].(*ast.BasicLit); ok {
				out[strings.Trim(literal.Value, `"`)] = true
			}
		}
		return true
	})
	return out
}

// TestOpenAPIOfTheGate: every reason for which a caller is not let in is described at every operation, and none that there is not.
func TestOpenAPIOfTheGate(t *testing.T) {
	t.Parallel()
	known, byOperation := reasons(t), map[string]map[string]bool{}
	for a := range documented(t) {
		if byOperation[a.operation] == nil {
			byOperation[a.operation] = map[string]bool{}
		}
		if a.status == "401" && !known[a.kind] {
			t.Errorf("%v: there is no such reason", a)
		}
		if known[a.kind] {
			byOperation[a.operation][a.kind] = true
		}
	}
	for operation, given := range byOperation {
		if diff := cmp.Diff(known, given); diff != "" {
			t.Errorf("%s (-reasons +described):\n%s", operation, diff)
		}
	}
	if len(known) != 13 || len(byOperation) != 3 {
		t.Errorf("%d reasons, %d operations", len(known), len(byOperation))
	}
}

// TestOpenAPIHeaders: the headers are those of the code, and the budget's bound is that of the default.
func TestOpenAPIHeaders(t *testing.T) {
	t.Parallel()
	root := contractOf(t)
	for name, want := range map[string]string{"TimeBudget": score.BudgetHeader, "Replay": score.ReplayHeader} {
		if got := at(root, root, "components", "parameters", name, "name"); got != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	if most := at(root, root, "components", "parameters", "TimeBudget", "schema", "maximum"); most != int(score.DefaultMaxBudget.Milliseconds()) {
		t.Errorf("a budget of %v ms is described, want %v", most, score.DefaultMaxBudget)
	}
}
