package label_test

import (
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
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/functions/label"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// TestLabelsAgainstDecisions: a label is held against the decision that it is about, once it is written: outcome, scores and how
// long it took. One on a payment that was never decided here says nothing of our decisions.
func TestLabelsAgainstDecisions(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	f := &fake{}
	h, err := label.New(label.Deps{Warehouse: f, Marker: f, Push: push.Deps{
		Gate: pushtest.OpenGate{}, DeadLetters: f, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler), Clock: now, Metrics: registry,
	}})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(hours int) {
		e := encode(t, sample(hours))
		body := fmt.Sprintf(`{"message":{"data":%q,"attributes":{"encoding":%q,"schema":%q},"messageId":"1"}}`,
			base64.StdEncoding.EncodeToString(e.Data), e.Attributes[event.AttrEncoding], e.Attributes[event.AttrSchema])
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)))
	}
	at := time.Date(2026, 11, 20, 12, 0, 1, 0, time.UTC)
	stands := func(o pix.Outcome, p float64) pix.Decision {
		return pix.Decision{Outcome: o, DecidedAt: at, Scores: []pix.Score{{Role: pix.PayerRole, Probability: p}}}
	}
	f.stands = stands(pix.Block, 0.5)
	deliver(2)
	f.stands = stands(pix.Block, 0)
	deliver(1)
	f.stands = stands(pix.Approve, 0.5)
	deliver(3)
	f.err = errors.New("away")
	deliver(3) // comes back, and counts then
	f.err, f.unknown = nil, true
	deliver(2)

	want := map[string]float64{
		"pix_label_marks_total marked": 3, "pix_label_marks_total not_ours": 1,
		"pix_labelled_decisions_total fraud BLOCK": 1, "pix_labelled_decisions_total legitimate BLOCK": 1, "pix_labelled_decisions_total fraud APPROVE": 1,
		// told from the start
		"pix_labelled_decisions_total fraud REJECT": 0, "pix_labelled_decisions_total legitimate REJECT": 0,
		"pix_labelled_decisions_total fraud REVIEW": 0, "pix_labelled_decisions_total legitimate REVIEW": 0,
		"pix_labelled_decisions_total legitimate APPROVE": 0,
		"pix_labelled_score_log_odds fraud payer":         0, "pix_labelled_score_log_odds legitimate payer": -13.8,
		"pix_label_delay_seconds fraud": 2*3600 + 3*3600 - 2, "pix_label_delay_seconds legitimate": 3599,
	}
	if diff := cmp.Diff(want, sums(t, registry)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// sums are counts and the histograms' sums, to a tenth.
func sums(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			if strings.HasPrefix(name, "pix_label") {
				got[name] = math.Round(10*(m.GetCounter().GetValue()+m.GetHistogram().GetSampleSum())) / 10
			}
		}
	}
	return got
}
