package export_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/export"
	"github.com/sentinela-pix/sentinela/functions/internal/push"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// TestReconciledRows: an hour's rows are counted once it has been over for a quarter of an hour, and by every tick until the next one
// is, for late rows come; a failure is none of the tick's; the end told is that of the hour that was counted.
func TestReconciledRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // at 12:30
	var asked []string
	answer, failure := int64(7), error(nil)
	w.decided = func(from, until time.Time) (int64, error) {
		asked = append(asked, from.Format("15:04")+"-"+until.Format("15:04"))
		return answer, failure
	}
	registry := prometheus.NewRegistry()
	h, err := export.New(export.Deps{Source: w, Lake: w, Margin: w.margin, Push: push.Deps{
		Gate: pushtest.OpenGate{}, DeadLetters: w, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { return w.now }, Metrics: registry,
	}})
	if err != nil {
		t.Fatal(err)
	}
	told := func(body string) string {
		message := fmt.Sprintf(`{"message":{"data":%q,"messageId":"1"}}`, base64.StdEncoding.EncodeToString([]byte(body)))
		r := httptest.NewRecorder()
		h.ServeHTTP(r, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(message)))
		if r.Code != http.StatusNoContent {
			t.Errorf("status %d", r.Code)
		}
		return gauge(t, registry, "pix_reconciled_rows") + " until " + gauge(t, registry, "pix_reconciled_rows_end_timestamp_seconds")
	}
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	until := func(rows int, end time.Time) string { return fmt.Sprintf("%d until %d", rows, end.Unix()) }
	for _, step := range []struct {
		name, body string
		at         time.Time
		answer     int64
		failure    error
		want       string
		asks       string
	}{
		{name: "of other tables", body: `{"tables":["labels"]}`, at: noon.Add(30 * time.Minute), want: "0 until 0"},
		{name: "first", body: "{}", at: noon.Add(30 * time.Minute), answer: 7, want: until(7, noon), asks: "11:00-12:00"},
		{name: "same hour", body: "{}", at: noon.Add(74 * time.Minute), answer: 8, want: until(8, noon), asks: "11:00-12:00"},
		{name: "away", body: "{}", at: noon.Add(76 * time.Minute), failure: errors.New("away"), want: until(8, noon), asks: "12:00-13:00"},
		{name: "back", body: "{}", at: noon.Add(77 * time.Minute), answer: 9, want: until(9, noon.Add(time.Hour)), asks: "12:00-13:00"},
	} {
		w.now, answer, failure, asked = step.at, step.answer, step.failure, nil
		if got := told(step.body); got != step.want || strings.Join(asked, " ") != step.asks {
			t.Errorf("%s: told %s, want %s; asked %v, want %s", step.name, got, step.want, asked, step.asks)
		}
	}
}

func gauge(t *testing.T, registry *prometheus.Registry, name string) string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return fmt.Sprintf("%.0f", f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	return "nothing"
}
