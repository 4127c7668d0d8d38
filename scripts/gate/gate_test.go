package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
)

// answers serves a Prometheus API that gives one answer after the other and then the last for ever.
func answers(t *testing.T, bodies ...string) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(asked.Add(1)) - 1
		body := bodies[min(n, len(bodies)-1)]
		if body == "" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

const away = "" // a Prometheus that fails

func vector(values ...string) string {
	series := make([]string, len(values))
	for i, v := range values {
		series[i] = fmt.Sprintf(`{"metric":{"pod":"%d"},"value":[1,"%s"]}`, i, v)
	}
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(series, ",") + `]}}`
}

func checksFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checks.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	const must, may = `[{"name":"a","query":"q","min":0,"max":1,"why":"look"}]`, `[{"name":"a","query":"q","max":1,"may_be_missing":true,"why":"look"}]`
	for name, c := range map[string]struct {
		checks  string
		answers []string
		verdict string
		code    int
	}{
		"always within":             {must, []string{vector("0.5")}, held, exitOK},
		"on the bound":              {must, []string{vector("1")}, held, exitOK},
		"once outside":              {must, []string{vector("0.5"), vector("2"), vector("0.5")}, held, exitOK},
		"twice running outside":     {must, []string{vector("0.5"), vector("2"), vector("2"), vector("0.5")}, outside, exitRefused},
		"below the least":           {must, []string{vector("-1")}, outside, exitRefused},
		"outside at the end":        {must, []string{vector("0.5"), vector("0.5"), vector("0.5"), vector("2")}, unstable, exitRefused},
		"a share of nothing":        {must, []string{vector("NaN")}, missing, exitRefused},
		"infinite":                  {must, []string{vector("+Inf")}, outside, exitRefused},
		"never a value":             {must, []string{vector()}, missing, exitRefused},
		"a value that goes":         {must, []string{vector("0.5"), vector()}, missing, exitRefused},
		"no value, as it may be":    {may, []string{vector()}, absent, exitOK},
		"may be missing and is bad": {may, []string{vector("2")}, outside, exitRefused},
		"several series":            {must, []string{vector("0.5", "0.5")}, unasked, exitRefused},
		"Prometheus away":           {may, []string{away}, unasked, exitRefused},
		"Prometheus away once":      {must, []string{away, vector("0.5")}, held, exitOK},
		"Prometheus mostly away":    {must, []string{away, away, away, vector("0.5")}, unasked, exitRefused},
		"Prometheus gone":           {must, []string{vector("0.5"), away}, unasked, exitRefused},
		"no Prometheus":             {must, []string{"<html>"}, unasked, exitRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := answers(t, c.answers...)
			var out strings.Builder
			code := run(t.Context(), []string{"-prometheus", address, "-checks", checksFile(t, c.checks), "-for", "3ms", "-every", "1ms", "-json"}, &out, io.Discard)
			var results []Result
			if err := json.Unmarshal([]byte(out.String()), &results); err != nil {
				t.Fatalf("%v in %q", err, out.String())
			}
			if code != c.code || results[0].Verdict != c.verdict {
				t.Errorf("exit %d, %+v, want exit %d and %q", code, results[0], c.code, c.verdict)
			}
			if (results[0].Why == "") != (code == exitOK) {
				t.Errorf("why is %q beside exit %d", results[0].Why, code)
			}
		})
	}
}

func TestAFailureEndsTheWatch(t *testing.T) {
	t.Parallel()
	address, asked := answers(t, vector("9"))
	code := run(t.Context(), []string{"-prometheus", address, "-checks", checksFile(t, `[{"name":"a","query":"q","max":1,"why":"look"}]`), "-for", "1h", "-every", "1ms"}, io.Discard, io.Discard)
	if code != exitRefused || asked.Load() != patience {
		t.Errorf("exit %d after %d questions, want exit 1 after %d", code, asked.Load(), patience)
	}
}

func TestAnInterruptionRefuses(t *testing.T) {
	t.Parallel()
	address, asked := answers(t, vector("0"))
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for asked.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	var complaints strings.Builder
	code := run(ctx, []string{"-prometheus", address, "-checks", checksFile(t, `[{"name":"a","query":"q","max":1,"why":"look"}]`), "-for", "1h", "-every", "30m"}, io.Discard, &complaints)
	if code != exitRefused || !strings.Contains(complaints.String(), "interrupted") {
		t.Errorf("exit %d: %s", code, complaints.String())
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	good := checksFile(t, `[{"name":"a","query":"q","max":1,"why":"look"}]`)
	for name, args := range map[string][]string{
		"no address":          {"-checks", good},
		"no such file":        {"-prometheus", "http://localhost:1", "-checks", "none.json"},
		"no checks":           {"-prometheus", "http://localhost:1", "-checks", checksFile(t, `[]`)},
		"cannot fail":         {"-prometheus", "http://localhost:1", "-checks", checksFile(t, `[{"name":"a","query":"q","why":"look"}]`)},
		"misspelt bound":      {"-prometheus", "http://localhost:1", "-checks", checksFile(t, `[{"name":"a","query":"q","maximum":1,"why":"look"}]`)},
		"variable not set":    {"-prometheus", "http://localhost:1", "-checks", checksFile(t, `[{"name":"a","query":"q{r=\"$R\"}","max":1,"why":"look"}]`)},
		"pair without a name": {"-prometheus", "http://localhost:1", "-checks", good, "-set", "=1"},
		"shorter than a step": {"-prometheus", "http://localhost:1", "-checks", good, "-for", "1s", "-every", "2s"},
		"an argument":         {"-prometheus", "http://localhost:1", "-checks", good, "more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if code := run(t.Context(), args, io.Discard, io.Discard); code != exitUsage {
				t.Errorf("exit %d, want 2", code)
			}
		})
	}
	if code := run(t.Context(), []string{"-h"}, io.Discard, io.Discard); code != exitOK {
		t.Errorf("-h: exit %d", code)
	}
}

// TestReleaseChecks: what a release is judged by names metrics that the code has.
func TestReleaseChecks(t *testing.T) {
	t.Parallel()
	checks, err := readChecks("release.json", map[string]string{"REVISIONS": "pix-score-00002"})
	if err != nil {
		t.Fatal(err)
	}
	exported, err := setting.Metrics(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range checks {
		for _, name := range regexp.MustCompile(`pix_[a-z_]+`).FindAllString(check.Query, -1) {
			if !exported.MatchString(name) {
				t.Errorf("%s: nothing exports %s", check.Name, name)
			}
		}
		if strings.Count(check.Query, "(") != strings.Count(check.Query, ")") {
			t.Errorf("%s: its brackets do not match", check.Name)
		}
	}
}
