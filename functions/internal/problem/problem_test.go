package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

type members struct {
	Type, Title, Detail, Kind string
	Status                    int
	Errors                    []pix.Problem
}

func written(t *testing.T, w *httptest.ResponseRecorder) members {
	t.Helper()
	var m members
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if w.Header().Get("Content-Type") != problem.MediaType || w.Header().Get("Cache-Control") != "no-store" || m.Type != "about:blank" || m.Status != w.Code || m.Title != http.StatusText(w.Code) {
		t.Errorf("%v: %+v", w.Header(), m)
	}
	return m
}

// TestEveryKind holds each kind to its row of the disposition table, with something to do and nothing of the error's text.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	for kind := pix.Unexpected; kind <= pix.Cancelled; kind++ {
		w := httptest.NewRecorder()
		problem.Write(w, fmt.Errorf("decide: %w", pix.E(kind, "read row acct#token", errors.New("cause"))))
		m, d := written(t, w), kind.Disposition()
		if m.Kind != d.Label || w.Code != d.HTTPStatus || len(m.Detail) < 20 || strings.Contains(fmt.Sprint(m), "acct#token") {
			t.Errorf("%v: %d %+v", kind, w.Code, m)
		}
		if retry := d.HTTPStatus == 429 || d.HTTPStatus == 503 || d.HTTPStatus == 504; (w.Header().Get("Retry-After") != "") != retry {
			t.Errorf("%v: %v", kind, w.Header())
		}
	}
}

func TestProblemsAreListed(t *testing.T) {
	t.Parallel()
	want := []pix.Problem{{Field: "amountCentavos", Reason: "required"}, {Field: "payer.document", Reason: "check digits do not match"}}
	w := httptest.NewRecorder()
	problem.Write(w, fmt.Errorf("decode: %w", (&pix.Problems{List: want}).Err("validate")))
	if diff := cmp.Diff(want, written(t, w).Errors); diff != "" || w.Code != http.StatusBadRequest {
		t.Errorf("status %d (-want +got):\n%s", w.Code, diff)
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	problem.WriteStatus(w, http.StatusForbidden, "forbidden", "ask for the role detail")
	if m := written(t, w); w.Code != http.StatusForbidden || m.Kind != "forbidden" || m.Detail != "ask for the role detail" {
		t.Errorf("%+v", m)
	}
	w = httptest.NewRecorder()
	problem.NotAllowed(w, http.MethodGet)
	if m := written(t, w); w.Header().Get("Allow") != http.MethodGet || m.Status != http.StatusMethodNotAllowed {
		t.Errorf("%v: %+v", w.Header(), m)
	}
}

func TestMedia(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"": "application/json", "application/json": "application/json", "Application/JSON; charset=UTF-8": "application/json",
		"application/x-protobuf": "application/x-protobuf", "application/json; charset=iso-8859-1": "", "text/html": "",
		"application/jsonx": "", "application/json;": "application/json", "application/json; charset": "", "application/": "",
	} {
		h := http.Header{}
		if value != "" {
			h.Set("Content-Type", value)
		}
		got, p := problem.Media(h, "application/json", "application/x-protobuf")
		if got != want || (p != nil) != (want == "") {
			t.Errorf("%q: %q, %v", value, got, p)
		}
		if p != nil && (p.Status != http.StatusUnsupportedMediaType || p.Header["Accept"] != "application/json, application/x-protobuf") {
			t.Errorf("%q: %+v", value, p)
		}
	}
	if _, p := problem.Media(http.Header{"Content-Type": {"application/json", "text/html"}}, "application/json"); p == nil {
		t.Error("two types pass")
	}
}

func TestCoding(t *testing.T) {
	t.Parallel()
	for _, values := range [][]string{nil, {""}, {"identity"}, {"Identity", ""}} {
		if p := problem.Coding(http.Header{"Content-Encoding": values}); p != nil {
			t.Errorf("%q: %v", values, p)
		}
	}
	for _, values := range [][]string{{"gzip"}, {"identity", "br"}, {"identity, gzip"}} {
		p := problem.Coding(http.Header{"Content-Encoding": values})
		if p == nil || p.Status != http.StatusUnsupportedMediaType || p.Header["Accept-Encoding"] != "identity" {
			t.Errorf("%q: %+v", values, p)
		}
	}
}

// TestAccepted: weights and specificity decide, in whatever order ranges come; what cannot be read takes nothing.
func TestAccepted(t *testing.T) {
	t.Parallel()
	const text, proto, other = "application/json", "application/x-protobuf", "application/protobuf"
	for _, c := range []struct{ accept, want string }{
		{"", text}, {" ", text}, {"*/*", text}, {"application/*", text}, {text, text}, {"Application/JSON; charset=utf-8", text},
		{proto, proto}, {other, other}, {"application/x-protobuf;q=0.5, application/protobuf", other},
		{"application/json;q=0.9, application/x-protobuf", proto}, {"application/x-protobuf, */*;q=0.1", proto},
		{"*/*, application/json;q=0", proto}, {"application/json;q=0", ""}, {"*/*;q=0", ""}, {"text/html, application/problem+json", ""},
		{"text/html, */*;q=0.001", text}, {"application/json;q=2", ""}, {"application/json;q=x", ""}, {"application/json;q=NaN", ""},
		{"application", ""}, {"application/json;q", ""}, {",,,", ""}, {"application/x-protobuf,,", proto}, {"application/jsonx", ""},
	} {
		h := http.Header{}
		if c.accept != "" {
			h.Set("Accept", c.accept)
		}
		got, p := problem.Accepted(h, text, proto, other)
		if got != c.want || (p != nil) != (c.want == "") || p != nil && p.Status != http.StatusNotAcceptable {
			t.Errorf("%q: %q, %v; want %q", c.accept, got, p, c.want)
		}
	}
	if got, _ := problem.Accepted(http.Header{"Accept": {"text/html", proto}}, text, proto); got != proto {
		t.Errorf("two headers: %q", got)
	}
}
