package dashboards_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
)

// unused are metrics that no rule and no dashboard asks, and why.
func unused() map[string]string {
	return map[string]string{
		"pix_metric_pushes_total": "pushes that fail arrive nowhere: the alerts of what is missing fire",
	}
}

// expected are the metrics and labels of rules and dashboards.
func expected(t *testing.T) map[string][]string {
	t.Helper()
	var names map[string][]string
	if err := json.Unmarshal([]byte(text(t, "dashboards/names.json")), &names); err != nil {
		t.Fatal(err)
	}
	return names
}

// TestExpressionsAskWhatTheCodeHas: every metric that rules and dashboards ask is made by the code with those labels, and every
// metric that is made is asked, or somebody wrote down why not.
func TestExpressionsAskWhatTheCodeHas(t *testing.T) {
	t.Parallel()
	made, err := setting.Exported(root)
	if err != nil {
		t.Fatal(err)
	}
	asked := expected(t)
	labels := map[string][]string{}
	for _, m := range made {
		labels[m.Name] = m.Labels
		_, used := asked[m.Name]
		if _, why := unused()[m.Name]; used == why {
			t.Errorf("%s: used %t, said to be unused %t", m.Name, used, why)
		}
	}
	for name, wanted := range asked {
		has, there := labels[name]
		if !there {
			t.Errorf("nothing exports %s", name)
		}
		for _, label := range wanted {
			if there && !slices.Contains(has, label) {
				t.Errorf("%s has no label %s", name, label)
			}
		}
	}
	if len(asked) < 80 {
		t.Errorf("%d metrics", len(asked))
	}
}

// TestNoBoundIsNamedAsAWholeNumber: a scrape in OpenMetrics, and every newer Prometheus, writes le="10" as le="10.0". Who asks for
// the one finds nothing where the other is, and what it is taken from is nothing too.
func TestNoBoundIsNamedAsAWholeNumber(t *testing.T) {
	t.Parallel()
	whole := regexp.MustCompile(`\b(le|quantile)=\\?"[0-9]+\\?"`)
	var read int
	for _, pattern := range []string{"prometheus/*.yaml", "grafana/*.json", "slos/*.yaml", "alerts.yaml", "../terraform/modules/monitoring/alerts.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || files == nil {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			read++
			for _, found := range whole.FindAllString(string(data), -1) {
				t.Errorf(`%s asks for %s: ask for =~"N([.]0)?"`, file, found)
			}
		}
	}
	if read < 10 {
		t.Errorf("%d files", read)
	}
}
