package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/load"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pixtest/port"
)

// The client libraries keep one OpenCensus worker for the life of the process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// getenv has a token for the scorer.
func getenv(name string) string { return map[string]string{"SCORER_TOKEN": "t"}[name] }

type part struct {
	Name        string         `json:"name"`
	Rate        float64        `json:"rate"`
	Decided     int            `json:"decided"`
	Provisional int            `json:"provisional"`
	Shed        int            `json:"shed"`
	Dropped     int            `json:"dropped"`
	Failed      map[string]int `json:"failed"`
	P99         float64        `json:"ms_p99"`
	Max         float64        `json:"ms_max"`
	Away99      float64        `json:"provisional_ms_p99"`
}

type result struct {
	Target   string `json:"target"`
	Profile  string `json:"profile"`
	Parts    []part `json:"parts"`
	Breaking *struct {
		Rate  float64 `json:"rate"`
		Share float64 `json:"overload_share"`
	} `json:"breaking"`
	Slow *struct {
		Clients int `json:"clients"`
		Opened  int `json:"connections"`
		Ended   int `json:"ended_by_server"`
	} `json:"slow"`
}

func (r result) names() string {
	var names []string
	for _, p := range r.Parts {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

func (r result) last() part { return r.Parts[len(r.Parts)-1] }

// loading is held by whoever loads the shipped models: all at once, under the race detector, takes longer than they are given.
var loading sync.Mutex

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

// TestEveryPaymentIsDecided runs the whole decision on each store, and over HTTP, at a rate that no machine misses.
func TestEveryPaymentIsDecided(t *testing.T) {
	t.Parallel()
	for _, on := range []string{"http", "bigtable", "memory", "nothing"} {
		t.Run(on, func(t *testing.T) {
			t.Parallel()
			loading.Lock()
			defer loading.Unlock()
			r, code, says := runLoad(t, "-on", on, "-rate", "100", "-duration", "500ms", "-warmup", "100ms", "-history", "200",
				"-timeout", "1m", "-max-p99", "1m", "-floor", "100ms", "-json")
			if code != 0 || r.Target != on || r.names() != "floor, steady" {
				t.Fatalf("exit code %d, %+v\n%s", code, r, says)
			}
			if p := r.last(); p.Decided != 50 || p.P99 <= 0 && on != "nothing" || p.Max < p.P99 || r.Parts[0].Decided != 10 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// profiled runs a profile over HTTP at a rate that no machine misses.
func profiled(t *testing.T, profile string, args ...string) result {
	t.Helper()
	loading.Lock()
	defer loading.Unlock()
	r, code, says := runLoad(t, append([]string{"-on", "http", "-profile", profile, "-rate", "50", "-duration", "300ms", "-warmup", "0",
		"-history", "0", "-floor", "0", "-json"}, args...)...)
	if code != 0 || r.Profile != profile {
		t.Fatalf("exit code %d, %+v\n%s", code, r, says)
	}
	return r
}

// TestBurst: three times the rate between, and every payment is in the part in which it was due.
func TestBurst(t *testing.T) {
	t.Parallel()
	r := profiled(t, "burst", "-timeout", "1m", "-max-p99", "1m")
	if r.names() != "before, burst, after" || r.Parts[0].Decided != 15 || r.Parts[1].Decided != 45 || r.Parts[1].Rate != 150 || r.Parts[2].Decided != 15 {
		t.Errorf("%+v", r)
	}
}

// TestSlowClients are there while the others are served.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	r := profiled(t, "slow", "-slow", "20", "-timeout", "1m", "-max-p99", "1m")
	if r.names() != "alone, beside slow clients" || r.last().Decided != 15 || r.Slow == nil || r.Slow.Clients != 20 || r.Slow.Opened < 1 {
		t.Errorf("%+v, %+v", r, r.Slow)
	}
}

// TestOutage: while the store hangs payments are answered without a decision, none fails, and once it is back the same
// process decides. How soon depends on the machine, and is a figure: so is whether it is soon enough for the verdict.
func TestOutage(t *testing.T) {
	t.Parallel()
	loading.Lock()
	defer loading.Unlock()
	r, code, says := runLoad(t, "-on", "http", "-profile", "outage", "-rate", "50", "-duration", "1s", "-warmup", "0", "-history", "0", "-floor", "0", "-json")
	if r.names() != "before, opening, away, closing, after" {
		t.Fatalf("%s, exit code %d: %s", r.names(), code, says)
	}
	if away := r.Parts[2]; away.Provisional == 0 || away.Away99 <= 0 {
		t.Errorf("away: %+v", away)
	}
	for _, p := range r.Parts {
		if len(p.Failed)+p.Shed+p.Dropped > 0 || p.Name == "after" && p.Decided == 0 {
			t.Errorf("%+v", p)
		}
	}
	if recovered := r.last().Decided == 50; (code == 0) != recovered { // 1 % of 50 is none
		t.Errorf("exit code %d, after: %+v\n%s", code, r.last(), says)
	}
}

// TestRampOfAScorerThatTakesNothing finds no breaking point.
func TestRampOfAScorerThatTakesNothing(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(status(http.StatusTooManyRequests))
	defer refusing.Close()
	if _, code, says := runLoad(t, "-url", refusing.URL, "-profile", "ramp", "-rate", "30", "-duration", "100ms", "-warmup", "0", "-floor", "0"); code != command.ExitRefused ||
		!strings.Contains(says, "no rate keeps p99 within 20ms") {
		t.Errorf("exit code %d: %s", code, says)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// TestServes: what another process asks is what -on http asks.
func TestServes(t *testing.T) {
	t.Parallel()
	loading.Lock()
	defer loading.Unlock()
	address := port.Free(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- command.Dispatch(ctx, command.IO{Out: io.Discard, Err: io.Discard, Getenv: getenv}, []command.Command{load.Command()},
			[]string{"load", "-serve", address, "-history", "10", "-timeout", "1m", "-forget"})
	}()
	for reached := false; !reached; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if reached = err == nil; reached {
			_ = conn.Close()
		}
		select {
		case code := <-ended:
			t.Fatalf("it ended with exit code %d", code)
		default:
		}
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, code, says := runLoad(t, "-url", "http://"+address, "-token-file", file, "-rate", "50", "-duration", "200ms", "-warmup", "0", "-floor", "0", "-max-p99", "1m", "-json")
	if code != 0 || r.last().Decided != 10 {
		t.Errorf("exit code %d, %+v\n%s", code, r, says)
	}
	again, code, says := runLoad(t, "-url", "http://"+address, "-rate", "50", "-duration", "200ms", "-warmup", "0", "-floor", "0", "-max-p99", "1m", "-json")
	if code != 0 || again.last().Decided != 10 {
		t.Errorf("the same payments again: exit code %d, %+v\n%s", code, again, says)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestTable: what a person reads names every part, and what did not go well.
func TestTable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	away := httptest.NewServer(status(http.StatusServiceUnavailable))
	defer away.Close()
	code := command.Dispatch(t.Context(), command.IO{Out: &out, Err: io.Discard, Getenv: getenv}, []command.Command{load.Command()},
		[]string{"load", "-url", away.URL, "-rate", "50", "-duration", "200ms", "-warmup", "0", "-floor", "100ms"})
	for _, want := range []string{"load average", "\nfloor ", "\nsteady ", "provisional", "failed: status_503 10"} {
		if !strings.Contains(out.String(), want) || code != command.ExitRefused {
			t.Errorf("exit code %d, no %q in:\n%s", code, want, out.String())
		}
	}
}

func TestLimitIsKeptOrRefused(t *testing.T) {
	t.Parallel()
	_, code, says := runLoad(t, "-on", "memory", "-rate", "100", "-duration", "200ms", "-warmup", "0", "-history", "0", "-floor", "0", "-max-p99", "1ns")
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
	r, code, says := runLoad(t, "-url", scorer.URL+"/", "-rate", "100", "-duration", "500ms", "-warmup", "0", "-max-p99", "1m", "-floor", "0", "-json")
	if code != command.ExitRefused || r.Target != scorer.URL || r.last().Decided != 45 || r.last().Failed["status_503"] != 5 {
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
		_, code, says := runLoad(t, "-url", url, "-rate", "100", "-duration", "100ms", "-warmup", "0", "-floor", "0")
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
		{"-profile", "sine"}, {"-profile", "outage"}, {"-profile", "outage", "-on", "http", "-url", "http://h"}, {"-profile", "slow", "-on", "memory"},
		{"-forget"}, {"-slow", "0"}, {"-floor", "-1s"},
	} {
		if _, code, _ := runLoad(t, args...); code != command.ExitUsage {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}
