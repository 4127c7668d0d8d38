package audit_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/audit"
	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// fake is warehouse and dead-letter topic in one.
type fake struct {
	rows    []pix.Decision
	letters []bus.Letter
	err     error
}

func (f *fake) AppendDecision(_ context.Context, d *pix.Decision) error {
	if f.err == nil {
		f.rows = append(f.rows, *d)
	}
	return f.err
}

func (f *fake) DeadLetter(_ context.Context, _ string, l bus.Letter) error {
	f.letters = append(f.letters, l)
	return nil
}

// now is after every time in the decisions.
func now() time.Time { return time.Date(2026, 11, 20, 13, 0, 0, 0, time.UTC) }

func decision(n int) *pix.Decision {
	at := time.Date(2026, 11, 20, 12, 0, n, 0, time.UTC)
	token := func(kind, c string) pix.TokenPair {
		return pix.TokenPair{Current: pix.Token(kind + ".1." + strings.Repeat(c, 21) + "A")}
	}
	return &pix.Decision{
		Transaction: pix.Transaction{
			Facts: pix.Facts{
				ID: pix.EndToEndID(fmt.Sprintf("E12345678202611201200%011d", n)), EventTime: at, Direction: pix.Outbound, Amount: 125_000,
				Initiation: pix.ByKey, PayerFacts: pix.PartyFacts{ISPB: "12345678"}, PayeeFacts: pix.PartyFacts{ISPB: "A1B2C3D4"},
			},
			Payer: pix.Party{Account: token("acct", "a"), Owner: token("ownr", "b")}, Payee: pix.Party{Account: token("acct", "c"), Owner: token("ownr", "d")},
		},
		Outcome: pix.Approve, DecidedAt: at, FeatureSet: "f", PolicyVersion: "p", Vector: []float64{1, math.NaN(), 0},
		Scores: []pix.Score{{Role: pix.PayerRole, Version: "1", Probability: 0.2}},
	}
}

func deliver(t *testing.T, f *fake, e event.Envelope) int {
	t.Helper()
	h, err := audit.New(audit.Deps{Warehouse: f, Push: push.Deps{Gate: pushtest.OpenGate{}, DeadLetters: f, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler), Clock: now}})
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"message":{"data":%q,"attributes":{"encoding":%q,"schema":%q},"messageId":"1"}}`,
		base64.StdEncoding.EncodeToString(e.Data), e.Attributes[event.AttrEncoding], e.Attributes[event.AttrSchema])
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)))
	return w.Code
}

func encode(t *testing.T, d *pix.Decision) event.Envelope {
	t.Helper()
	e, err := event.EncodeDecision(d)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Decisions in any order and more than once give a row each time: the view shows one.
func TestEveryDecisionBecomesARow(t *testing.T) {
	t.Parallel()
	f := &fake{}
	for _, n := range []int{3, 1, 3, 2} {
		if got := deliver(t, f, encode(t, decision(n))); got != http.StatusNoContent {
			t.Fatalf("decision %d: status %d", n, got)
		}
	}
	want := []pix.Decision{*decision(3), *decision(1), *decision(3), *decision(2)}
	if diff := cmp.Diff(want, f.rows, cmpopts.EquateNaNs(), cmpopts.EquateEmpty(), cmp.AllowUnexported(pix.Optional[time.Time]{}, pix.Optional[bool]{}, pix.Optional[int64]{}, pix.Optional[pix.Money]{}, pix.Optional[time.Duration]{})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestRowAge: how long it took from a payment's arrival to its row, of live payments that a server stamped, once the row is
// acknowledged.
func TestRowAge(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	f := &fake{}
	h, err := audit.New(audit.Deps{Warehouse: f, Push: push.Deps{Gate: pushtest.OpenGate{}, DeadLetters: f, DeadLetterTopic: "dlq",
		Logger: slog.New(slog.DiscardHandler), Clock: now, Metrics: registry}})
	if err != nil {
		t.Fatal(err)
	}
	push := func(d *pix.Decision) {
		e := encode(t, d)
		body := fmt.Sprintf(`{"message":{"data":%q,"attributes":{"encoding":%q,"schema":%q},"messageId":"1"}}`,
			base64.StdEncoding.EncodeToString(e.Data), e.Attributes[event.AttrEncoding], e.Attributes[event.AttrSchema])
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)))
	}
	live := decision(1)
	live.Transaction.ReceivedAt = now().Add(-250 * time.Millisecond)
	replay := decision(2)
	replay.Transaction.ReceivedAt = now().Add(-time.Hour)
	replay.RuleHits = []pix.RuleHit{{ID: pix.HitReplay, Outcome: pix.Approve}}
	push(live)
	push(replay)
	push(decision(3)) // nobody says when it came
	f.err = pix.E(pix.Unavailable, "append", errors.New("away"))
	push(live)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if h := family.GetMetric()[0].GetHistogram(); family.GetName() == "pix_audit_row_age_seconds" {
			if h.GetSampleCount() != 1 || math.Abs(h.GetSampleSum()-0.25) > 1e-9 {
				t.Errorf("%d rows aged %v s together, want one of 0.25 s", h.GetSampleCount(), h.GetSampleSum())
			}
			return
		}
	}
	t.Error("nothing is told")
}

func TestRefusedRowsComeBack(t *testing.T) {
	t.Parallel()
	f := &fake{err: pix.E(pix.Unavailable, "append", errors.New("away"))}
	if got := deliver(t, f, encode(t, decision(1))); got != http.StatusServiceUnavailable || len(f.letters) != 0 {
		t.Errorf("status %d with %d dead letters, want 503 with none", got, len(f.letters))
	}
}

// A decision that carries anything but tokens is no decision: it never becomes a row.
func TestWhatIsNoDecisionIsDeadLettered(t *testing.T) {
	t.Parallel()
	raw := decision(1)
	raw.Transaction.Payer.Owner.Current = "52998224725"
	envelopes := map[string]event.Envelope{
		"bytes":   {Data: []byte("no decision"), Attributes: map[string]string{event.AttrEncoding: event.EncodingProto}},
		"payment": {Data: []byte("{}"), Attributes: map[string]string{event.AttrSchema: event.SchemaTransaction}},
	}
	if e, err := event.EncodeDecision(raw); err == nil {
		envelopes["raw value"] = e
	}
	for name, e := range envelopes {
		f := &fake{}
		if got := deliver(t, f, e); got != http.StatusNoContent || len(f.rows) != 0 || len(f.letters) != 1 || f.letters[0].Envelope.Data != nil {
			t.Errorf("%s: status %d, %d rows, dead letters %+v", name, got, len(f.rows), f.letters)
		}
	}
}
