package stack_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
	"github.com/sentinela-pix/sentinela/shared/world"
)

var sampled = regexp.MustCompile(`(?m)^(pix_[a-z_]+)(?:\{.*\})? ([0-9.e+-]+)$`)

// signals are what the metrics page tells, the series of each name added up.
func signals(t *testing.T, s *stack.Stack) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	for _, found := range sampled.FindAllStringSubmatch(string(get(t, s.MetricsURL)), -1) {
		v, err := strconv.ParseFloat(found[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		sums[found[1]] += v
	}
	return sums
}

// TestTrafficMovesTheSignals: live payments from Kafka to their rows, and a label on each, move every signal of pipeline and model
// by as much as they must; only what needs an hour, a thousand vectors or a fault stands still.
func TestTrafficMovesTheSignals(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Options{Live: true, Policy: eagerPolicy(t)})
	const n = 40
	began := time.Now()
	kafka := newProducer(t, s)
	var sent []*pix.Transaction
	roles := 0
	for _, p := range simulate(t, world.Params{Seed: 11, Accounts: 300, Days: 2}, n) {
		p = dated(p, time.Now())
		kafka.send(t, p)
		tx := s.Tokenizer.Tokenize(p)
		sent, roles = append(sent, &tx), roles+len(tx.Direction.Roles())
	}
	hits := 0
	for _, d := range decisionsOf(t, s, sent) {
		hits += len(d.RuleHits)
	}
	for _, tx := range sent {
		e, err := event.EncodeLabel(&pix.Label{ID: tx.ID, EventTime: tx.EventTime, ArrivedAt: time.Now().UTC(), Fraud: true, Typology: pix.MuleAccount, Source: "DESK", Amount: tx.Amount})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Bus.Publish(t.Context(), stack.LabelsTopic, e); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "rows and labels", func() bool {
		got := signals(t, s)
		return got["pix_audit_row_age_seconds_count"] >= n && got["pix_labelled_decisions_total"] >= n && s.Outstanding() == 0
	})
	reconciled(t, s, began, n)
	if err := s.Export(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the tick", func() bool { return signals(t, s)["pix_reconciled_rows_end_timestamp_seconds"] > 0 })
	got := signals(t, s)
	for name, want := range map[string]float64{
		"pix_decision_age_seconds_count": n, "pix_score_log_odds_count": float64(roles), "pix_scores_missing_total": 0, "pix_rule_hits_total": float64(hits),
		"pix_model_info": 2, "pix_policy_info": 1, "pix_build_info": 1, "pix_label_marks_total": got["pix_labelled_decisions_total"],
		"pix_label_delay_seconds_count": got["pix_labelled_decisions_total"], "pix_reconciled_rows": 0, "pix_feature_psi": 0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	for name, least := range map[string]float64{
		"pix_decision_age_seconds_sum": 0.0001, "pix_audit_row_age_seconds_sum": got["pix_decision_age_seconds_sum"], "pix_labelled_score_log_odds_count": n,
		"pix_warehouse_appended_bytes_total": 2 * n * 300, "pix_bus_published_bytes_total": n * 500, "pix_bus_published_messages_total": n,
		"pix_feature_psi_vectors": 2, "pix_reconciled_decisions_end_timestamp_seconds": 1e9, "pix_rule_hits_total": 1,
	} {
		if got[name] < least {
			t.Errorf("%s is %v, want at least %v", name, got[name], least)
		}
	}
}

// reconciled asks BigQuery for the payments that were decided since, as an export does, though no hour has passed: each has a row.
func reconciled(t *testing.T, s *stack.Stack, since time.Time, want int64) {
	t.Helper()
	project, dataset, _ := strings.Cut(s.Reader.Dataset(), ".")
	extract, err := warehouse.OpenExtract(t.Context(), warehouse.Config{ProjectID: project, Dataset: dataset}, s.Cloud.BigQueryOptions(), s.Cloud.BigQueryStorageOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer extract.Close()
	for until, want := range map[time.Time]int64{since: 0, since.Add(time.Hour): want} {
		if got, err := extract.Decided(t.Context(), since.Add(-time.Hour), until); err != nil || got != want {
			t.Errorf("%d payments have a row, want %d: %v", got, want, err)
		}
	}
}
