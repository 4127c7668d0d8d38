package obs

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"strconv"

	"go.opentelemetry.io/otel/trace"
)

// Service names the process in every log line and span.
type Service struct {
	Name      string
	Version   string
	ProjectID string // Google Cloud project of the traces; empty leaves bare trace ids in the log
	// HeadOnly says that spans whose trace is not sampled are not even recorded: nothing is decided here for whose sake one
	// might be kept.
	HeadOnly bool
}

// Logger returns a logger that writes one JSON object per line with the fields Cloud Logging gives a meaning to:
// severity, message, time, logging.googleapis.com/trace, spanId and trace_sampled, and of an error, which is a defect,
// sourceLocation. The trace fields are taken from the context, so use the Context forms (InfoContext and so on) on the way of
// a payment. Requests have no line of their own, and so no httpRequest: a payment's is its decision's. Give it Lines where
// somebody closes them at the end.
// Source: https://cloud.google.com/logging/docs/structured-logging#special-payload-fields.
func Logger(w io.Writer, level slog.Leveler, service Service) *slog.Logger {
	if _, whole := w.(*Lines); !whole {
		w = &oneByOne{to: w}
	}
	next := newTraceHandler(w, level, service)
	return named(&plainHandler{next: next, to: w, slow: !isPlain(next.tracePrefix)}, service)
}

// named says whose lines they are.
func named(h slog.Handler, service Service) *slog.Logger {
	logger := slog.New(h).With("service", service.Name)
	if service.Version != "" {
		logger = logger.With("version", service.Version)
	}
	return logger
}

// newTraceHandler returns the handler that writes any line.
func newTraceHandler(w io.Writer, level slog.Leveler, service Service) *traceHandler {
	prefix := ""
	if service.ProjectID != "" {
		prefix = "projects/" + service.ProjectID + "/traces/"
	}
	return &traceHandler{
		Handler:     slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: cloudLoggingNames}),
		tracePrefix: prefix,
	}
}

// cloudLoggingNames renames slog's built-in keys. Keys inside groups are the caller's own.
func cloudLoggingNames(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		a.Key = "severity"
		if level, ok := a.Value.Any().(slog.Level); ok {
			a.Value = slog.StringValue(severity(level))
		}
	}
	return a
}

// severity maps a slog level to Cloud Logging's LogSeverity.
func severity(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARNING"
	case level < slog.LevelError+4:
		return "ERROR"
	default:
		return "CRITICAL"
	}
}

// traceHandler adds the span of the context to each record.
type traceHandler struct {
	slog.Handler
	tracePrefix string
}

// Handle adds the trace fields and passes the record on.
func (h *traceHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		//nolint:sloglint // the names are Cloud Logging's
		r.AddAttrs(
			slog.String("logging.googleapis.com/trace", h.tracePrefix+sc.TraceID().String()),
			slog.String("logging.googleapis.com/spanId", sc.SpanID().String()),
			slog.Bool("logging.googleapis.com/trace_sampled", sc.IsSampled()),
		)
	}
	if r.Level >= slog.LevelError && r.PC != 0 {
		r.AddAttrs(sourceLocation(r.PC))
	}
	return h.Handler.Handle(ctx, r) //nolint:wrapcheck // a pass-through handler: the error is the writer's own
}

// sourceLocation is where a line was written. The line's number is a text, as JSON has it of an int64.
func sourceLocation(pc uintptr) slog.Attr {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	//nolint:sloglint // the names are Cloud Logging's
	return slog.Group("logging.googleapis.com/sourceLocation",
		slog.String("file", frame.File), slog.String("line", strconv.Itoa(frame.Line)), slog.String("function", frame.Function))
}

// WithAttrs keeps the trace fields for derived loggers.
func (h *traceHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &traceHandler{Handler: h.Handler.WithAttrs(attrs), tracePrefix: h.tracePrefix}
}

// WithGroup keeps the trace fields for derived loggers. They then land inside the group, as slog has no other way.
func (h *traceHandler) WithGroup(name string) slog.Handler {
	return &traceHandler{Handler: h.Handler.WithGroup(name), tracePrefix: h.tracePrefix}
}
