package push_test

import (
	"bytes"
	"context"
	"encoding/base64"
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

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
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
		Gate:        pushtest.OpenGate{},
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
	if len(f.letters.list) != 1 || len(f.letters.list[0].Envelope.Data) != 0 || f.letters.list[0].Origin["dlq_message_id"] != "42" {
		t.Errorf("dead letters %+v, want one without payload, with Pub/Sub's id", f.letters.list)
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

// The largest message that Pub/Sub takes fits.
func TestLargestMessage(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	if got := f.post(t, nil, pushBody(strings.Repeat("x", bus.MaxMessageBytes), 0)); got != http.StatusNoContent || len(f.letters.list) != 0 {
		t.Errorf("status %d with %d dead letters", got, len(f.letters.list))
	}
}

func TestFunctionsShareARegistry(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	_, err := push.New(push.Function[string]{
		Name: "other", Decode: func(event.Envelope, time.Time) (string, error) { return "", nil },
		Encode: func(string) (event.Envelope, error) { return event.Envelope{}, nil }, Handle: ok,
	}, push.Deps{Gate: pushtest.OpenGate{}, DeadLetters: &f.letters, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler), Metrics: f.registry})
	if err != nil {
		t.Fatal(err)
	}
	f.post(t, nil, pushBody("x", 0))
	if n := f.count(t, "ok"); n != 1 {
		t.Errorf("counted %v, want 1", n)
	}
}
