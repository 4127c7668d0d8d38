package score_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// counted is what a registry holds of a counter above 0, and which of its series there are at all.
func counted(t *testing.T, r *prometheus.Registry, name string) (above map[string]float64, there map[string]bool) {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	above, there = map[string]float64{}, map[string]bool{}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			if f.GetName() != name {
				continue
			}
			var labels []string
			for _, l := range s.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			key := strings.Join(labels, " ")
			there[key] = true
			if v := s.GetCounter().GetValue() + float64(s.GetHistogram().GetSampleCount()); v > 0 {
				above[key] = v
			}
		}
	}
	return above, there
}

// TestAnswersAreCounted: each request counts once, by what its caller got, and no request that is refused or fails is left out;
// only what stands counts into the time of decisions, and a provisional answer says why it is one.
func TestAnswersAreCounted(t *testing.T) {
	t.Parallel()
	const none = "/v1/decisions/E12345678202611231430aB3dE5fG7hX"
	fails := func(kind pix.Kind) *fake { return &fake{err: pix.E(kind, "commit", errors.New("x"))} }
	for want, c := range map[string]struct {
		fake         *fake
		method, path string
		body         io.Reader
		reason       string // why it is provisional
	}{
		"decide ok":                   {fake: &fake{}, method: "POST"},
		"decide provisional":          {fake: &fake{away: true, lack: pix.LackStore}, method: "POST", reason: "store"},
		"decide hurried":              {fake: &fake{away: true, lack: pix.LackBudget}, method: "POST", reason: "budget"},
		"decide shed":                 {fake: &fake{full: true}, method: "POST"},
		"decide internal":             {fake: &fake{panics: true}, method: "POST"},
		"decide unavailable":          {fake: fails(pix.Unavailable), method: "POST"},
		"decide timeout":              {fake: fails(pix.Timeout), method: "POST"},
		"decide conflict":             {fake: fails(pix.Conflict), method: "POST"},
		"decide invalid":              {fake: &fake{}, method: "POST", body: strings.NewReader("{")},
		"decide cancelled":            {fake: &fake{}, method: "POST", body: io.MultiReader(failing{})},
		"decide too_large":            {fake: &fake{}, method: "POST", body: bytes.NewReader(make([]byte, 1<<20))},
		"decide method_not_allowed":   {fake: &fake{}, method: "PUT"},
		"decide view":                 {fake: &fake{}, method: "POST", path: "/v1/decisions?view=all"},
		"standing not_decided":        {fake: &fake{}, method: "GET", path: none},
		"standing shed":               {fake: &fake{full: true}, method: "GET", path: none},
		"standing unavailable":        {fake: &fake{away: true}, method: "GET", path: none},
		"standing internal":           {fake: &fake{panics: true}, method: "GET", path: none},
		"standing method_not_allowed": {fake: &fake{}, method: "POST", path: none},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			registry, s := metered(t, c.fake, nil)
			path, body := c.path, c.body
			if path == "" {
				path = "/v1/decisions"
			}
			if body == nil {
				body = bytes.NewReader(payment(t))
			}
			s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), c.method, path, body))
			got, _ := counted(t, registry, "pix_answers_total")
			if diff := cmp.Diff(map[string]float64{want: 1}, got); diff != "" {
				t.Errorf("answers (-want +got)\n%s", diff)
			}
			stands := map[string]float64{}
			if want == "decide ok" {
				stands[""] = 1
			}
			times, _ := counted(t, registry, "pix_decision_seconds")
			if diff := cmp.Diff(stands, times); diff != "" {
				t.Errorf("times of decisions (-want +got)\n%s", diff)
			}
			why := map[string]float64{}
			if c.reason != "" {
				why[c.reason] = 1
			}
			provisional, _ := counted(t, registry, "pix_provisional_answers_total")
			if diff := cmp.Diff(why, provisional); diff != "" {
				t.Errorf("provisional answers (-want +got)\n%s", diff)
			}
		})
	}
}

// metered is a service whose metrics can be read, with an intake when one is given.
func metered(t *testing.T, f *fake, intake *push.Intake) (*prometheus.Registry, *score.Service) {
	t.Helper()
	if f.stands == nil {
		f.stands = map[pix.EndToEndID]*pix.Decision{}
	}
	registry := prometheus.NewRegistry()
	d := score.Deps{Engine: f, Outbox: f, Marker: f, Tokenizer: tokenizer(t), Clock: clock, Callers: pushtest.OpenGate{}}
	d.Push = push.Deps{
		Gate: pushtest.OpenGate{}, DeadLetters: f, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler), Metrics: registry, Intake: intake,
	}
	s, err := score.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return registry, s
}

// TestAFullIntakeIsShed: a request whose body finds no memory is one that was shed. What alerts ask is there before the first.
func TestAFullIntakeIsShed(t *testing.T) {
	t.Parallel()
	registry, s := metered(t, &fake{}, push.NewIntake(1))
	_, there := counted(t, registry, "pix_answers_total")
	for _, operation := range []string{"decide", "standing"} {
		for _, result := range []string{"ok", "provisional", "hurried", "shed", "unavailable", "timeout", "internal"} {
			if !there[operation+" "+result] {
				t.Errorf("%s %s: not there from the start", operation, result)
			}
		}
	}
	_, reasons := counted(t, registry, "pix_provisional_answers_total")
	if diff := cmp.Diff(map[string]bool{"store": true, "room": true, "budget": true}, reasons); diff != "" {
		t.Errorf("reasons at the start (-want +got)\n%s", diff)
	}
	if w := post(t, s, "/v1/decisions", "application/json", payment(t)); w.Code != http.StatusTooManyRequests {
		t.Fatalf("status %d", w.Code)
	}
	got, _ := counted(t, registry, "pix_answers_total")
	if diff := cmp.Diff(map[string]float64{"decide shed": 1}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestNothingFoundIsNoWarning: who polls for what nobody decided yet does not fill the log, and no look is called a payment.
func TestNothingFoundIsNoWarning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fake *fake
		want string
	}{
		"none": {&fake{}, ""},
		"away": {&fake{away: true}, `"msg":"standing decision not told"`},
	} {
		s, log := newService(t, c.fake)
		look(t, s, http.MethodGet, standsUnder, nil)
		if got := log.String(); c.want == "" && got != "" || !strings.Contains(got, c.want) || strings.Contains(got, "payment not decided") {
			t.Errorf("%s: %s", name, got)
		}
	}
}
