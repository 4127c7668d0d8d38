package stack_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestRulesAskWhatARunningSystemExports scrapes a system that has done everything once: what rules and dashboards ask is there,
// with those labels, or its event did not happen here, which is written down.
func TestRulesAskWhatARunningSystemExports(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Options{Policy: eagerPolicy(t), ExportMargin: time.Microsecond})
	reference, err := enginetest.NewReference(s.Models(), s.Policy())
	if err != nil {
		t.Fatal(err)
	}
	producer, became := newProducer(t, s), newAftermath(t, s, reference)
	var sent []*pix.Transaction
	for _, sub := range simulate(t, world.Params{Seed: 11, Accounts: 300, Days: 3, FraudBoost: 400}, 60) {
		tx := s.Tokenizer.Tokenize(sub)
		reference.Decide(&tx)
		producer.send(t, sub)
		sent = append(sent, &tx)
	}
	producer.raw(t, &kgo.Record{Value: []byte("no payment")})
	became.follow(decisionsOf(t, s, sent))
	became.unknown()
	await(t, "rows", func() bool {
		return len(column(t, s, "decisions_latest", "end_to_end_id")) == len(sent) && s.Outstanding() == 0
	})
	var expected map[string][]string
	data, err := os.ReadFile("../../../../dashboards/names.json")
	if err == nil {
		err = json.Unmarshal(data, &expected)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Export(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "the export", func() bool { return scrape(t, s)["pix_export_rows_total"] != nil })
	exported := scrape(t, s)
	for name, labels := range expected {
		has, there := exported[name]
		if !there && quiet()[name] == "" {
			t.Errorf("nothing exports %s", name)
		}
		for _, label := range labels {
			if there && !slices.Contains(has, label) {
				t.Errorf("%s has labels %v, and is asked for %s", name, has, label)
			}
		}
	}
	for name := range exported {
		if _, asked := expected[name]; !asked {
			t.Errorf("nobody asks %s", name)
		}
	}
}

// quiet are the metrics that appear with what does not happen in the test, and what that is. The sources have them all:
// TestExpressionsAskWhatTheCodeHas of dashboards.
func quiet() map[string]string {
	const hot, fault, odd, shadow = "a hot stream", "a dependency that fails", "a message that is no push or says what nobody knows", "a challenger"
	return map[string]string{
		"pix_store_late_cells_total": hot, "pix_store_sealed_tiles_total": hot, "pix_store_second_reads_total": hot,
		"pix_decisions_without_features_total": fault, "pix_export_failures_total": fault,
		"pix_unknown_values_total": odd, "pix_bridge_unknown_values_total": odd, "pix_function_messages_without_age_total": odd,
		"pix_push_unreadable_total": odd, "pix_bridge_unreadable_batches_total": odd, "pix_function_dead_letters_total": odd,
		"pix_shadow_scores_total": shadow, "pix_shadow_divergence_log_odds": shadow,
		"pix_requests_refused_total": "callers that are verified", "pix_identity_keys_age_seconds": "callers that are verified",
		"pix_feature_psi":            "a thousand vectors",
		"pix_trace_spans_lost_total": "tracing of the process's own; the stack gives it one",
	}
}

// scrape are the labels of our metrics, by their registered name.
func scrape(t *testing.T, s *stack.Stack) map[string][]string {
	t.Helper()
	answer, err := http.Get(s.MetricsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for line := range strings.Lines(string(body)) {
		m := regexp.MustCompile(`^(pix_[a-z0-9_]+)(?:\{(.*)\})? `).FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := regexp.MustCompile(`_(?:bucket|count|sum)$`).ReplaceAllString(m[1], "")
		for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			found[name] = append(found[name], l[1])
		}
		slices.Sort(found[name])
		found[name] = slices.Compact(found[name])
	}
	return found
}
