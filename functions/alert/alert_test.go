package alert_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/functions/alert"
	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// fake is warehouse, bus and dead-letter topic in one; it notes what happened in order.
type fake struct {
	rows       []pix.Alert
	envelopes  []event.Envelope
	happened   []string
	appendErr  error
	publishErr error
}

func (f *fake) AppendAlert(_ context.Context, a *pix.Alert) error {
	f.happened = append(f.happened, "row")
	f.rows = append(f.rows, *a)
	return f.appendErr
}

func (f *fake) Publish(_ context.Context, topic string, e event.Envelope) error {
	f.happened = append(f.happened, "publish to "+topic)
	f.envelopes = append(f.envelopes, e)
	return f.publishErr
}

func (f *fake) DeadLetter(context.Context, string, bus.Letter) error {
	f.happened = append(f.happened, "dead letter")
	return nil
}

func at() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func decision(o pix.Outcome) *pix.Decision {
	token := func(kind, c string) pix.TokenPair {
		return pix.TokenPair{Current: pix.Token(kind + ".1." + strings.Repeat(c, 21) + "A")}
	}
	return &pix.Decision{
		Transaction: pix.Transaction{
			Facts: pix.Facts{
				ID: "E12345678202611201200abcdefghijk", EventTime: at(), Direction: pix.Internal, Amount: 125_000, Initiation: pix.ByKey,
				PayerFacts: pix.PartyFacts{ISPB: "12345678"}, PayeeFacts: pix.PartyFacts{ISPB: "A1B2C3D4"},
			},
			Payer: pix.Party{Account: token("acct", "a"), Owner: token("ownr", "b")}, Payee: pix.Party{Account: token("acct", "c"), Owner: token("ownr", "d")},
		},
		Outcome: o, HoldUntil: at().Add(time.Hour), DecidedAt: at(), FeatureSet: "f", PolicyVersion: "p",
		Reasons: []pix.Reason{{Code: "NIGHT", TextPT: "limite noturno", TextEN: "night limit"}},
		Scores:  []pix.Score{{Role: pix.PayerRole, Version: "1", Probability: 0.2}, {Role: pix.ReceiverRole, Version: "1", Probability: 0.9}},
	}
}

// deliver pushes a decision and returns the status.
func deliver(t *testing.T, f *fake, d *pix.Decision) int {
	t.Helper()
	h, err := alert.New(alert.Deps{Warehouse: f, Publisher: f, Topic: "alerts", Clock: func() time.Time { return at().Add(time.Second) },
		Push: push.Deps{Gate: pushtest.OpenGate{}, DeadLetters: f, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler)}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := event.EncodeDecision(d)
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`{"message":{"data":%q,"attributes":{"encoding":%q,"schema":%q},"messageId":"1"}}`,
		base64.StdEncoding.EncodeToString(e.Data), e.Attributes[event.AttrEncoding], e.Attributes[event.AttrSchema])
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)))
	return w.Code
}

func TestWhichDecisionsRaiseAnAlert(t *testing.T) {
	t.Parallel()
	for o, want := range map[pix.Outcome][]string{
		pix.Approve: nil,
		pix.Review:  {"row", "publish to alerts"},
		pix.Block:   {"row", "publish to alerts"},
		pix.Reject:  {"row", "publish to alerts"},
	} {
		f := &fake{}
		if got := deliver(t, f, decision(o)); got != http.StatusNoContent {
			t.Errorf("%s: status %d", o, got)
		}
		if diff := cmp.Diff(want, f.happened); diff != "" {
			t.Errorf("%s (-want +got):\n%s", o, diff)
		}
	}
}

func TestAlertSaysWhatTheDecisionSays(t *testing.T) {
	t.Parallel()
	f := &fake{}
	d := decision(pix.Block)
	deliver(t, f, d)
	tx := d.Transaction
	want := pix.Alert{
		ID: tx.ID, EventTime: at(), RaisedAt: at().Add(time.Second), Direction: pix.Internal, Outcome: pix.Block, Amount: 125_000,
		Payer: tx.Payer.Account.Current, Payee: tx.Payee.Account.Current, PayerISPB: "12345678", PayeeISPB: "A1B2C3D4",
		Score: 0.9, Reasons: d.Reasons, HoldUntil: at().Add(time.Hour),
	}
	published, err := event.DecodeAlert(f.envelopes[0], at())
	if err != nil {
		t.Fatal(err)
	}
	for where, got := range map[string]pix.Alert{"row": f.rows[0], "message": published} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", where, diff)
		}
	}
}

func TestScoreIsMissingWhenNothingScored(t *testing.T) {
	t.Parallel()
	d := decision(pix.Review)
	d.Scores = nil
	if got := alert.Of(d, at()).Score; !math.IsNaN(got) {
		t.Errorf("score %v, want NaN", got)
	}
	d.Scores = []pix.Score{{Probability: math.NaN()}, {Probability: 0.3}}
	if diff := cmp.Diff(0.3, alert.Of(d, at()).Score, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
}

// Neither half may be lost: the message comes back until both are done.
func TestHalfAnAlertIsRetried(t *testing.T) {
	t.Parallel()
	away := pix.E(pix.Unavailable, "op", errors.New("away"))
	for name, f := range map[string]*fake{"row refused": {appendErr: away}, "bus refused": {publishErr: away}} {
		if got := deliver(t, f, decision(pix.Review)); got != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d, want 503", name, got)
		}
		if slices.Contains(f.happened, "dead letter") {
			t.Errorf("%s: dead-lettered", name)
		}
	}
}
