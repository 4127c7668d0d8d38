//go:build !race

package warehouse_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/dashboards"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// challenged is one decision with its champions' and challengers' probabilities.
type challenged struct {
	role                 pix.Role
	champion, challenger float64
	outcome, shadow      pix.Outcome
	day                  int
	fraud                bool
}

// TestModelDivergence: the view and the investigation count what is known of every payment, once, whatever was written
// twice.
func TestModelDivergence(t *testing.T) {
	t.Parallel()
	cloud, cfg, _ := startEmulator(t)
	w, err := warehouse.Open(t.Context(), cfg, cloud.BigQueryStorageOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	rows := []challenged{
		{pix.PayerRole, 0.10, 0.20, pix.Approve, pix.Approve, 0, false},
		{pix.PayerRole, 0.40, 0.10, pix.Review, pix.Approve, 0, false},
		{pix.PayerRole, 0.10, 0.70, pix.Approve, pix.Reject, 0, true},
		{pix.PayerRole, 0.50, 0.50, pix.Review, pix.Review, 0, true},
		{pix.ReceiverRole, 0.25, 0.75, pix.Approve, pix.Block, 0, false},
		{pix.PayerRole, 0.30, 0.40, pix.Approve, pix.Approve, 1, false},
	}
	day := time.Date(2026, 11, 20, 23, 59, 59, 0, time.UTC)
	for i, c := range rows {
		d := decisionOf(i, day.AddDate(0, 0, c.day), c)
		label := pix.Label{ID: d.ID(), EventTime: d.Transaction.EventTime, ArrivedAt: day.AddDate(0, 0, 9), Fraud: c.fraud, Source: "MED"}
		for range 1 + i%2 { // at least once
			if err := w.AppendDecision(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			if err := w.AppendLabel(t.Context(), &label); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	reader, err := warehouse.OpenReader(t.Context(), cfg, cloud.BigQueryOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	view := "SELECT FORMAT_TIMESTAMP('%F', day), role, champion, challenger, policy_version, payments, ROUND(mean_absolute_difference, 6)," +
		" ROUND(max_absolute_difference, 6), share_other_outcome, more_stops, fewer_stops FROM `" + reader.Dataset() + ".model_divergence`" +
		" WHERE day BETWEEN TIMESTAMP '2026-11-20 00:00:00+00' AND TIMESTAMP '2026-11-22 00:00:00+00' ORDER BY 1, 2"
	check(t, reader, view, nil, [][]string{
		{"2026-11-20", "payer", "1", "2", "p1", "4", "0.25", "0.6", "0.5", "1", "1"},
		{"2026-11-20", "receiver", "1", "2", "p1", "1", "0.5", "0.5", "1", "1", "0"},
		{"2026-11-21", "payer", "1", "2", "p1", "1", "0.1", "0.1", "0", "0", "0"},
	})
	sql, err := dashboards.Investigation("challenger_against_champion")
	if err != nil {
		t.Fatal(err)
	}
	check(t, reader, sql, map[string]any{"since": day.AddDate(0, 0, -1), "until": day.AddDate(0, 0, 2)}, [][]string{
		{"payer", "1", "2", "5", "0.22", "0.4", "2", "2", "1", "2"},
		{"receiver", "1", "2", "1", "0.5", "1", "0", "1", "0", "0"},
	})
}

func check(t *testing.T, reader *warehouse.Reader, sql string, params map[string]any, want [][]string) {
	t.Helper()
	answer, err := reader.Query(t.Context(), sql, params)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, answer.Rows, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%v (-want +got):\n%s", answer.Columns, diff)
	}
}

func decisionOf(i int, at time.Time, c challenged) *pix.Decision {
	score := func(version string, p float64) pix.Score {
		return pix.Score{Role: c.role, Version: version, Raw: math.Log(p / (1 - p)), Probability: p}
	}
	shadow := score("2", c.challenger)
	shadow.Outcome = c.shadow
	return &pix.Decision{
		Transaction: pix.Transaction{Facts: pix.Facts{ID: pix.EndToEndID(fmt.Sprintf("E12345678202611202359%011d", i)), EventTime: at}},
		Outcome:     c.outcome, Scores: []pix.Score{score("1", c.champion)}, Shadow: []pix.Score{shadow},
		PolicyVersion: "p1", DecidedAt: at.Add(time.Second),
	}
}
