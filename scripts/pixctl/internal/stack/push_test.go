package stack_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	metrics "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pixtest/otlp"
)

// openMetrics is the page as a scraper gets it that reads exemplars.
func openMetrics(t *testing.T, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// checkExemplars: latencies name traces, and none that nobody kept.
func checkExemplars(t *testing.T, s *stack.Stack, traces *otlp.Receiver) {
	t.Helper()
	kept := map[string]bool{}
	for _, span := range traces.Spans() {
		kept[hex.EncodeToString(span.GetTraceId())] = true
	}
	named := map[string]int{}
	form := regexp.MustCompile(`(?m)^(pix_[a-z_]+)_bucket\{.* # \{.*trace_id="([0-9a-f]{32})"`)
	for _, m := range form.FindAllStringSubmatch(openMetrics(t, s.MetricsURL), -1) {
		named[m[1]]++
		if !kept[m[2]] {
			t.Errorf("an exemplar of %s names trace %s, of which there is nothing", m[1], m[2])
		}
	}
	for _, name := range []string{"pix_decision_seconds", "pix_function_message_seconds", "pix_warehouse_append_seconds"} {
		if named[name] == 0 {
			t.Errorf("no exemplar on %s: %v", name, named)
		}
	}
}

// checkPush: what is pushed is what is scraped, after real traffic, for a backend that adds units and total to names and for one
// that takes them as they are.
func checkPush(t *testing.T, s *stack.Stack) {
	t.Helper()
	r := startReceiver(t)
	push, err := obs.NewPush(t.Context(), obs.Service{Name: "sentinela"}, s.Registry(), r.URL())
	if err != nil {
		t.Fatal(err)
	}
	if err := push.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	pushes := r.Pushes()
	if len(pushes) != 1 {
		t.Fatalf("%d pushes", len(pushes))
	}
	scraped := scrapedSeries(t, get(t, s.MetricsURL))
	for _, suffixes := range []bool{true, false} {
		if diff := cmp.Diff(scraped, pushedSeries(t, pushes[0], suffixes)); diff != "" {
			t.Errorf("with suffixes %v (-scraped +pushed):\n%s", suffixes, diff)
		}
	}
	ours := 0
	for _, line := range scraped {
		if strings.HasPrefix(line, "pix_") {
			ours++
		}
	}
	if ours < 40 {
		t.Errorf("%d names and sets of labels of ours: the test looked at nothing", ours)
	}
}

// series writes a metric's name, type and labels as one line.
func series(name, kind string, labels []string) string {
	slices.Sort(labels)
	return fmt.Sprintf("%s %s %v", name, kind, labels)
}

func scrapedSeries(t *testing.T, page []byte) []string {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(page)))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for name, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName())
			}
			found[series(name, strings.ToLower(dto.MetricType_name[int32(f.GetType())]), labels)] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// pushedSeries translates a push as the exporters of the collector and Prometheus' own receiver do.
func pushedSeries(t *testing.T, push *metrics.ResourceMetrics, suffixes bool) []string {
	t.Helper()
	names := otlptranslator.MetricNamer{WithMetricSuffixes: suffixes}
	found := map[string]bool{}
	for _, scope := range push.GetScopeMetrics() {
		for _, m := range scope.GetMetrics() {
			kind, points := pointsOf(m)
			name, err := names.Build(otlptranslator.Metric{Name: m.GetName(), Unit: m.GetUnit(), Type: kind.translated})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range points {
				var labels []string
				for _, a := range p.GetAttributes() {
					labels = append(labels, a.GetKey())
				}
				found[series(name, kind.name, labels)] = true
			}
			checkPushedExemplars(t, m)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// checkPushedExemplars: their ids are bytes, as long as a trace's and a span's.
func checkPushedExemplars(t *testing.T, m *metrics.Metric) {
	t.Helper()
	for _, p := range m.GetHistogram().GetDataPoints() {
		for _, e := range p.GetExemplars() {
			if len(e.GetTraceId()) != 16 || len(e.GetSpanId()) != 8 {
				t.Errorf("an exemplar of %s has ids of %d and %d bytes", m.GetName(), len(e.GetTraceId()), len(e.GetSpanId()))
			}
		}
	}
}

// point is any kind of data point.
type point interface{ GetAttributes() []*common.KeyValue }

// kindOfMetric is the type of a metric, in the words of the text format and of the translator.
type kindOfMetric struct {
	name       string
	translated otlptranslator.MetricType
}

func pointsOf(m *metrics.Metric) (kind kindOfMetric, points []point) {
	switch {
	case m.GetGauge() != nil:
		return kindOfMetric{"gauge", otlptranslator.MetricTypeGauge}, pointsAs(m.GetGauge().GetDataPoints())
	case m.GetSum().GetIsMonotonic():
		return kindOfMetric{"counter", otlptranslator.MetricTypeMonotonicCounter}, pointsAs(m.GetSum().GetDataPoints())
	case m.GetHistogram() != nil:
		return kindOfMetric{"histogram", otlptranslator.MetricTypeHistogram}, pointsAs(m.GetHistogram().GetDataPoints())
	case m.GetSummary() != nil:
		return kindOfMetric{"summary", otlptranslator.MetricTypeSummary}, pointsAs(m.GetSummary().GetDataPoints())
	default:
		return kindOfMetric{name: "none"}, nil
	}
}

func pointsAs[P point](list []P) []point {
	out := make([]point, len(list))
	for i, p := range list {
		out[i] = p
	}
	return out
}
