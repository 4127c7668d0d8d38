package obs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/sentinela-pix/sentinela/shared/obs"
)

func TestLoggerWritesCloudLoggingFields(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		log  func(*slog.Logger)
		want map[string]any
	}{
		"info": {
			log: func(l *slog.Logger) { l.InfoContext(t.Context(), "decided", "outcome", "APPROVE") },
			want: map[string]any{
				"severity": "INFO", "message": "decided", "outcome": "APPROVE", "service": "score", "version": "v1",
			},
		},
		"warning": {
			log:  func(l *slog.Logger) { l.Warn("slow") },
			want: map[string]any{"severity": "WARNING", "message": "slow", "service": "score", "version": "v1"},
		},
		"critical": {
			log:  func(l *slog.Logger) { l.Log(t.Context(), slog.LevelError+4, "gone") },
			want: map[string]any{"severity": "CRITICAL", "message": "gone", "service": "score", "version": "v1"},
		},
		"keys inside a group stay": {
			log: func(l *slog.Logger) { l.Info("m", slog.Group("g", slog.String("msg", "x"))) },
			want: map[string]any{
				"severity": "INFO", "message": "m", "g": map[string]any{"msg": "x"}, "service": "score", "version": "v1",
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			tc.log(obs.Logger(&out, slog.LevelInfo, obs.Service{Name: "score", Version: "v1"}))
			got := decodeLine(t, &out)
			if _, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil {
				t.Error(err)
			}
			delete(got, "time")
			delete(got, "logging.googleapis.com/sourceLocation")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoggerLeavesOutWhatIsBelowItsLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	obs.Logger(&out, slog.LevelWarn, obs.Service{}).Info("m")
	if out.Len() != 0 {
		t.Errorf("wrote %q", out.String())
	}
}

func TestLoggerNamesTheTrace(t *testing.T) {
	t.Parallel()
	tracing := obs.RecordTracing(obs.Service{}, tracetest.NewSpanRecorder())
	ctx, span := tracing.Tracer("test").Start(t.Context(), "decide")
	defer span.End()
	for project, prefix := range map[string]string{"p": "projects/p/traces/", "": ""} {
		var out bytes.Buffer
		obs.Logger(&out, slog.LevelInfo, obs.Service{ProjectID: project}).With("k", "v").InfoContext(ctx, "m")
		got := decodeLine(t, &out)
		want := map[string]any{
			"logging.googleapis.com/trace":         prefix + obs.TraceID(ctx),
			"logging.googleapis.com/spanId":        span.SpanContext().SpanID().String(),
			"logging.googleapis.com/trace_sampled": true,
		}
		for k, v := range want {
			if got[k] != v {
				t.Errorf("%s = %v, want %v", k, got[k], v)
			}
		}
	}
}

// special are the fields that Cloud Logging takes out of a line, with the form of each.
// Source: https://cloud.google.com/logging/docs/structured-logging#special-payload-fields.
func special() map[string]*regexp.Regexp {
	form := regexp.MustCompile
	return map[string]*regexp.Regexp{
		"severity": form(`^(DEFAULT|DEBUG|INFO|NOTICE|WARNING|ERROR|CRITICAL|ALERT|EMERGENCY)$`),
		"message":  form(`.`), "time": form(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`),
		"httpRequest": nil, "stack_trace": nil,
		"logging.googleapis.com/insertId": nil, "logging.googleapis.com/labels": nil, "logging.googleapis.com/operation": nil,
		"logging.googleapis.com/sourceLocation": form(`^map\[file:\S+log_test.go function:\S+ line:\d+\]$`),
		"logging.googleapis.com/spanId":         form(`^[0-9a-f]{16}$`),
		"logging.googleapis.com/trace":          form(`^projects/[a-z][a-z0-9-]+/traces/[0-9a-f]{32}$`),
		"logging.googleapis.com/trace_sampled":  form(`^(true|false)$`),
	}
}

// TestFieldsAreGoogles: a line has every field that it can have of those that Cloud Logging knows, in its form, and none with
// Google's prefix that it does not know.
func TestFieldsAreGoogles(t *testing.T) {
	t.Parallel()
	ctx, span := obs.RecordTracing(obs.Service{}, tracetest.NewSpanRecorder()).Tracer("test").Start(t.Context(), "decide")
	defer span.End()
	for level, lacks := range map[slog.Level]string{
		slog.LevelDebug: "sourceLocation", slog.LevelInfo: "sourceLocation", slog.LevelWarn: "sourceLocation", slog.LevelError: "", slog.LevelError + 8: "",
	} {
		var out bytes.Buffer
		obs.Logger(&out, slog.LevelDebug, obs.Service{Name: "score", ProjectID: "sentinela-prod"}).Log(ctx, level, "m", "outcome", "APPROVE")
		line := decodeLine(t, &out)
		for field, form := range special() {
			value, has := line[field]
			switch needs := form != nil && (lacks == "" || !strings.HasSuffix(field, lacks)); {
			case has != needs:
				t.Errorf("%s: %s is there: %v, want %v", level, field, has, needs)
			case has && !form.MatchString(fmt.Sprint(value)):
				t.Errorf("%s: %s is %v", level, field, value)
			}
		}
		for field := range line {
			if _, known := special()[field]; !known && strings.HasPrefix(field, "logging.googleapis.com/") {
				t.Errorf("Cloud Logging does not know %s", field)
			}
		}
	}
}

func decodeLine(t *testing.T, out *bytes.Buffer) map[string]any {
	t.Helper()
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %q", err, out.String())
	}
	return line
}
