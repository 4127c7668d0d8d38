package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/sentinela-pix/sentinela/docs"
	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
)

const (
	pushAudience = "https://push.example"
	askAudience  = "https://ask.example"
	pusher       = "push@p.iam.gserviceaccount.com"
	core         = "core@bank.example"
)

// routes that the functions and the server have, by the port that serves them.
func publicRoutes() []string {
	return []string{"/", "/push", "/v1/decisions", "/v1/decisions/", "/v1/openapi.yaml"}
}
func operatorsRoutes() []string {
	return []string{"GET /healthz", "GET /metrics", "GET /readyz", "GET " + live.Path}
}

// TestEveryRouteIsTried: a route that is added to a function must be tried without a token too.
func TestEveryRouteIsTried(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "live" {
			return fs.SkipDir // what is below the page's own path
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, route := range routesIn(n) {
				name, err := strconv.Unquote(text(file, route))
				if err != nil {
					t.Errorf("%s: a route that is no literal cannot be told", path)
				}
				found[name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Sorted(maps.Keys(found))
	want := append(publicRoutes(), operatorsRoutes()...)
	slices.Sort(want)
	if diff := cmp.Diff(want, all); diff != "" {
		t.Errorf("routes (-tried +in the code):\n%s", diff)
	}
}

// TestEveryRouteIsDescribed: the contract has the paths that are served, and no others.
func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	var tree struct{ Paths map[string]any }
	if err := yaml.Unmarshal(docs.OpenAPI(), &tree); err != nil {
		t.Fatal(err)
	}
	var described, served []string
	for path := range tree.Paths {
		path, _, _ = strings.Cut(path, "{")
		described = append(described, path)
	}
	for _, route := range append(publicRoutes(), operatorsRoutes()...) {
		if route != "/" && route != "GET "+live.Path { // of a function; the scorer has nothing there. And a page for people
			served = append(served, strings.TrimPrefix(route, "GET "))
		}
	}
	slices.Sort(described)
	slices.Sort(served)
	if diff := cmp.Diff(served, described); diff != "" {
		t.Errorf("paths (-served +described):\n%s", diff)
	}
}

// routesIn finds the routes that one node tells: a pattern of a mux, or a path that a request's is compared with.
func routesIn(n ast.Node) []ast.Expr {
	isPath := func(x ast.Expr) bool {
		s, ok := x.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "Path"
	}
	switch n := n.(type) {
	case *ast.BinaryExpr:
		if isPath(n.X) && (n.Op == token.EQL || n.Op == token.NEQ) {
			return []ast.Expr{n.Y}
		}
	case *ast.CallExpr:
		f, ok := n.Fun.(*ast.SelectorExpr)
		if ok && f.Sel.Name == "CutPrefix" && isPath(n.Args[0]) {
			return n.Args[1:]
		}
		if !ok || f.Sel.Name != "Handle" && f.Sel.Name != "HandleFunc" || len(n.Args) != 2 {
			return nil
		}
		switch first := n.Args[0].(type) { // a message's handler takes a context
		case *ast.Ident:
			if first.Name == "ctx" {
				return nil
			}
		case *ast.CallExpr:
			return nil
		}
		return n.Args[:1]
	case *ast.SwitchStmt:
		if !isPath(n.Tag) {
			return nil
		}
		var all []ast.Expr
		for _, c := range n.Body.List {
			all = append(all, c.(*ast.CaseClause).List...)
		}
		return all
	}
	return nil
}

// text is the literal of a route, also where a constant of the same file names it.
func text(file *ast.File, route ast.Expr) string {
	if sum, ok := route.(*ast.BinaryExpr); ok {
		first, _ := strconv.Unquote(text(file, sum.X))
		second, _ := strconv.Unquote(text(file, sum.Y))
		return strconv.Quote(first + second)
	}
	if of, ok := route.(*ast.SelectorExpr); ok && of.X.(*ast.Ident).Name == "live" && of.Sel.Name == "Path" {
		return strconv.Quote(live.Path)
	}
	if name, ok := route.(*ast.Ident); ok {
		ast.Inspect(file, func(n ast.Node) bool {
			if c, ok := n.(*ast.ValueSpec); ok && len(c.Names) == 1 && len(c.Values) == 1 && c.Names[0].Name == name.Name {
				route = c.Values[0]
			}
			return true
		})
	}
	literal, ok := route.(*ast.BasicLit)
	if !ok {
		return ""
	}
	return literal.Value
}

// send posts a body with these headers and returns the status, 0 when there is no answer.
func send(t *testing.T, url string, headers http.Header, body []byte) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if headers != nil {
		request.Header = headers.Clone()
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// TestNobodyEntersWithoutAToken: of everything that the public port answers, only a verified caller with the role for it is
// served.
func TestNobodyEntersWithoutAToken(t *testing.T) {
	t.Parallel()
	i, err := issuer.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	_, url, admin := startServer(t, startCloud(t), "VERIFY_CALLERS=on", "PUSH_ISSUER="+i.URL(), "PUSH_AUDIENCE="+pushAudience,
		"PUSH_SERVICE_ACCOUNTS="+pusher, "CALLER_ISSUER="+i.URL(), "CALLER_AUDIENCE="+askAudience, "CALLERS="+core+"=decide")
	bearer := func(c issuer.Claims) http.Header {
		raw, err := i.Mint(c)
		if err != nil {
			t.Fatal(err)
		}
		return http.Header{"Authorization": {"Bearer " + raw}}
	}
	now := time.Now()
	pushes, asks := bearer(i.Of(pusher, pushAudience, now)), bearer(i.Of(core, askAudience, now))
	_, data := payment(t, 1)
	pushed := fmt.Appendf(nil, `{"message":{"data":%q,"messageId":"1","publishTime":%q},"deliveryAttempt":99}`,
		base64.StdEncoding.EncodeToString(data), now.UTC().Format(time.RFC3339Nano))
	twice := http.Header{"Authorization": {pushes.Get("Authorization"), pushes.Get("Authorization")}}
	for name, c := range map[string]struct {
		path    string
		headers http.Header
		want    int
	}{
		"look without the role":        {"/v1/decisions/E12345678202611231430aB3dE5fG7hI", asks, http.StatusForbidden},
		"push":                         {"/push", pushes, http.StatusNoContent},
		"ask":                          {"/v1/decisions", asks, http.StatusOK},
		"push, forged attempts":        {"/push", nil, http.StatusUnauthorized},
		"push, wrong scheme":           {"/push", http.Header{"Authorization": {"Basic eA=="}}, http.StatusUnauthorized},
		"push, junk":                   {"/push", http.Header{"Authorization": {"Bearer junk"}}, http.StatusUnauthorized},
		"push, two tokens":             {"/push", twice, http.StatusUnauthorized},
		"push, a megabyte":             {"/push", http.Header{"Authorization": {"Bearer " + strings.Repeat("a", 1<<20)}}, http.StatusRequestHeaderFieldsTooLarge},
		"push as a caller":             {"/push", asks, http.StatusUnauthorized},
		"push as a caller, right door": {"/push", bearer(i.Of(core, pushAudience, now)), http.StatusForbidden},
		"ask as a pusher":              {"/v1/decisions", pushes, http.StatusUnauthorized},
		"ask as a pusher, right door":  {"/v1/decisions", bearer(i.Of(pusher, askAudience, now)), http.StatusForbidden},
		"ask, nobody":                  {"/v1/decisions", nil, http.StatusUnauthorized},
	} {
		body := pushed
		if strings.HasPrefix(c.path, "/v1") {
			body = data
		}
		status, answer := send(t, url+c.path, c.headers, body)
		if status != c.want && (c.want != http.StatusRequestHeaderFieldsTooLarge || status != 0) { // the connection may be cut first
			t.Errorf("%s: %d %s, want %d", name, status, answer, c.want)
		}
	}
	standing := "/v1/decisions/E12345678202611231430aB3dE5fG7hI"
	for _, route := range append(publicRoutes(), standing, "/v2/decisions", "/push/", "/debug/pprof/", "/healthz", "/readyz", "/metrics", live.Path) {
		gated := route != "/" && route != "/v1/decisions/" && (route == standing || slices.Contains(publicRoutes(), route))
		for _, body := range [][]byte{nil, data, pushed} {
			status, answer := send(t, url+route, nil, body)
			if status != http.StatusUnauthorized && (status != http.StatusNotFound || gated) {
				t.Errorf("%s answers %d %s without a token", route, status, answer)
			}
		}
	}
	_, metrics := get(t, admin+"/metrics")
	if !strings.Contains(metrics, "\npix_function_messages_total{function=\"score\",result=\"ok\"} 1\n") || strings.Contains(metrics, "pix_function_dead_letters_total{") {
		t.Error("a message that was refused was handled")
	}
	if status, body := get(t, admin+"/readyz"); status != http.StatusOK || !strings.Contains(body, `"pushes_keys"`) || !strings.Contains(body, `"callers_keys"`) {
		t.Errorf("/readyz answers %d %s", status, body)
	}
}
