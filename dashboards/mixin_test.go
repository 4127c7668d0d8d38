package dashboards_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
)

const root = ".."

func text(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// decode reads YAML into out and knows every field of it.
func decode(t *testing.T, name string, out any) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(text(t, name)))
	decoder.KnownFields(true)
	if err := decoder.Decode(out); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// alerts are the names of all alerts, those of objectives too, without those of silence, which have no page of their own.
func alerts(t *testing.T) []string {
	t.Helper()
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^- name: (\w+)$`).FindAllStringSubmatch(text(t, "dashboards/alerts.yaml"), -1) {
		names[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^ +- alert: (\w+)$`).FindAllStringSubmatch(text(t, "dashboards/prometheus/rules.yaml"), -1) {
		if !strings.HasSuffix(m[1], "Silent") || names[m[1]] {
			names[m[1]] = true
		}
	}
	var sorted []string
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}

// TestEveryFaultIsToldOrNot: each row of the fault table is told by alerts, or somebody wrote down why it needs none.
func TestEveryFaultIsToldOrNot(t *testing.T) {
	t.Parallel()
	var told []struct {
		Fault  string   `yaml:"fault"`
		Alerts []string `yaml:"alerts"`
		None   string   `yaml:"none"`
	}
	decode(t, "dashboards/faults.yaml", &told)
	_, table, _ := strings.Cut(text(t, "docs/architecture.md"), "## What can go wrong")
	table, _, _ = strings.Cut(table, "\n## ")
	var rows []string
	for line := range strings.Lines(table) {
		if cell, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok && strings.HasPrefix(line, "| ") && cell != "fault" {
			rows = append(rows, cell)
		}
	}
	known := alerts(t)
	var faults []string
	for _, f := range told {
		faults = append(faults, f.Fault)
		if (len(f.Alerts) == 0) == (f.None == "") {
			t.Errorf("%s: has alerts or a reason why none", f.Fault)
		}
		for _, name := range f.Alerts {
			if !slices.Contains(known, name) {
				t.Errorf("%s: there is no alert %s", f.Fault, name)
			}
		}
		if !slices.Contains(rows, f.Fault) {
			t.Errorf("the fault table has no row %q", f.Fault)
		}
	}
	for _, row := range rows {
		if !slices.Contains(faults, row) {
			t.Errorf("dashboards/faults.yaml does not say who tells of %q", row)
		}
	}
	if len(rows) < 70 {
		t.Errorf("%d rows", len(rows))
	}
}

// TestEveryAlertHasItsRunbook: a page of the same name, with all its parts, and a row in the list; and no page without an alert.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	t.Parallel()
	list := text(t, "docs/runbooks/README.md")
	pages, err := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := alerts(t)
	for _, page := range pages {
		if name := strings.TrimSuffix(filepath.Base(page), ".md"); name != "README" && !slices.Contains(known, name) {
			t.Errorf("docs/runbooks/%s.md: there is no such alert", name)
		}
	}
	for _, name := range known {
		page := text(t, "docs/runbooks/"+name+".md")
		if !regexp.MustCompile(`(?s)^# ` + name + `\n\n## Meaning\n\n\S.*## Impact\n\n\S.*## Look here\n\n\S.*` + "```sh\n" + `.*## Do this\n\n\S`).MatchString(page) {
			t.Errorf("docs/runbooks/%s.md: wants meaning, impact, look here with a command, do this", name)
		}
		if !strings.Contains(list, "| ["+name+"]("+name+".md) |") {
			t.Errorf("docs/runbooks/README.md has no row of %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^- name: (\w+)\n  severity: (\w+)\n  from: \w+\n  text: (.+)$`).FindAllStringSubmatch(text(t, "dashboards/alerts.yaml"), -1) {
		if row := "| [" + m[1] + "](" + m[1] + ".md) | " + m[2] + " | " + m[3] + " |"; !strings.Contains(list, row) {
			t.Errorf("docs/runbooks/README.md lacks %s", row)
		}
	}
}

// TestRunbooksNameWhatIsThere: at three in the morning nobody wants to find out that a metric, a place or an alert was renamed.
func TestRunbooksNameWhatIsThere(t *testing.T) {
	t.Parallel()
	exported, err := setting.Metrics(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	known := alerts(t)
	word := regexp.MustCompile(`\b(?:[A-Z][a-z]+){2,}\b`)
	for _, name := range known {
		page := text(t, "docs/runbooks/"+name+".md")
		for _, metric := range regexp.MustCompile(`\bpix_[a-z0-9_]+`).FindAllString(page, -1) {
			if !exported.MatchString(metric) {
				t.Errorf("%s: nothing exports %s", name, metric)
			}
		}
		for _, place := range regexp.MustCompile(`\b(?:docs|dashboards|terraform|shared)/[\w./-]+\w`).FindAllString(page, -1) {
			if _, err := os.Stat(filepath.Join(root, place)); err != nil {
				t.Errorf("%s: there is no %s", name, place)
			}
		}
		prose := regexp.MustCompile("(?s)```.*?```|`[^`]*`").ReplaceAllString(page, "")
		for _, other := range word.FindAllString(prose, -1) {
			if !slices.Contains(known, other) && !slices.Contains(words, other) {
				t.Errorf("%s: %s is no alert", name, other)
			}
		}
	}
}

// words are written like an alert's name and are none.
var words = []string{"BigQuery", "EndToEndId", "CreateTime", "LogAppendTime", "EndToEndIds"}
