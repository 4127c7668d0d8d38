package score_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

func TestMain(m *testing.M) {
	// The Pub/Sub client links a metrics library that starts one worker per process and never stops it.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// fake is engine, outbox and dead-letter topic in one.
type fake struct {
	mu      sync.Mutex
	err     error // of Decide
	sendErr error
	refuse  func() error  // asked first when it is set
	hold    chan struct{} // Send waits for it
	panics  bool
	stands  map[pix.EndToEndID]*pix.Decision
	away    bool // the store: AnswerAt is provisional
	lack    pix.Lack
	full    bool // no place is left
	sent    []pix.EndToEndID
	marked  []pix.Status
	letters []bus.Letter
	// arrivals are what the engine was told, in order.
	arrivals []pix.Arrival
	budgets  []time.Duration // of those who wait
}

func (f *fake) Enter() (engine.Place, error) {
	if f.full {
		return engine.Place{}, pix.E(pix.Overloaded, "decide", errors.New("too many decisions are in flight"))
	}
	return engine.Place{}, nil
}

func (f *fake) AnswerAt(ctx context.Context, _ engine.Place, r engine.Request) (*pix.Decision, bool, error) {
	f.mu.Lock()
	f.budgets = append(f.budgets, r.Budget)
	f.mu.Unlock()
	if f.away {
		return &pix.Decision{
			Transaction: *r.Tx, Outcome: pix.Review, Provisional: true, Lack: f.lack, FeaturesMissing: true, DecidedAt: clock(), TraceID: r.TraceID,
		}, false, nil
	}
	return f.Decide(ctx, r)
}

func (f *fake) Standing(_ context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.panics:
		panic("a payload")
	case f.full:
		return nil, pix.E(pix.Overloaded, "decide", errors.New("too many decisions are in flight"))
	case f.away:
		return nil, pix.E(pix.Unavailable, "read standing decision", errors.New("away"))
	default:
		return f.stands[id], f.err
	}
}

func (f *fake) Status(_ context.Context, s *pix.Status) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, decided := f.stands[s.ID]; !decided {
		return pix.E(pix.Unavailable, "apply status", errors.New("not decided yet"))
	}
	f.marked = append(f.marked, *s)
	return nil
}

func (f *fake) Decide(_ context.Context, r engine.Request) (*pix.Decision, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	tx := r.Tx
	f.arrivals = append(f.arrivals, r.Arrival)
	if f.panics {
		panic("a payload")
	}
	if f.away {
		return nil, false, pix.E(pix.Unavailable, "commit decision", errors.New("away"))
	}
	if f.err != nil {
		return nil, false, f.err
	}
	if d, ok := f.stands[tx.ID]; ok {
		return d, true, nil
	}
	d := &pix.Decision{Transaction: *tx, Outcome: pix.Review, DecidedAt: time.Now().UTC(), TraceID: r.TraceID, FeatureSet: "f", PolicyVersion: "p"}
	f.stands[tx.ID] = d
	return d, false, nil
}

func (f *fake) Send(ctx context.Context, d *pix.Decision) error {
	if f.hold != nil {
		select {
		case <-f.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return f.refuse()
	}
	if f.sendErr == nil {
		f.sent = append(f.sent, d.ID())
	}
	return f.sendErr
}

func (f *fake) DeadLetter(_ context.Context, _ string, l bus.Letter) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.letters = append(f.letters, l)
	return nil
}

// fail makes Send ask first.
func (f *fake) fail(ask func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = ask
}

func (f *fake) published() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sent)
}

func clock() time.Time { return time.Date(2026, 11, 23, 14, 30, 20, 0, time.UTC) }

func tokenizer(t *testing.T) *pix.Tokenizer {
	t.Helper()
	k, err := pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: keytest.Key("k")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newService(t *testing.T, f *fake) (*score.Service, *bytes.Buffer) {
	t.Helper()
	return newServiceAt(t, f, clock)
}

func newServiceAt(t *testing.T, f *fake, clock func() time.Time) (*score.Service, *bytes.Buffer) {
	t.Helper()
	f.stands = map[pix.EndToEndID]*pix.Decision{}
	log := new(bytes.Buffer)
	var mu sync.Mutex
	d := score.Deps{Engine: f, Outbox: f, Marker: f, Tokenizer: tokenizer(t), Clock: clock, Callers: pushtest.OpenGate{}}
	d.Push.Gate = pushtest.OpenGate{}
	d.Push.DeadLetters, d.Push.DeadLetterTopic = f, "dlq"
	d.Push.Logger = slog.New(slog.NewJSONHandler(locked{&mu, log}, nil))
	d.Push.Metrics = prometheus.NewRegistry()
	s, err := score.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		for _, raw := range rawValues() {
			if strings.Contains(log.String(), raw) {
				t.Errorf("the log holds %q", raw)
			}
		}
	})
	return s, log
}

type locked struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// payment is the wire format's documented example, and rawValues what of it must never show again.
func payment(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("../../shared/event/testdata/transaction.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func rawValues() []string {
	return []string{"529.982.247-25", "52998224725", "1234567-8", "Maria Aparecida", "12.ABC.345", "contato@loja", "android-pixel"}
}

func post(t *testing.T, s http.Handler, path, contentType string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	r.Header.Set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	for _, raw := range rawValues() {
		if strings.Contains(w.Body.String(), raw) {
			t.Errorf("the answer holds %q", raw)
		}
	}
	return w
}

// pushed is a message of a given age.
func pushed(data []byte, age time.Duration) []byte {
	return pushedEnvelope(event.Envelope{Data: data, Attributes: map[string]string{}}, age)
}

func TestHTTPDecision(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		contentType string
		body        []byte
	}{
		"json": {"application/json; charset=utf-8", payment(t)}, "no type": {"", payment(t)}, "proto": {"application/x-protobuf", asProto(t, payment(t))},
	} {
		f := &fake{}
		s, _ := newService(t, f)
		w := post(t, s, "/v1/decisions", c.contentType, c.body)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Fatalf("%s: status %d: %s", name, w.Code, w.Body)
		}
		var got map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(w.Body.String(), "0af7651916cd43dd8448eb211c80319c") {
			t.Errorf("%s: the caller's trace is not in the decision: %s", name, w.Body)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f.published() != 1 {
			t.Errorf("%s: %d decisions published after Close, want 1", name, f.published())
		}
	}
}

func TestHTTPErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   pix.Kind
		status int
		retry  bool
	}{
		{pix.Invalid, 400, false}, {pix.UnknownSchema, 400, false}, {pix.TooLarge, 413, false}, {pix.Conflict, 409, false}, {pix.TooOld, 422, false},
		{pix.Unavailable, 503, true}, {pix.Overloaded, 429, true}, {pix.Timeout, 504, true}, {pix.Cancelled, 503, true}, {pix.Unexpected, 500, false},
	} {
		f := &fake{err: pix.E(c.kind, "decide", errors.New("row acct#token not readable"))}
		s, _ := newService(t, f)
		w := post(t, s, "/v1/decisions", "application/json", payment(t))
		if w.Code != c.status {
			t.Errorf("%v: status %d, want %d", c.kind, w.Code, c.status)
		}
		if got := w.Header().Get("Retry-After") != ""; got != c.retry {
			t.Errorf("%v: Retry-After present: %v, want %v", c.kind, got, c.retry)
		}
		if want := fmt.Sprintf(`"kind":%q`, c.kind.String()); !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), "acct#token") {
			t.Errorf("%v: body %s, want %s and nothing of the error's text", c.kind, w.Body, want)
		}
		if strings.Contains(w.Body.String(), "APPROVE") || len(f.letters) > 0 || f.published() > 0 {
			t.Errorf("%v: an error was decided, published or dead-lettered", c.kind)
		}
	}
}

func TestHTTPRefusals(t *testing.T) {
	t.Parallel()
	bad := bytes.Replace(payment(t), []byte(`"amountCentavos": 125000`), []byte(`"amountCentavos": -5`), 1)
	bad = bytes.Replace(bad, []byte("E12345678202611231430aB3dE5fG7hI"), []byte("E123"), 1)
	for name, c := range map[string]struct {
		contentType string
		body        []byte
		status      int
		contains    []string
	}{
		"two problems at once": {"application/json", bad, 400, []string{"invalid", "amount", "endToEndId"}},
		"no JSON":              {"application/json", []byte("529.982.247-25"), 400, []string{"invalid"}},
		"NaN":                  {"application/json", bytes.Replace(payment(t), []byte("125000"), []byte("NaN"), 1), 400, []string{"invalid"}},
		"another media type":   {"text/html", payment(t), 415, []string{"media_type", "application/json"}},
		"too large":            {"application/json", bytes.Repeat([]byte(" "), 2<<20), 413, []string{"too_large", "65536 bytes"}},
		"empty":                {"application/json", nil, 400, []string{"invalid"}},
	} {
		s, _ := newService(t, &fake{})
		w := post(t, s, "/v1/decisions", c.contentType, c.body)
		if w.Code != c.status {
			t.Errorf("%s: status %d, want %d: %s", name, w.Code, c.status, w.Body)
		}
		for _, part := range c.contains {
			if !strings.Contains(w.Body.String(), part) {
				t.Errorf("%s: body %s does not say %q", name, w.Body, part)
			}
		}
	}
}

func TestHTTPPanicIsAnswered(t *testing.T) {
	t.Parallel()
	s, log := newService(t, &fake{panics: true})
	if w := post(t, s, "/v1/decisions", "application/json", payment(t)); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
	if !strings.Contains(log.String(), "panicked") || strings.Contains(log.String(), "a payload") {
		t.Errorf("log %s", log)
	}
}

// Two requests that race give one decision, and both callers get it.
func TestRacingRequests(t *testing.T) {
	t.Parallel()
	f := &fake{}
	s, _ := newService(t, f)
	answers := make([]string, 8)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = post(t, s, "/v1/decisions", "application/json", payment(t)).Body.String() })
	}
	wg.Wait()
	var first map[string]any
	if err := json.Unmarshal([]byte(answers[0]), &first); err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		var other map[string]any
		if err := json.Unmarshal([]byte(a), &other); err != nil || fmt.Sprint(other) != fmt.Sprint(first) {
			t.Errorf("answers differ: %s and %s", answers[0], a)
		}
	}
}

// A pushed payment is acknowledged only once its decision is published; a redelivery publishes the same again.
func TestPushPublishesBeforeItAcknowledges(t *testing.T) {
	t.Parallel()
	f := &fake{sendErr: pix.E(pix.Unavailable, "publish", errors.New("away"))}
	s, _ := newService(t, f)
	if w := post(t, s, "/push", "application/json", pushed(payment(t), 0)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d while the bus is away, want 503", w.Code)
	}
	f.mu.Lock()
	f.sendErr = nil
	f.mu.Unlock()
	for range 2 {
		if w := post(t, s, "/push", "application/json", pushed(payment(t), 0)); w.Code != http.StatusNoContent {
			t.Errorf("status %d, want 204", w.Code)
		}
	}
	if len(f.stands) != 1 || f.published() != 2 {
		t.Errorf("%d decisions published %d times, want 1 and 2", len(f.stands), f.published())
	}
}

// What a direct publisher sends holds raw identifiers; a dead letter never does.
func TestPushDeadLettersAreTokenised(t *testing.T) {
	t.Parallel()
	f := &fake{err: pix.E(pix.Conflict, "decide", errors.New("another payment has this id"))}
	s, _ := newService(t, f)
	post(t, s, "/push", "", pushed(payment(t), 0))
	f.err = pix.E(pix.Unavailable, "decide", errors.New("away"))
	post(t, s, "/", "", pushed(payment(t), tooOld))
	post(t, s, "/push", "", pushed([]byte(`{"payer":{"document":"529.982.247-25"}}`), 0))
	if len(f.letters) != 3 {
		t.Fatalf("%d dead letters, want 3", len(f.letters))
	}
	for i, l := range f.letters {
		for _, raw := range rawValues() {
			if strings.Contains(fmt.Sprintf("%s %v %s", l.Envelope.Data, l.Envelope.Attributes, l.Detail), raw) {
				t.Errorf("dead letter %d holds %q", i, raw)
			}
		}
		if i == 2 {
			continue // undecodable: without payload
		}
		if _, err := event.DecodeTransaction(l.Envelope, tokenizer(t), clock()); err != nil {
			t.Errorf("dead letter %d cannot be replayed: %v", i, err)
		}
	}
	if f.letters[2].Envelope.Data != nil {
		t.Error("an undecodable payment kept its payload")
	}
}

// TestAgeBounds: an age above what the histories are kept for would refuse nothing that they lack, and one that all payments
// reach would approve none.
func TestAgeBounds(t *testing.T) {
	t.Parallel()
	const maximum, late = "MAX_EVENT_AGE", "LATE_EVENT_AGE"
	for _, c := range []struct {
		maximum, late time.Duration
		want          []string
	}{
		{24 * time.Hour, 10 * time.Minute, nil},
		{24*time.Hour + time.Nanosecond, 10 * time.Minute, []string{maximum}},
		{0, 10 * time.Minute, []string{maximum, late}},
		{-time.Hour, 10 * time.Minute, []string{maximum, late}},
		{24 * time.Hour, 10 * time.Second, nil},
		{24 * time.Hour, 10*time.Second - time.Nanosecond, []string{late}},
		{time.Hour, time.Hour, []string{late}},
		{time.Hour, time.Hour - time.Nanosecond, nil},
	} {
		config := score.Config{MaxEventAge: c.maximum, LateEventAge: c.late}
		err := config.Validate() // of more than ages
		for _, name := range []string{maximum, late} {
			if got := strings.Contains(err.Error(), name+": "); got != slices.Contains(c.want, name) {
				t.Errorf("%+v: a problem of %s: %v", c, name, got)
			}
		}
	}
}

func TestConfigReportsEveryProblem(t *testing.T) {
	t.Parallel()
	c := score.Config{Keys: keyring.Config{TokenKey: keyring.Secret("short-secret")}, ExplainApprovals: 1.1}
	err := c.Validate()
	if err == nil {
		t.Fatal("an empty configuration passes")
	}
	for _, name := range []string{"PROJECT_ID", "DEAD_LETTER_TOPIC", "MAX_MESSAGE_AGE", "MAX_PANICS", "HANDLE_TIMEOUT", "BIGTABLE_INSTANCE", "DECISIONS_TOPIC", "DECISION_TIMEOUT",
		"STORE_DEADLINE", "RELOAD_EVERY", "MAX_DECISIONS_IN_FLIGHT", "SHADOW_WAIT", "EXPLAIN_APPROVALS_SHARE", "MAX_EVENT_AGE", "LATE_EVENT_AGE", "TOKEN_KEY"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "short-secret") || strings.Contains(fmt.Sprintf("%+v %#v", c, c), "short-secret") {
		t.Error("the secret shows")
	}
}
