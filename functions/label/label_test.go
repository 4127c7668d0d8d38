package label_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/functions/label"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// fake is warehouse, marker and dead-letter topic in one.
type fake struct {
	rows    []pix.Label
	marked  []pix.Label
	letters []bus.Letter
	err     error // of the warehouse
	markErr error
	unknown bool // the payment was never decided here
	stands  pix.Decision
}

func (f *fake) Fraud(_ context.Context, l *pix.Label) (*pix.Decision, error) {
	if f.markErr != nil || f.unknown {
		return nil, f.markErr
	}
	f.marked = append(f.marked, *l)
	return &f.stands, nil
}

func (f *fake) AppendLabel(_ context.Context, l *pix.Label) error {
	if f.err == nil {
		f.rows = append(f.rows, *l)
	}
	return f.err
}

func (f *fake) DeadLetter(_ context.Context, _ string, l bus.Letter) error {
	f.letters = append(f.letters, l)
	return nil
}

// now is after every time in the samples.
func now() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

func sample(hours int) pix.Label {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	return pix.Label{
		ID: "E12345678202611201200abcdefghijk", EventTime: at, ArrivedAt: at.Add(time.Duration(hours) * time.Hour), Fraud: hours > 1,
		Typology: map[bool]pix.Typology{true: pix.MuleAccount}[hours > 1], Source: "MED", Amount: 100,
		PayerToken: pix.Token("acct.1." + strings.Repeat("a", 21) + "A"), PayeeToken: pix.Token("acct.1." + strings.Repeat("c", 21) + "A"),
	}
}

func deliver(t *testing.T, f *fake, e event.Envelope) int {
	t.Helper()
	h, err := label.New(label.Deps{Warehouse: f, Marker: f, Push: push.Deps{
		Gate:        pushtest.OpenGate{},
		DeadLetters: f, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler), Clock: now,
	}})
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"message":{"data":%q,"attributes":{"encoding":%q,"schema":%q},"messageId":"1"}}`,
		base64.StdEncoding.EncodeToString(e.Data), e.Attributes[event.AttrEncoding], e.Attributes[event.AttrSchema])
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)))
	return w.Code
}

func encode(t *testing.T, l pix.Label) event.Envelope {
	t.Helper()
	e, err := event.EncodeLabel(&l)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Labels in any order and more than once give a row each time: the view shows the newest.
func TestEveryLabelBecomesARow(t *testing.T) {
	t.Parallel()
	f := &fake{}
	want := []pix.Label{sample(2), sample(1), sample(2)}
	for _, l := range want {
		if got := deliver(t, f, encode(t, l)); got != http.StatusNoContent {
			t.Fatalf("status %d", got)
		}
	}
	if diff := cmp.Diff(want, f.rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, f.marked); diff != "" {
		t.Errorf("marked (-want +got):\n%s", diff)
	}
}

// TestLabelsOnUnknownPayments: nobody is marked, and the row is written all the same.
func TestLabelsOnUnknownPayments(t *testing.T) {
	t.Parallel()
	f := &fake{unknown: true}
	if got := deliver(t, f, encode(t, sample(1))); got != http.StatusNoContent || len(f.rows) != 1 || len(f.marked) != 0 || len(f.letters) != 0 {
		t.Errorf("status %d, %d rows, %d marked, %d dead letters", got, len(f.rows), len(f.marked), len(f.letters))
	}
}

// TestAStoreThatIsAwayBringsTheLabelBack: without its mark a label is not done.
func TestAStoreThatIsAwayBringsTheLabelBack(t *testing.T) {
	t.Parallel()
	f := &fake{markErr: pix.E(pix.Unavailable, "mark", errors.New("away"))}
	if got := deliver(t, f, encode(t, sample(1))); got != http.StatusServiceUnavailable || len(f.rows) != 0 || len(f.letters) != 0 {
		t.Errorf("status %d, %d rows, %d dead letters", got, len(f.rows), len(f.letters))
	}
}

func TestRefusedRowsComeBack(t *testing.T) {
	t.Parallel()
	f := &fake{err: pix.E(pix.Timeout, "append", errors.New("away"))}
	if got := deliver(t, f, encode(t, sample(1))); got != http.StatusGatewayTimeout || len(f.letters) != 0 {
		t.Errorf("status %d with %d dead letters, want 504 with none", got, len(f.letters))
	}
}

// TestALabelOfTheFutureIsDeadLettered: of a payment's labels the newest arrival wins, so this one would win for ever. Neither
// a row nor a mark is made of it.
func TestALabelOfTheFutureIsDeadLettered(t *testing.T) {
	t.Parallel()
	for name, arrived := range map[string]time.Time{
		"2062": time.Date(2062, 1, 1, 0, 0, 0, 0, time.UTC), "in six minutes": now().Add(6 * time.Minute),
	} {
		f, l := &fake{}, sample(1)
		l.ArrivedAt = arrived
		if got := deliver(t, f, encode(t, l)); got != http.StatusNoContent || len(f.rows)+len(f.marked) != 0 || len(f.letters) != 1 {
			t.Fatalf("%s: status %d, %d rows, %d marked, %d dead letters", name, got, len(f.rows), len(f.marked), len(f.letters))
		}
		if letter := f.letters[0]; letter.Reason != "invalid" || !strings.Contains(letter.Detail, "arrivedAt: more than 5 minutes in the future") {
			t.Errorf("%s: dead letter says %s: %s", name, letter.Reason, letter.Detail)
		}
	}
}

func TestWhatIsNoLabelIsDeadLettered(t *testing.T) {
	t.Parallel()
	f := &fake{}
	if got := deliver(t, f, event.Envelope{Data: []byte(`{"endToEndId":"52998224725"}`)}); got != http.StatusNoContent || len(f.rows) != 0 || len(f.letters) != 1 || f.letters[0].Envelope.Data != nil {
		t.Errorf("status %d, %d rows, dead letters %+v", got, len(f.rows), f.letters)
	}
}
