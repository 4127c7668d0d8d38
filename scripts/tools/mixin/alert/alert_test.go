package alert_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/alert"
	"github.com/sentinela-pix/sentinela/scripts/tools/mixin/tick"
)

const dashboards = "../../../../dashboards"

// one is what a case of alerts.test.yaml says.
type one struct {
	Alert  string        `yaml:"alert"`
	Series []string      `yaml:"series"`
	Fires  time.Duration `yaml:"fires"`
	Ends   time.Duration `yaml:"ends"`
}

func alerts(t *testing.T) []alert.Alert {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(dashboards, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := alert.Read(source)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func cases(t *testing.T) map[string]one {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(dashboards, "alerts.test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	decoder.KnownFields(true)
	var all []one
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	byName := map[string]one{}
	for _, c := range all {
		byName[c.Alert] = c
	}
	return byName
}

// spans are when an alert of a group fires, each from its first tick to the first after it.
func spans(t *testing.T, rules alert.Group, name string, series []string, until time.Duration) []time.Duration {
	t.Helper()
	storage, err := tick.NewStorage(alert.Interval, series...)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tick.New(storage, alert.Interval, rules)
	if err != nil {
		t.Fatal(err)
	}
	var changes []time.Duration
	for e.At() < until {
		firing, err := e.Tick(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		now := false
		for _, l := range firing {
			now = now || l.Get("alertname") == name
		}
		if now != (len(changes)%2 == 1) {
			changes = append(changes, e.At())
		}
	}
	return changes
}

// one group of rules, Google's alerts too.
func group(t *testing.T, a alert.Alert) alert.Group {
	t.Helper()
	a.From = alert.Cluster
	failing, silent := alert.Groups([]alert.Alert{a})
	failing.Rules = append(failing.Rules, silent.Rules...)
	return failing
}

// TestEachAlert: none fires one tick before its time, each does then, is kept for its time where it flaps, and says so when
// what would tell is missing, and only then.
func TestEachAlert(t *testing.T) {
	t.Parallel()
	tests := cases(t)
	for _, a := range alerts(t) {
		t.Run(a.Name, func(t *testing.T) {
			t.Parallel()
			c, ok := tests[a.Name]
			if !ok {
				t.Fatal("no case in alerts.test.yaml")
			}
			if (c.Ends == 0) != (a.KeepFiringFor == 0) {
				t.Error("a case says when it ends where the alert is kept firing, and only there")
			}
			want := []time.Duration{c.Fires}
			until := c.Fires + alert.Interval
			if c.Ends > 0 {
				want, until = append(want, c.Ends), c.Ends+alert.Interval
			}
			rules := group(t, a)
			if diff := cmp.Diff(want, spans(t, rules, a.Name, c.Series, until)); diff != "" {
				t.Errorf("fires and ends at (-want +got)\n%s", diff)
			}
			hasty := a
			hasty.MissingFor = 0
			if got := spans(t, group(t, hasty), a.Silent(), c.Series, until); len(got) > 0 && a.Failing != "" {
				t.Errorf("says at %v that its metric is missing, which is there", got)
			}
			silence := spans(t, rules, a.Silent(), nil, a.MissingFor+alert.Interval)
			if diff := cmp.Diff([]time.Duration{a.MissingFor}, silence); diff != "" {
				t.Errorf("says that its metric is missing at (-want +got)\n%s", diff)
			}
		})
	}
}

// TestAQuietNight: at a payment in ten seconds one of each misfortune is much of five minutes, and nothing that anybody is told.
func TestAQuietNight(t *testing.T) {
	t.Parallel()
	const payments, once = " 0+3x240", " 0x100 1x140"
	series := []string{
		`pix_decisions_total{outcome="APPROVE",repeated="false"}` + payments, `pix_decision_seconds_count` + payments,
		`pix_decision_seconds_bucket{le="+Inf"}` + payments, `pix_decision_seconds_bucket{le="0.3"} 0+3x100 302+3x140`,
		`pix_bridge_records_total{result="published"}` + payments, `pix_function_messages_total{function="score",result="ok"}` + payments,
	}
	for _, misfortune := range []string{
		`pix_provisional_answers_total{reason="store"}`, `pix_answers_total{operation="decide",result="internal"}`, `pix_decisions_without_features_total`, `pix_decisions_degraded_total{part="overload"}`,
		`pix_decisions_degraded_total{part="shadow"}`, `pix_payments_late_total{result="ahead"}`, `pix_payments_late_total{result="late"}`,
		`pix_requests_refused_total{reason="audience"}`, `pix_bridge_records_total{result="invalid"}`, `pix_connections_replaced_total{client="pubsub"}`,
		`pix_function_dead_letters_total{function="score",result="ok"}`, `pix_scores_missing_total{role="payer",reason="model"}`,
		`pix_export_failures_total{table="decisions"}`, `pix_warehouse_rows_total{table="decisions",result="unavailable"}`,
	} {
		series = append(series, misfortune+once)
	}
	for _, a := range alerts(t) {
		if told := spans(t, group(t, a), a.Name, series, 2*time.Hour); len(told) > 0 && a.Failing != "" {
			t.Errorf("%s fires at %v", a.Name, told)
		}
	}
}

// TestWhatIsNoFault: what looks like one and is none wakes nobody.
func TestWhatIsNoFault(t *testing.T) {
	t.Parallel()
	const waits = `pubsub_googleapis_com:subscription_oldest_unacked_message_age{monitored_resource="pubsub_subscription",subscription_id="score"} 86400x240`
	const alone = `pubsub_googleapis_com:subscription_num_undelivered_messages{monitored_resource="pubsub_subscription",subscription_id="score"} 20x240`
	for name, c := range map[string]struct {
		alert  string
		series []string
	}{
		"a status whose payment never came": {"PaymentsLate", []string{waits, alone}},
		"another process sweeps": {"SweepsFailing", []string{
			`pix_sweeps_total{result="finished"} 0x240`, `pix_sweeps_total{result="elsewhere"} 0+1x240`,
		}},
		"more memory than the default": {"MemoryFull", []string{`pix_request_held_bytes 180000000x240`, `pix_request_limit_bytes 402653184x240`}},
		"five seconds without histories": {"DecisionsBlind", []string{
			`pix_decisions_total{outcome="APPROVE"} 0+30000x240`, `pix_decisions_without_features_total 0x100 5000x140`,
		}},
		"five seconds of slow decisions": {"DecisionsSlow", []string{
			`pix_decision_seconds_bucket{le="0.3"} 0+30000x100 3025000+30000x140`, `pix_decision_seconds_bucket{le="0.5"} 0+30000x240`,
			`pix_decision_seconds_bucket{le="+Inf"} 0+30000x240`, `pix_decision_seconds_count 0+30000x240`,
		}},
		"an exporter that idles beside one that works": {"ExportBehind", []string{
			`pix_export_end_timestamp_seconds{table="decisions",instance="idle"} 0x800`, `pix_export_end_timestamp_seconds{table="decisions",instance="a"} 0+30x800`,
		}},
		"rows of another hour": {"RowsMissing", []string{
			`pix_reconciled_decisions{instance="a"} 60x240`, `pix_reconciled_decisions_end_timestamp_seconds{instance="a"} 7200x240`,
			`pix_reconciled_rows{instance="b"} 10x240`, `pix_reconciled_rows_end_timestamp_seconds{instance="b"} 3600x240`,
		}},
		"one pod that began at night": {"FeaturesDrift", []string{
			`pix_feature_psi{role="payer",family="velocity",instance="a"} 0.4x2000`, `pix_feature_psi{role="payer",family="velocity",instance="b"} 0.05x2000`,
		}},
		"a champion without a reference": {"FeaturesDriftSilent", []string{`pix_model_current{role="payer",use="champion"} 1x2000`}},
	} {
		for _, a := range alerts(t) {
			if a.Name != c.alert && a.Silent() != c.alert {
				continue
			}
			until := 100 * time.Minute
			if strings.HasPrefix(c.alert, "FeaturesDrift") {
				until = 14 * time.Hour
			} else if c.alert == "ExportBehind" {
				until = 5 * time.Hour
			}
			if told := spans(t, group(t, a), c.alert, c.series, until); len(told) > 0 {
				t.Errorf("%s: %s fires at %v", name, c.alert, told)
			}
		}
	}
}

// TestALostScrapePagesOnce: nothing that was scraped is there, and of all alerts two wake somebody.
func TestALostScrapePagesOnce(t *testing.T) {
	t.Parallel()
	_, silent := alert.Groups(alerts(t))
	var pages []string
	for _, r := range silent.Rules {
		if r.Labels["severity"] == string(alert.Page) {
			pages = append(pages, r.Alert)
		}
	}
	if diff := cmp.Diff([]string{"ScorerSilent", "BridgeSilent"}, pages); diff != "" {
		t.Errorf("pages of a lost scrape (-want +got)\n%s", diff)
	}
}

// TestNoCaseIsLeft: a case of an alert that is gone tests nothing.
func TestNoCaseIsLeft(t *testing.T) {
	t.Parallel()
	tests := cases(t)
	for _, a := range alerts(t) {
		delete(tests, a.Name)
	}
	for name := range tests {
		t.Errorf("%s: there is no such alert", name)
	}
}

// TestReadIsStrict: what is misspelt is not believed to hold.
func TestReadIsStrict(t *testing.T) {
	t.Parallel()
	good := "- {name: StoreAway, severity: page, from: cluster, text: It is away., failing: up == 0, for: 1m, missing: absent(up), missing_for: 10m}\n"
	if _, err := alert.Read([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"unknown field":    strings.Replace(good, "for: 1m", "fro: 1m", 1),
		"twice":            good + good,
		"name":             strings.Replace(good, "StoreAway", "store-away", 1),
		"severity":         strings.Replace(good, "page", "critical", 1),
		"from":             strings.Replace(good, "cluster", "everywhere", 1),
		"no sentence":      strings.Replace(good, "It is away.", "away", 1),
		"nothing missing":  strings.Replace(good, "absent(up)", `""`, 1),
		"missing too soon": strings.Replace(good, "10m", "30s", 1),
	} {
		if _, err := alert.Read([]byte(bad)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
