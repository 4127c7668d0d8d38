package load

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/functions/score"
)

// TestServedDoesTheWork: what a scorer does beside deciding is done here too, or the figures would be another service's.
//
//nolint:paralleltest // it loads the shipped models, beside which nobody else may: see loading
func TestServedDoesTheWork(t *testing.T) {
	const payments = 32
	o := &options{plan: plan{rate: payments, duration: time.Second, inFlight: 1}, on: onHTTP, seed: 1, timeout: time.Minute}
	s, err := openServed(t.Context(), o, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.prepare(payments); err != nil {
		t.Fatal(err)
	}
	for i := range payments {
		if failure := s.call(t.Context(), i); failure != "" {
			t.Fatal(failure)
		}
	}
	w := httptest.NewRecorder()
	s.server.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if body, _ := io.ReadAll(w.Body); !strings.Contains(string(body), "pix_feature_psi_vectors{") {
		t.Error("vectors are not held against what the models learnt from")
	}
	told(t, s.feed, `"given":32,`)
	if err := s.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// told waits until a reader of the feed is told something.
func told(t *testing.T, feed *live.Feed, what string) {
	t.Helper()
	page, err := feed.Handler(live.Around{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(page)
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel() // before the server's end, which waits for the reader's
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+live.Path+"events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if strings.Contains(lines.Text(), what) {
			return
		}
	}
	t.Errorf("no reader of the feed is told %s", what)
}

// TestTheTimeIsTheScorers: what is measured has the deadline that a scorer has.
func TestTheTimeIsTheScorers(t *testing.T) {
	t.Parallel()
	field, _ := reflect.TypeFor[score.Config]().FieldByName("DecisionTimeout")
	if shipped := field.Tag.Get("env"); !strings.HasSuffix(shipped, "default="+decisionTimeout.String()) {
		t.Errorf("%v here, the scorer has %q", decisionTimeout, shipped)
	}
}
