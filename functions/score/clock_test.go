package score_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestASlowClockShows: a process whose clock is behind Pub/Sub's says so where it is asked whether it is ready, in a metric and
// once in the log, and decides nothing over either way in. The publish times are ten minutes ahead here, which is what a
// clock sees that is ten minutes slow.
func TestASlowClockShows(t *testing.T) {
	t.Parallel()
	r := newReloadable(t)
	clock := func() error {
		for _, c := range r.Conditions() {
			if c.Name == "clock" && c.Own {
				return c.Check()
			}
		}
		return errors.New("no such condition")
	}
	if err := clock(); err != nil {
		t.Fatalf("before any message: %v", err)
	}
	for i := range 10 {
		body := fmt.Appendf(nil, `{"message":{"data":%q,"messageId":"%d","publishTime":%q}}`,
			base64.StdEncoding.EncodeToString(r.next(t)), i, time.Now().Add(10*time.Minute).UTC().Format(time.RFC3339Nano))
		if w := post(t, r, "/push", "application/json", body); w.Code != http.StatusServiceUnavailable {
			t.Fatalf("message %d: status %d, want 503", i, w.Code)
		}
	}
	if w := post(t, r, "/v1/decisions", "application/json", r.next(t)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("over HTTP: status %d, want 503: %s", w.Code, w.Body)
	}
	if err := clock(); err == nil {
		t.Error("the clock is taken for right")
	}
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	behind := 0.0
	for _, f := range families {
		if f.GetName() == "pix_function_clock_behind_seconds" {
			behind = f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	if behind < 500 || behind > 600 {
		t.Errorf("the metric says %v seconds", behind)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := strings.Count(r.log.String(), "this machine's clock is slow"); n == 0 || n > 3 { // once a minute
		t.Errorf("%d complaints: %s", n, r.log)
	}
}
