package warehouse_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// What the metrics count is what went to BigQuery: each append with its rows, by how it ended.
func TestMetricsTellOfAppends(t *testing.T) {
	t.Parallel()
	poison := string(warehouse.EncodeDecision(nil, sampleDecision(0)))
	_, endpoint := startFake(t, func(_ int, rows [][]byte) reply {
		if string(rows[0]) == poison {
			return reply{code: codes.InvalidArgument, bad: []int64{0}}
		}
		return reply{}
	})
	registry := prometheus.NewRegistry()
	cfg := warehouse.Config{ProjectID: "p", Dataset: "fraud", Linger: time.Nanosecond, AppendTimeout: patience, Metrics: registry}
	w, err := warehouse.Open(t.Context(), cfg, emulator.GRPC(endpoint)...)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range 3 {
		if err := w.AppendDecision(t.Context(), sampleDecision(seed)); (err == nil) == (seed == 0) || err != nil && pix.KindOf(err) != pix.Invalid {
			t.Errorf("row %d: %v", seed, err)
		}
	}
	want := map[string]float64{
		"pix_warehouse_rows_total decisions ok": 2, "pix_warehouse_rows_total decisions unavailable": 1,
		"pix_warehouse_append_seconds decisions ok": 2, "pix_warehouse_append_seconds decisions unavailable": 1,
		"pix_warehouse_streams_total decisions": 1,
		"pix_warehouse_appended_bytes_total decisions": float64(len(poison) + len(warehouse.EncodeDecision(nil, sampleDecision(1))) +
			len(warehouse.EncodeDecision(nil, sampleDecision(2)))),
	}
	if diff := cmp.Diff(want, counted(t, registry)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	cfg.Metrics = prometheus.NewRegistry()
	cfg.Metrics.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "pix_warehouse_streams_total"}))
	if second, err := warehouse.Open(t.Context(), cfg, emulator.GRPC(endpoint)...); err == nil {
		t.Errorf("it opened without its metrics: %v", second.Close(t.Context()))
	}
	if err := w.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What cannot connect does not start, and leaves nothing behind.
func TestWithoutCredentialsNothingOpens(t *testing.T) {
	t.Parallel()
	cfg := warehouse.Config{ProjectID: "p", Dataset: "fraud"}
	if w, err := warehouse.Open(t.Context(), cfg, option.WithAuthCredentialsFile(option.ServiceAccount, "none")); err == nil {
		t.Errorf("it opened: %v", w.Close(t.Context()))
	}
	if r, err := warehouse.OpenReader(t.Context(), cfg, option.WithAuthCredentialsFile(option.ServiceAccount, "none")); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("a reader: %v, %v", r, err)
	}
	bad, none := []option.ClientOption{option.WithAuthCredentialsFile(option.ServiceAccount, "none")}, []option.ClientOption{option.WithoutAuthentication()}
	for name, options := range map[string][2][]option.ClientOption{"to count": {bad, none}, "to read": {none, bad}} {
		if e, err := warehouse.OpenExtract(t.Context(), cfg, options[0], options[1]); pix.KindOf(err) != pix.Unavailable {
			t.Errorf("an extract without credentials %s: %v, %v", name, e, err)
		}
	}
	for name, cfg := range map[string]warehouse.Config{"no project": {Dataset: "fraud"}, "no dataset": {ProjectID: "p"}} {
		if w, err := warehouse.Open(t.Context(), cfg, option.WithoutAuthentication()); err == nil {
			t.Errorf("%s: it opened: %v", name, w.Close(t.Context()))
		}
	}
}

// counted is what the warehouse's metrics count, by name and labels.
func counted(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "pix_warehouse_") {
			continue
		}
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, label := range slices.Backward(m.GetLabel()) { // table, result
				name += " " + label.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return got
}
