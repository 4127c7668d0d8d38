package scripts_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
)

// TestMetricsPage keeps docs/metrics.md what the sources say. Run with -update to write it.
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	const file = root + "/docs/metrics.md"
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := bytes.Cut(want, []byte(tableBegins))
	_, after, ends := bytes.Cut(rest, []byte(tableEnds))
	if !found || !ends {
		t.Fatalf("%s has no table of metrics", file)
	}
	got := slices.Concat(before, []byte(tableBegins), metricsTable(t), []byte(tableEnds), after)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is out of date; run go test ./scripts -run MetricsPage -update (-page +sources):\n%s", file, diff)
	}
}

const (
	tableBegins = "<!-- metrics: written by the test -->\n"
	tableEnds   = "<!-- end of metrics -->\n"
)

func metricsTable(t *testing.T) []byte {
	t.Helper()
	list, err := setting.Exported(root)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.WriteString("| metric | type | labels | exported by | meaning |\n|---|---|---|---|---|\n")
	for _, m := range list {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Kind, strings.Join(m.Labels, ", "), strings.Join(m.Exporters, ", "),
			strings.ReplaceAll(m.Help, "|", "\\|"))
	}
	return b.Bytes()
}

// TestNoMetricIsLeftOut: whatever name of a metric the sources have is on the page, with a meaning, and named as the house does:
// a counter ends in _total and nothing else does; the others end in a unit or in what they number.
func TestNoMetricIsLeftOut(t *testing.T) {
	t.Parallel()
	list, err := setting.Exported(root)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, m := range list {
		listed[m.Name] = true
		if m.Help == "" || !strings.HasSuffix(m.Help, ".") {
			t.Errorf("%s has no sentence for a meaning: %q", m.Name, m.Help)
		}
		if (m.Kind == "counter") != strings.HasSuffix(m.Name, "_total") {
			t.Errorf("%s is a %s", m.Name, m.Kind)
		}
		if strings.Contains(m.Help, "\x00") || slices.Contains(m.Labels, "") {
			t.Errorf("%s: the search does not understand its meaning or labels: %q, %q", m.Name, m.Help, m.Labels)
		}
	}
	literal := regexp.MustCompile(`"(pix_[a-z0-9_]+)"`)
	for file, source := range programs(t) {
		for _, name := range literal.FindAllStringSubmatch(source, -1) {
			if !listed[name[1]] && !strings.HasSuffix(name[1], "_") && name[1] != string(pix.AutomaticAbuse) {
				t.Errorf("%s has %s, which is on no page: list its package in exporters() of shared/pixtest/setting", file, name[1])
			}
		}
	}
	for _, name := range []string{"pix_decisions_total", "pix_model_current", "pix_policy_swaps_total", "pix_bridge_lag_records", "pix_bridge_kafka_silent_seconds", "pix_feature_psi"} {
		if !listed[name] {
			t.Errorf("the search finds no longer %s", name)
		}
	}
}

// programs are the programs' own Go files, without tests and what serves them.
func programs(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, dir := range []string{"shared", "functions", "kafka-bridge"} {
		err := fs.WalkDir(os.DirFS(root), dir, func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/pixtest/") {
				return err
			}
			data, err := os.ReadFile(root + "/" + file)
			out[file] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}
