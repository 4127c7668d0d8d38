package push_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestMain(m *testing.M) {
	// The Pub/Sub client links a metrics library that starts one worker per process and never stops it.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

const (
	secret  = "12345678909" // stands for a raw CPF: it must show nowhere
	payment = "E12345678202611200300abcdefghijk"
)

// letters collects dead letters, or refuses them.
type letters struct {
	mu   sync.Mutex
	list []bus.Letter
	err  error
}

func (l *letters) DeadLetter(_ context.Context, _ string, letter bus.Letter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.list = append(l.list, letter)
	}
	return l.err
}

// fixture is an endpoint whose handling is given by the test.
type fixture struct {
	letters  letters
	log      bytes.Buffer
	registry *prometheus.Registry
	handler  http.Handler
}

func newFixture(t *testing.T, handle func(context.Context, string) error) *fixture {
	t.Helper()
	return newFixtureAt(t, now, handle)
}

func newFixtureAt(t *testing.T, now func() time.Time, handle func(context.Context, string) error) *fixture {
	t.Helper()
	f := &fixture{registry: prometheus.NewRegistry()}
	h, err := push.New(push.Function[string]{
		Name: "test",
		Decode: func(e event.Envelope, _ time.Time) (string, error) {
			if strings.HasPrefix(string(e.Data), "bad") {
				return "", pix.E(pix.Invalid, "decode", errors.New("field amount: required"))
			}
			return string(e.Data), nil
		},
		Encode: func(string) (event.Envelope, error) { return event.Envelope{Data: []byte("tokenised")}, nil },
		Handle: handle,
	}, push.Deps{
		DeadLetters: &f.letters, DeadLetterTopic: "dlq", Timeout: time.Second, Clock: now, MaxPanics: 3,
		Logger: slog.New(slog.NewJSONHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Metrics: f.registry,
	})
	if err != nil {
		t.Fatal(err)
	}
	f.handler = h
	return f
}

func ok(context.Context, string) error { return nil }

// now is when messages are handled: under synctest virtual time, carried to this century.
func now() time.Time { return time.Now().AddDate(100, 0, 0) }

// tooOld is the age of a message whose failure is its last.
const tooOld = push.DefaultMaxAge + time.Second

// pushBody is what a push subscription posts, and more: it states an attempt, which must decide nothing.
func pushBody(data string, age time.Duration) string { return pushBodyOf("42", data, now().Add(-age)) }

func pushBodyOf(id, data string, published time.Time) string {
	return fmt.Sprintf(`{"message":{"data":%q,"attributes":{"end_to_end_id":%q,"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},"messageId":%q,"message_id":%[3]q,"publishTime":%[4]q},"subscription":"projects/p/subscriptions/s","deliveryAttempt":99}`,
		base64.StdEncoding.EncodeToString([]byte(data)), payment, id, published.Format(time.RFC3339Nano))
}

func (f *fixture) post(t *testing.T, header map[string]string, body string) int {
	t.Helper()
	status := f.send(t, header, body)
	if strings.Contains(f.log.String(), secret) {
		t.Errorf("the log holds the payload: %s", f.log.String())
	}
	return status
}

// send posts from any goroutine.
func (f *fixture) send(t *testing.T, header map[string]string, body string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w.Code
}

// total is the value of a metric of the fixture's function, summed over the series that carry every given label.
func (f *fixture) total(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, family := range families {
		for _, m := range family.GetMetric() {
			has := 0
			for _, l := range m.GetLabel() {
				if slices.Contains(labels, l.GetValue()) {
					has++
				}
			}
			if family.GetName() == name && has == len(labels) {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func (f *fixture) count(t *testing.T, result string) float64 {
	t.Helper()
	return f.total(t, "pix_function_messages_total", result)
}

// TestEveryKind holds each error kind to its row of the disposition table, of a young and of an old message.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	const acked = http.StatusNoContent
	for _, c := range []struct {
		kind       pix.Kind
		young      int
		deadLetter bool
	}{
		{pix.Invalid, acked, true},
		{pix.UnknownSchema, acked, true},
		{pix.TooLarge, acked, true},
		{pix.Conflict, acked, true},
		{pix.Unavailable, http.StatusServiceUnavailable, false},
		{pix.Overloaded, http.StatusTooManyRequests, false},
		{pix.Timeout, http.StatusGatewayTimeout, false},
		{pix.Cancelled, http.StatusServiceUnavailable, false},
		{pix.Unexpected, http.StatusInternalServerError, false},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			t.Parallel()
			fail := func(context.Context, string) error {
				return fmt.Errorf("handle: %w", pix.E(c.kind, "op", errors.New("cause")))
			}
			f := newFixture(t, fail)
			if got := f.post(t, nil, pushBody(secret, 0)); got != c.young {
				t.Errorf("status %d, want %d", got, c.young)
			}
			if got := len(f.letters.list) == 1; got != c.deadLetter {
				t.Errorf("dead-lettered: %v, want %v", got, c.deadLetter)
			}
			if got := f.count(t, c.kind.String()); got != 1 {
				t.Errorf("counted %v, want 1", got)
			}
			last := newFixture(t, fail)
			if got := last.post(t, nil, pushBody(secret, tooOld)); got != acked || len(last.letters.list) != 1 {
				t.Errorf("too old: status %d with %d dead letters, want %d with 1", got, len(last.letters.list), acked)
			}
			for _, l := range append(f.letters.list, last.letters.list...) {
				if l.Reason != c.kind.String() || l.Source != "test" || string(l.Envelope.Data) != "tokenised" {
					t.Errorf("dead letter %+v", l)
				}
			}
		})
	}
}

func TestUndecodableMessageLosesItsPayload(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	if got := f.post(t, nil, pushBody("bad"+secret, 0)); got != http.StatusNoContent {
		t.Errorf("status %d", got)
	}
	if len(f.letters.list) != 1 || len(f.letters.list[0].Envelope.Data) != 0 {
		t.Errorf("dead letters %+v, want one without payload", f.letters.list)
	}
	if strings.Contains(fmt.Sprintf("%+v", f.letters.list), secret) {
		t.Error("the dead letter holds the payload")
	}
}

// A dead letter that was not acknowledged must not cost the message.
func TestDeadLetterFailureKeepsTheMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind pix.Kind
		age  time.Duration
	}{"permanent failure": {pix.Invalid, 0}, "too old": {pix.Unavailable, tooOld}} {
		f := newFixture(t, func(context.Context, string) error { return pix.E(c.kind, "op", errors.New("cause")) })
		f.letters.err = errors.New("away")
		if got := f.post(t, nil, pushBody("x", c.age)); got != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d, want 503", name, got)
		}
	}
}

func TestTimeoutBoundsTheHandler(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(ctx context.Context, _ string) error {
		<-ctx.Done()
		return pix.E(pix.Timeout, "op", ctx.Err())
	})
	if got := f.post(t, nil, pushBody("x", 0)); got != http.StatusGatewayTimeout {
		t.Errorf("status %d, want 504", got)
	}
}

func TestBothEnvelopes(t *testing.T) {
	t.Parallel()
	inner := pushBody("hello", 2*time.Second)
	const kind = "google.cloud.pubsub.topic.v1.messagePublished"
	structured, err := json.Marshal(map[string]any{"specversion": "1.0", "id": "1", "source": "//pubsub", "type": kind, "data": json.RawMessage(inner)})
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(map[string]any{"specversion": "1.0", "type": kind, "data_base64": base64.StdEncoding.EncodeToString([]byte(inner))})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		header map[string]string
		body   string
	}{
		"push":                     {map[string]string{"Content-Type": "application/json"}, inner},
		"push without a type":      {nil, inner},
		"cloudevent binary":        {map[string]string{"Content-Type": "application/json", "ce-id": "1", "ce-type": kind, "ce-specversion": "1.0"}, inner},
		"cloudevent structured":    {map[string]string{"Content-Type": "application/cloudevents+json; charset=utf-8"}, string(structured)},
		"cloudevent inside base64": {map[string]string{"Content-Type": "application/cloudevents+json"}, string(encoded)},
	} {
		var got string
		var trace string
		f := newFixture(t, func(ctx context.Context, s string) error { got, trace = s, obs.TraceID(ctx); return nil })
		if status := f.post(t, c.header, c.body); status != http.StatusNoContent || got != "hello" {
			t.Errorf("%s: status %d, message %q", name, status, got)
		}
		if trace != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%s: trace %q was not continued", name, trace)
		}
		if !strings.Contains(f.log.String(), payment) || !strings.Contains(f.log.String(), `"age_ms":2`) {
			t.Errorf("%s: log line %s", name, f.log.String())
		}
	}
}

// What is no Pub/Sub message would come back for ever: it is dead-lettered without its content and acknowledged.
func TestRefusedEnvelopes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header map[string]string
		body   string
		reason string
	}{
		"empty":               {nil, "", "invalid"},
		"no JSON":             {nil, secret, "invalid"},
		"no message":          {nil, `{"subscription":"s"}`, "invalid"},
		"trailing bytes":      {nil, pushBody("x", 0) + "x", "invalid"},
		"wrong types":         {nil, `{"message":{"data":7}}`, "invalid"},
		"not base64":          {nil, `{"message":{"data":"` + secret + `"}}`, "invalid"},
		"loose base64":        {nil, `{"message":{"data":"aGVsbG9="}}`, "invalid"},
		"line breaks":         {nil, `{"message":{"data":"aGVs\nbG8="}}`, "invalid"},
		"another event":       {map[string]string{"ce-type": "google.cloud.storage.object.v1.finalized"}, pushBody("x", 0), "unknown_schema"},
		"structured, no type": {map[string]string{"Content-Type": "application/cloudevents+json"}, `{"data":{}}`, "unknown_schema"},
		"too large":           {nil, `{"message":{"data":"` + strings.Repeat("A", push.MaxBodyBytes) + `"}}`, "too_large"},
	} {
		f := newFixture(t, ok)
		if got := f.post(t, c.header, c.body); got != http.StatusNoContent {
			t.Errorf("%s: status %d, want 204", name, got)
		}
		if len(f.letters.list) != 1 || f.letters.list[0].Reason != c.reason || f.letters.list[0].Envelope.Data != nil {
			t.Errorf("%s: dead letters %+v", name, f.letters.list)
		}
		if strings.Contains(fmt.Sprintf("%+v", f.letters.list), secret) {
			t.Errorf("%s: the dead letter quotes the body", name)
		}
	}
}

// The largest message that Pub/Sub takes fits.
func TestLargestMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	if got := f.post(t, nil, pushBody(strings.Repeat("x", bus.MaxMessageBytes), 0)); got != http.StatusNoContent || len(f.letters.list) != 0 {
		t.Errorf("status %d with %d dead letters", got, len(f.letters.list))
	}
}

// An attribute is the publisher's own: a raw value in it must not reach the log.
func TestAttributesAreNotLogged(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	f.post(t, nil, `{"message":{"data":"","attributes":{"end_to_end_id":"`+secret+`","cpf":"`+secret+`"}}}`)
}

func TestOnlyPost(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("status %d, want 405", w.Code)
	}
}

func TestFunctionsShareARegistry(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	_, err := push.New(push.Function[string]{
		Name: "other", Decode: func(event.Envelope, time.Time) (string, error) { return "", nil },
		Encode: func(string) (event.Envelope, error) { return event.Envelope{}, nil }, Handle: ok,
	}, push.Deps{DeadLetters: &f.letters, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler), Metrics: f.registry})
	if err != nil {
		t.Fatal(err)
	}
	f.post(t, nil, pushBody("x", 0))
	if n := f.count(t, "ok"); n != 1 {
		t.Errorf("counted %v, want 1", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("application/json", "", []byte(pushBody("hello", 0)))
	f.Add("application/cloudevents+json", "", []byte(`{"type":"google.cloud.pubsub.topic.v1.messagePublished","data":`+pushBody("x", 0)+`}`))
	f.Add("application/cloudevents+json", "", []byte(`{"type":"google.cloud.pubsub.topic.v1.messagePublished","data_base64":"e30="}`))
	f.Add("", "google.cloud.pubsub.topic.v1.messagePublished", []byte(`{"message":{"data":"AA==","attributes":{"a":"b"}}}`))
	f.Fuzz(func(t *testing.T, contentType, kind string, body []byte) {
		header := http.Header{"Content-Type": {contentType}, "Ce-Type": {kind}}
		m, err := push.Decode(header, body)
		if err != nil {
			if k := pix.KindOf(err); k != pix.Invalid && k != pix.UnknownSchema {
				t.Fatalf("kind %v", k)
			}
			if len(body) > 8 && strings.Contains(err.Error(), string(body)) {
				t.Fatal("the error quotes the body")
			}
			return
		}
		// What was accepted survives a round trip.
		again, err := json.Marshal(map[string]any{"message": map[string]any{"data": base64.StdEncoding.EncodeToString(m.Data), "attributes": m.Attributes, "messageId": m.ID, "publishTime": m.Published.Format(time.RFC3339Nano)}, "subscription": m.Subscription})
		if err != nil {
			t.Fatal(err)
		}
		same, err := push.Decode(http.Header{}, again)
		if err != nil {
			t.Fatalf("round trip: %v", err)
		}
		if diff := cmp.Diff(m, same); diff != "" {
			t.Fatal(diff)
		}
	})
}
