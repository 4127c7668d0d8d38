package setting_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
)

// TestExportedMetrics: of every way in which the sources make a metric, its name, kind, labels and meaning are found.
func TestExportedMetrics(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"functions/score/m.go": "package score\nfunc f() {\n" +
			"v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: \"pix_a_total\", Help: \"A\" + \"b.\"}, []string{\"x\", \"y\"})\n" +
			"h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: \"pix_h_seconds\", Help: \"H.\", ConstLabels: prometheus.Labels{\"c\": v}})\n" +
			"labels := []string{\"l\"}\nd := prometheus.NewDesc(\"pix_d\", \"D.\", labels, nil)\nc := counters(\"pix_c_total\", \"C.\", \"one\", \"two\")\n" +
			"g := map[string]struct{}{\"pix_g_seconds\": {\"G.\", nil}}\nother(\"pix_no\")\n}\n",
		"shared/reload/m.go": "package reload\nfunc newMetrics(noun string, labels ...string) {\n" +
			"counter := func(name, help string) { prometheus.NewCounterVec(prometheus.CounterOpts{Name: \"pix_\" + noun + \"_\" + name, Help: help}, labels) }\n" +
			"prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: \"pix_\" + noun + \"_current\", Help: \"N.\"}, labels)\ncounter(\"swaps_total\", \"S.\")\n}\n" +
			"func use() { newMetrics(\"model\", \"role\"); newMetrics(\"policy\") }\n",
	}
	want := []setting.Metric{
		{Name: "pix_a_total", Kind: "counter", Help: "Ab.", Labels: []string{"x", "y"}}, {Name: "pix_c_total", Kind: "counter", Help: "C.", Labels: []string{"one", "two"}},
		{Name: "pix_d", Kind: "gauge", Help: "D.", Labels: []string{"l"}}, {Name: "pix_g_seconds", Kind: "gauge", Help: "G."},
		{Name: "pix_h_seconds", Kind: "histogram", Help: "H.", Labels: []string{"c"}},
		{Name: "pix_model_current", Kind: "gauge", Help: "N.", Labels: []string{"role"}}, {Name: "pix_model_swaps_total", Kind: "counter", Help: "S.", Labels: []string{"role"}},
		{Name: "pix_policy_current", Kind: "gauge", Help: "N.", Labels: []string{}}, {Name: "pix_policy_swaps_total", Kind: "counter", Help: "S.", Labels: []string{}},
	}
	for i := range want {
		want[i].Exporters = []string{"score"}
	}
	got, err := setting.Exported(tree(t, files))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
