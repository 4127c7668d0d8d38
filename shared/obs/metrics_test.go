package obs_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

func TestMetricsHandlerServesItsRegistryOnly(t *testing.T) {
	t.Parallel()
	registry, other := obs.NewRegistry(), obs.NewRegistry()
	promauto.With(registry).NewCounter(prometheus.CounterOpts{Name: "pix_decisions_total", Help: "Decisions."}).Inc()
	page := func(r *prometheus.Registry) string {
		w := httptest.NewRecorder()
		obs.MetricsHandler(r).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		return w.Body.String()
	}
	if got := page(registry); !strings.Contains(got, "\npix_decisions_total 1\n") || !strings.Contains(got, "go_goroutines") {
		t.Errorf("page has no counter or no runtime metrics: %q", got)
	}
	if got := page(other); strings.Contains(got, "pix_decisions_total") {
		t.Error("two registries share a metric")
	}
}

func TestLatencyBucketsHaveTheObjectives(t *testing.T) {
	t.Parallel()
	buckets := obs.LatencyBuckets()
	if !slices.IsSorted(buckets) {
		t.Error("not sorted")
	}
	for _, objective := range []float64{0.002, 0.005, 0.05, 0.3} {
		if !slices.Contains(buckets, objective) {
			t.Errorf("no bound at %v s", objective)
		}
	}
}
