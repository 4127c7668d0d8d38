package score_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// detailed lets every request through as that of a caller who may see whole decisions.
func detailed(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(identity.With(r.Context(), identity.Caller{Subject: "analyst", Roles: []identity.Role{identity.Decide, identity.Detail}})))
	})
}

// telling is a service in which a decision stands that has every part, and that decision.
func telling(t *testing.T) (*fake, http.Handler, *pix.Decision) {
	t.Helper()
	tx, err := event.DecodeTransaction(event.Envelope{Data: payment(t)}, tokenizer(t), clock())
	if err != nil {
		t.Fatal(err)
	}
	top := []pix.Contribution{{Feature: "payer_velocity", Value: 31337, Contribution: 0.4242}}
	d := &pix.Decision{
		Transaction: tx, Outcome: pix.Review, HoldUntil: clock().Add(time.Hour), DecidedAt: clock(),
		Reasons:  []pix.Reason{{Code: "new_payee", TextPT: "recebedor novo", TextEN: "new payee"}},
		RuleHits: []pix.RuleHit{{ID: "night_limit", Outcome: pix.Review, LegalBasis: "BCB 142"}},
		Scores:   []pix.Score{{Role: pix.PayerRole, Version: "7", Raw: 1.2345, Probability: 0.7747, Top: top}, {Role: pix.ReceiverRole, Version: "9"}},
		Shadow:   []pix.Score{{Role: pix.PayerRole, Version: "8", Raw: 2.3456, Probability: 0.9126, Top: top, Outcome: pix.Reject}},
		Vector:   []float64{31337, 271828}, FeatureSet: "f3", PolicyVersion: "p5", StoreLatency: 1234567, TraceID: "0af7651916cd43dd8448eb211c80319c",
	}
	f := &fake{}
	s, _ := newService(t, f)
	f.stands[tx.ID] = d
	return f, s, d
}

// TestTheAnswer: what a caller gets is this, by name and form.
func TestTheAnswer(t *testing.T) {
	t.Parallel()
	_, s, _ := telling(t)
	w := post(t, s, "/v1/decisions", "application/json", payment(t))
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("status %d, %v: %s", w.Code, err, w.Body)
	}
	want := map[string]any{
		"endToEndId": "E12345678202611231430aB3dE5fG7hI", "outcome": "OUTCOME_REVIEW",
		"holdUntil": "2026-11-23T15:30:20Z", "decidedAt": "2026-11-23T14:30:20Z",
		"reasons":     []any{map[string]any{"code": "new_payee", "textPt": "recebedor novo", "textEn": "new payee"}},
		"provisional": false, "featuresMissing": false, "modelVersions": map[string]any{"payer": "7", "receiver": "9"},
		"policyVersion": "p5", "featureSet": "f3", "traceId": "0af7651916cd43dd8448eb211c80319c",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTheAnswerIsNoOracle asks with raw identifiers and looks for their tokens, and for what the decision is made of.
func TestTheAnswerIsNoOracle(t *testing.T) {
	t.Parallel()
	_, s, d := telling(t)
	submission, err := event.DecodeSubmissionJSON(payment(t))
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{"31337", "271828", "0.4242", "1.2345", "0.7747", "2.3456", "0.9126", "payer_velocity", "night_limit", "REJECT", "BCB 142"}
	tx := tokenizer(t).Tokenize(&submission)
	for _, p := range []pix.TokenPair{tx.Payer.Account, tx.Payer.Owner, tx.Payer.Key, tx.Payee.Account, tx.Payee.Owner, tx.Payee.Key, tx.DeviceToken} {
		if p.Current != "" {
			secrets = append(secrets, string(p.Current))
		}
	}
	if len(secrets) < 15 {
		t.Fatalf("only %d tokens are looked for", len(secrets)-11)
	}
	answer := post(t, s, "/v1/decisions", "application/json", payment(t)).Body.String()
	whole, err := event.DecisionJSON(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(answer, secret) {
			t.Errorf("the answer holds %q", secret)
		}
		if !strings.Contains(string(whole), secret) {
			t.Errorf("the whole decision does not hold %q: the test looks for nothing", secret)
		}
	}
}

// TestTheWholeDecision is given to who asks for it and has the role; nothing is decided for anybody else who asks.
func TestTheWholeDecision(t *testing.T) {
	t.Parallel()
	f, s, d := telling(t)
	want, err := event.DecisionJSON(d)
	if err != nil {
		t.Fatal(err)
	}
	fullOf := func(h http.Handler) (int, []byte) {
		w := post(t, h, "/v1/decisions?view=full", "application/json", payment(t))
		return w.Code, w.Body.Bytes()
	}
	var whole, expected any
	status, got := fullOf(detailed(s))
	if err := errors.Join(json.Unmarshal(got, &whole), json.Unmarshal(want, &expected)); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v", status, err)
	}
	if diff := cmp.Diff(expected, whole); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	clear(f.stands)
	if status, got := fullOf(s); status != http.StatusForbidden || !bytes.Contains(got, []byte(`"kind":"forbidden"`)) || len(f.stands) != 0 {
		t.Errorf("without the role: status %d, %d decided: %s", status, len(f.stands), got)
	}
	for _, view := range []string{"view=all", "view=", "view", "view=full&view=full", "view=full&view=all", "view=FULL"} {
		if w := post(t, detailed(s), "/v1/decisions?"+view, "application/json", payment(t)); w.Code != http.StatusBadRequest || len(f.stands) != 0 {
			t.Errorf("%s: status %d, %d decided", view, w.Code, len(f.stands))
		}
	}
	if w := post(t, detailed(s), "/v1/decisions", "application/json", payment(t)); strings.Contains(w.Body.String(), "Token") {
		t.Errorf("not asked for: %s", w.Body)
	}
}

// TestPaths: nothing but the paths themselves is taken, nothing is redirected, and a question is no message.
func TestPaths(t *testing.T) {
	t.Parallel()
	f := &fake{}
	s, _ := newService(t, f)
	for path, want := range map[string]int{
		"/v1/decisions": 200, "/v1/decisions?x=y": 200, "/v1/decisions/": 404, "/v2/decisions": 404, "//v1/decisions": 404,
		"/v1//decisions": 404, "/v1/decisions/x": 405, "/v1/decisions/x/": 404, "/v1/decisions//": 404, "/v1/openapi.yaml": 405, "/v1/openapi.yaml/": 404, "/x/../v1/decisions": 404, "/v1": 404, "/V1/decisions": 404, "/push/": 404,
		"/": 400, "/push": 400, // a payment is no push
	} {
		w := post(t, s, path, "application/json", payment(t))
		if w.Code != want || w.Header().Get("Location") != "" {
			t.Errorf("%s: status %d, want %d: %s", path, w.Code, want, w.Body)
		}
		if want != 200 && w.Header().Get("Content-Type") != problem.MediaType {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/v1/decisions", nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost || w.Header().Get("Content-Type") != problem.MediaType {
			t.Errorf("%s: status %d, %v", method, w.Code, w.Header())
		}
	}
	if len(f.letters) != 0 || len(f.stands) != 1 {
		t.Errorf("%d dead letters, %d decisions", len(f.letters), len(f.stands))
	}
}

// TestMediaOfAPayment: a payment in a form that is not read is refused before it is read, with what is.
func TestMediaOfAPayment(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(payment(t))
	_ = z.Close()
	for name, c := range map[string]struct {
		header http.Header
		hint   string
	}{
		"html":            {http.Header{"Content-Type": {"text/html"}}, "Accept"},
		"another charset": {http.Header{"Content-Type": {"application/json; charset=iso-8859-1"}}, "Accept"},
		"an event":        {http.Header{"Content-Type": {"application/cloudevents+json"}}, "Accept"},
		"gzip":            {http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}, "Accept-Encoding"},
	} {
		f := &fake{}
		s, _ := newService(t, f)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/decisions", bytes.NewReader(packed.Bytes()))
		r.Header = c.header
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusUnsupportedMediaType || w.Header().Get(c.hint) == "" || len(f.stands) != 0 {
			t.Errorf("%s: status %d, %v", name, w.Code, w.Header())
		}
	}
}

// TestAHeaderIsNoSchema: over HTTP and in Kafka's headers a payment is a payment; only an attribute of a pushed message
// makes it a status.
func TestAHeaderIsNoSchema(t *testing.T) {
	t.Parallel()
	f := &fake{}
	s, _ := newService(t, f)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/decisions", bytes.NewReader(payment(t)))
	r.Header = http.Header{"Schema": {event.SchemaStatus}, "Encoding": {"proto"}}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK || !slices.Contains(slices.Collect(maps.Keys(f.stands)), pix.EndToEndID("E12345678202611231430aB3dE5fG7hI")) {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// TestUnwrappedMessages: with metadata a status is told from a payment; without, neither is taken for anything.
func TestUnwrappedMessages(t *testing.T) {
	t.Parallel()
	f := &fake{}
	s, _ := newService(t, f)
	send := func(body []byte, header http.Header) int {
		r := httptest.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPost, "/push", bytes.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Code
	}
	settled := status(t, "E12345678202611231430aB3dE5fG7hI")
	for i, c := range []struct {
		body   []byte
		header http.Header
		want   int
	}{
		{payment(t), http.Header{"Content-Type": {"application/json"}}, 400},
		{settled.Data, http.Header{}, 400},
		{payment(t), http.Header{"X-Goog-Pubsub-Message-Id": {"1"}}, 204},
		{settled.Data, http.Header{"X-Goog-Pubsub-Message-Id": {"2"}, "Schema": {settled.Attributes["schema"]}, "Encoding": {settled.Attributes["encoding"]}}, 204},
	} {
		if got := send(c.body, c.header); got != c.want {
			t.Errorf("%d: status %d, want %d", i, got, c.want)
		}
	}
	if len(f.stands) != 1 || len(f.marked) != 1 || len(f.letters) != 0 {
		t.Errorf("%d decided, %d marked, %d dead letters", len(f.stands), len(f.marked), len(f.letters))
	}
}
