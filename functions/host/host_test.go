package host_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/functions/row"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestConfigReportsEveryProblemAtOnce: an operator who forgot three variables learns of all three.
func TestConfigReportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := host.LoadFrom[row.Config](t.Context(), envconfig.MapLookuper(map[string]string{
		"MAX_MESSAGE_AGE": "168h", "MAX_PANICS": "0", "HANDLE_TIMEOUT": "11m", "DATASET": "",
	}))
	if pix.KindOf(err) != pix.Invalid {
		t.Fatalf("error %v", err)
	}
	for _, name := range []string{"PROJECT_ID", "MAX_MESSAGE_AGE", "MAX_PANICS", "HANDLE_TIMEOUT", "PUSH_AUDIENCE", "PUSH_SERVICE_ACCOUNTS"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("the error does not name %s: %v", name, err)
		}
	}
}

// TestDefaults: a project and who pushes is all that a deployment must say.
func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := host.LoadFrom[row.Config](t.Context(), envconfig.MapLookuper(map[string]string{
		"PROJECT_ID": "p", "PUSH_AUDIENCE": "https://audit.example", "PUSH_SERVICE_ACCOUNTS": "push@p.iam.gserviceaccount.com",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Dataset != "fraud" || c.DeadLetterTopic != "pix-dead-letter-v1" || c.MaxMessageAge != push.DefaultMaxAge || c.MaxPanics != push.DefaultMaxPanics ||
		c.Identity.VerifyCallers != "on" || c.Identity.PushIssuer != "https://accounts.google.com" || c.Identity.TrustCloudRunIAM {
		t.Errorf("defaults %+v", c)
	}
}

// TestCloseRunsInReverse: what was opened last may need what was opened before it.
func TestCloseRunsInReverse(t *testing.T) {
	t.Parallel()
	var order []string
	h := new(host.Host)
	for _, name := range []string{"bus", "store"} {
		h.OnClose(func(context.Context) error { order = append(order, name); return nil })
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"store", "bus"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

// TestMemoryLimit: the limit is one number, of which the others are shares, and one that the largest message does not fit
// is refused.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int64{"": 256 << 20 / 5 * 4, "1073741824": 1 << 30 / 5 * 4, "-1": 0, "134217728": 0} {
		env := map[string]string{"PROJECT_ID": "p", "DATASET": "d", "VERIFY_CALLERS": "off"}
		if value != "" {
			env["MEMORY_LIMIT"] = value
		}
		c, err := host.LoadFrom[row.Config](t.Context(), envconfig.MapLookuper(env))
		switch {
		case want == 0 && (err == nil || !strings.Contains(err.Error(), "MEMORY_LIMIT")):
			t.Errorf("%q: %v", value, err)
		case want != 0 && (err != nil || c.HeapLimit() != want):
			t.Errorf("%q: %v", value, err)
		}
	}
}

// TestTheLimitComesFirst: what a function loads while it opens is within its memory already; here the bus does not even open.
func TestTheLimitComesFirst(t *testing.T) {
	t.Parallel()
	c := host.Config{MemoryLimit: 1 << 30}
	var limit int64
	metrics := obs.NewRegistry()
	h, err := host.Open(t.Context(), "test", c, host.Env{Metrics: metrics, Limit: func(bytes int64) { limit = bytes }})
	if err == nil {
		t.Errorf("it opens without a project: %v", h.Close(t.Context()))
	}
	if limit != c.HeapLimit() {
		t.Errorf("the limit is %d, want %d", limit, c.HeapLimit())
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	told := 0.0
	for _, f := range families {
		if f.GetName() == "pix_request_limit_bytes" {
			told = f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	if told != 1<<30/8*3 {
		t.Errorf("pix_request_limit_bytes is %v", told)
	}
}
