package load_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/load"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// The client libraries keep one OpenCensus worker for the life of the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// getenv has a token for the scorer.
func getenv(name string) string { return map[string]string{"SCORER_TOKEN": "t"}[name] }

type result struct {
	Target  string         `json:"target"`
	Decided int            `json:"decided"`
	Dropped int            `json:"dropped"`
	Failed  map[string]int `json:"failed"`
	P99     float64        `json:"ms_p99"`
	Max     float64        `json:"ms_max"`
}

func runLoad(t *testing.T, args ...string) (result, int, string) {
	t.Helper()
	var out, complaints bytes.Buffer
	code := command.Dispatch(t.Context(), command.IO{Out: &out, Err: &complaints, Getenv: getenv}, []command.Command{load.Command()},
		append([]string{"load"}, args...))
	var r result
	if bytes.HasPrefix(out.Bytes(), []byte("{")) {
		if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	return r, code, complaints.String()
}

// TestEveryPaymentIsDecided runs the whole decision on each store at a rate that no machine misses.
func TestEveryPaymentIsDecided(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"bigtable", "memory", "nothing"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			r, code, says := runLoad(t, "-on", on, "-rate", "100", "-duration", "500ms", "-warmup", "100ms", "-history", "200",
				"-timeout", "1m", "-max-p99", "1m", "-json")
			if code != 0 || r.Target != on || r.Decided != 50 || r.P99 <= 0 && on != "nothing" || r.Max < r.P99 {
				t.Errorf("exit code %d, %+v\n%s", code, r, says)
			}
		})
	}
}

func TestLimitIsKeptOrRefused(t *testing.T) {
	t.Parallel()
	_, code, says := runLoad(t, "-on", "memory", "-rate", "100", "-duration", "200ms", "-warmup", "0", "-history", "0", "-max-p99", "1ns")
	if code != command.ExitRefused || !strings.Contains(says, "exceeds") {
		t.Errorf("exit code %d: %s", code, says)
	}
}

func TestAsksAScorer(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	scorer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // whether anything answers at all
			return
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		s, err := event.DecodeSubmissionJSON(body.Bytes())
		if err != nil || s.Validate(time.Now()) != nil || r.URL.Path != "/v1/decisions" || r.Header.Get("Authorization") != "Bearer t" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		if asked.Add(1) > 45 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer scorer.Close()
	r, code, says := runLoad(t, "-url", scorer.URL+"/", "-rate", "100", "-duration", "500ms", "-warmup", "0", "-max-p99", "1m", "-json")
	if code != command.ExitRefused || r.Decided != 45 || r.Failed["status_503"] != 5 || r.Target != scorer.URL {
		t.Errorf("exit code %d, %+v\n%s", code, r, says)
	}
}

// TestNothingThere: a scorer that is not there, or refuses everything, is a failure whatever was asked.
func TestNothingThere(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refusing.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for url, want := range map[string]string{gone.URL: "nothing answers at -url", refusing.URL: "every payment failed with status_403 10"} {
		_, code, says := runLoad(t, "-url", url, "-rate", "100", "-duration", "100ms", "-warmup", "0")
		if code != command.ExitRefused || !strings.Contains(says, want) {
			t.Errorf("%s: exit code %d, want %q: %s", url, code, want, says)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"-rate", "0"}, {"-rate", "NaN"}, {"-duration", "0"}, {"-duration", "2h"}, {"-warmup", "-1s"}, {"-in-flight", "0"}, {"-on", "disk"},
		{"-rate", "1", "-duration", "10ms"}, {"-history", "-1"}, {"-timeout", "0"}, {"extra"},
	} {
		if _, code, _ := runLoad(t, args...); code != command.ExitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}
