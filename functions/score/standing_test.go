package score_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const standsUnder = "/v1/decisions/E12345678202611231430aB3dE5fG7hI"

// look asks for what stands, with these headers.
func look(t *testing.T, h http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if header != nil {
		r.Header = header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestStandingIsTheAnswer: byte for byte what the payment's sender gets when it asks again, in every form and view.
func TestStandingIsTheAnswer(t *testing.T) {
	t.Parallel()
	f, s, _ := telling(t)
	for _, accept := range []string{"application/json", "application/x-protobuf"} {
		for _, view := range []string{"", "?view=full"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/decisions"+view, bytes.NewReader(payment(t)))
			r.Header.Set("Accept", accept)
			posted := httptest.NewRecorder()
			detailed(s).ServeHTTP(posted, r)
			got := look(t, detailed(s), http.MethodGet, standsUnder+view, http.Header{"Accept": {accept}})
			if diff := cmp.Diff(posted.Body.Bytes(), got.Body.Bytes()); diff != "" || posted.Code != http.StatusOK || got.Code != http.StatusOK {
				t.Errorf("%s %s: status %d and %d (-posted +stands):\n%s", accept, view, posted.Code, got.Code, diff)
			}
			if got.Header().Get("Content-Type") != accept || got.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %v", accept, view, got.Header())
			}
		}
	}
	if w := look(t, s, http.MethodGet, standsUnder+"?view=full", nil); w.Code != http.StatusForbidden {
		t.Errorf("the whole decision without the role: %d", w.Code)
	}
	if len(f.sent) != 0 || len(f.arrivals) != 4 {
		t.Errorf("%d published, %d decided: to look decides and publishes nothing", len(f.sent), len(f.arrivals))
	}
}

// TestNothingStands: whoever looks for what is not there, or cannot be told, learns that and gets no decision.
func TestNothingStands(t *testing.T) {
	t.Parallel()
	const none = "/v1/decisions/E12345678202611231430aB3dE5fG7hX"
	for name, c := range map[string]struct {
		fake   *fake
		method string
		path   string
		status int
		kind   string
	}{
		"none":         {&fake{}, "GET", none, 404, "not_decided"},
		"malformed":    {&fake{}, "GET", "/v1/decisions/E123", 400, `"field":"endToEndId","reason":"must have 32 characters"`},
		"a raw thing":  {&fake{}, "GET", "/v1/decisions/529.982.247-25", 400, "invalid"},
		"encoded":      {&fake{}, "GET", "/v1/decisions/%45%2512345678202611231430aB3dE5fG7hX", 400, "invalid"},
		"store away":   {&fake{away: true}, "GET", none, 503, "unavailable"},
		"no place":     {&fake{full: true}, "GET", none, 429, "overloaded"},
		"silent store": {&fake{err: pix.E(pix.Timeout, "read", errors.New("x"))}, "GET", none, 504, "timeout"},
		"panic":        {&fake{panics: true}, "GET", none, 500, "internal"},
		"another view": {&fake{}, "GET", none + "?view=all", 400, "view"},
		"html":         {&fake{}, "GET", none, 406, "not_acceptable"},
		"head":         {&fake{}, "HEAD", none, 405, ""},
		"post":         {&fake{}, "POST", none, 405, "method_not_allowed"},
		"delete":       {&fake{}, "DELETE", none, 405, "method_not_allowed"},
		"options":      {&fake{}, "OPTIONS", none, 405, "method_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log := newService(t, c.fake)
			header := http.Header{}
			if name == "html" {
				header.Set("Accept", "text/html")
			}
			w := look(t, s, c.method, c.path, header)
			if w.Code != c.status || w.Header().Get("Content-Type") != problem.MediaType || !strings.Contains(w.Body.String(), c.kind) {
				t.Errorf("status %d, %v: %s", w.Code, w.Header(), w.Body)
			}
			if (w.Code == http.StatusMethodNotAllowed) != (w.Header().Get("Allow") == http.MethodGet) {
				t.Errorf("Allow: %v", w.Header())
			}
			if retry := c.status == 429 || c.status == 503 || c.status == 504; retry != (w.Header().Get("Retry-After") != "") {
				t.Errorf("Retry-After: %v", w.Header())
			}
			if strings.Contains(w.Body.String()+log.String(), "529.982") || strings.Contains(w.Body.String(), "outcome") {
				t.Errorf("%s %s", w.Body, log)
			}
		})
	}
}

// TestAnswersInProto: by Accept, whatever encoding the payment came in; what fits nothing is refused before anything is decided.
func TestAnswersInProto(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body        []byte
		contentType string
		accept      string
		want        string // empty is 406
	}{
		"JSON for proto":  {payment(t), "application/json", "application/x-protobuf", "application/x-protobuf"},
		"proto for proto": {asProto(t, payment(t)), "application/protobuf", "application/protobuf", "application/protobuf"},
		"proto for JSON":  {asProto(t, payment(t)), "application/x-protobuf", "application/json", "application/json"},
		"proto, nothing":  {asProto(t, payment(t)), "application/x-protobuf", "", "application/json"},
		"anything":        {payment(t), "application/json", "*/*", "application/json"},
		"preferred":       {payment(t), "application/json", "application/json;q=0.1, application/x-protobuf", "application/x-protobuf"},
		"html":            {payment(t), "application/json", "text/html", ""},
		"no JSON":         {payment(t), "application/json", "application/json;q=0", ""},
	} {
		f := &fake{}
		s, _ := newService(t, f)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/decisions", bytes.NewReader(c.body))
		r.Header.Set("Content-Type", c.contentType)
		if c.accept != "" {
			r.Header.Set("Accept", c.accept)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if c.want == "" {
			if w.Code != http.StatusNotAcceptable || len(f.stands) != 0 || w.Header().Get("Content-Type") != problem.MediaType {
				t.Errorf("%s: %d, %d decided", name, w.Code, len(f.stands))
			}
			continue
		}
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != c.want {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		var a pixv1.Answer
		if c.want != "application/json" && (proto.Unmarshal(w.Body.Bytes(), &a) != nil || a.GetOutcome() != pixv1.Outcome_OUTCOME_REVIEW) {
			t.Errorf("%s: %v", name, &a)
		}
	}
}

// TestBudgetHeader: what a caller gives reaches the engine; what is no budget is refused and decides nothing.
func TestBudgetHeader(t *testing.T) {
	t.Parallel()
	most := score.DefaultMaxBudget.Milliseconds()
	if most != 300 {
		t.Errorf("%d ms: DECISION_TIMEOUT is another", most)
	}
	for _, c := range []struct {
		header []string
		want   int64 // ms in the engine; -1 is refused
	}{
		{nil, 300}, {[]string{"1"}, 1}, {[]string{"80"}, 80}, {[]string{"300"}, 300}, {[]string{"301"}, -1}, {[]string{"0"}, -1},
		{[]string{""}, -1}, {[]string{"-5"}, -1}, {[]string{"+5"}, -1}, {[]string{"1.5"}, -1}, {[]string{"80ms"}, -1},
		{[]string{"99999999999999999999"}, -1}, {[]string{" 80"}, -1}, {[]string{"0x10"}, -1}, {[]string{"1_0"}, -1}, {[]string{"80", "80"}, -1},
	} {
		f := &fake{}
		s, _ := newService(t, f)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/decisions", bytes.NewReader(payment(t)))
		r.Header = http.Header{score.BudgetHeader: c.header}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch {
		case c.want < 0 && (w.Code != http.StatusBadRequest || len(f.budgets) != 0 || !strings.Contains(w.Body.String(), score.BudgetHeader)):
			t.Errorf("%q: %d %s", c.header, w.Code, w.Body)
		case c.want >= 0 && (w.Code != http.StatusOK || f.budgets[0].Milliseconds() != c.want):
			t.Errorf("%q: %d, %v", c.header, w.Code, f.budgets)
		}
	}
}
