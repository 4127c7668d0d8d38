package obs

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"
)

// plainHandler writes the lines of payments: texts, whole numbers and truths, that need no escapes, below an error. They are
// nearly all lines, and are written in the bytes in which next would write them, for a third of the processor. Whatever
// else there is goes to next.
type plainHandler struct {
	next  *traceHandler
	to    io.Writer
	attrs []byte // of every line, as JSON
	slow  bool   // those are not plain, or in a group
}

// maxLine is the largest buffer that is kept for the next line.
const maxLine = 4 << 10

// lines keeps buffers that are not in use.
var lines = sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }} //nolint:gochecknoglobals // a pool holds no state

// Enabled implements slog.Handler.
func (h *plainHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h *plainHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	derived := *h
	derived.next = h.next.WithAttrs(attrs).(*traceHandler)
	derived.attrs = h.attrs[:len(h.attrs):len(h.attrs)]
	for _, a := range attrs {
		ok := false
		if derived.attrs, ok = appendPlain(derived.attrs, a); !ok {
			derived.slow = true
		}
	}
	return &derived
}

// WithGroup implements slog.Handler.
func (h *plainHandler) WithGroup(name string) slog.Handler {
	return &plainHandler{next: h.next.WithGroup(name).(*traceHandler), to: h.to, slow: true}
}

// Handle implements slog.Handler.
func (h *plainHandler) Handle(ctx context.Context, r slog.Record) error {
	if h.slow || r.Level >= slog.LevelError || r.Time.IsZero() || !isPlain(r.Message) {
		return h.flush(r.Level, h.next.Handle(ctx, r))
	}
	buffer := lines.Get().(*[]byte)
	out, ok := h.line((*buffer)[:0], trace.SpanContextFromContext(ctx), &r)
	if cap(out) <= maxLine {
		*buffer = out
		defer lines.Put(buffer)
	}
	if !ok {
		return h.flush(r.Level, h.next.Handle(ctx, r))
	}
	_, err := h.to.Write(out)
	return h.flush(r.Level, err)
}

// flush has a warning, and what waited before it, written at once.
func (h *plainHandler) flush(level slog.Level, err error) error {
	if held, ok := h.to.(*Lines); ok && level >= slog.LevelWarn {
		return errors.Join(err, held.Flush())
	}
	return err
}

// oneByOne keeps the lines of both handlers apart.
type oneByOne struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (o *oneByOne) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.to.Write(line) //nolint:wrapcheck // a pass-through writer
}

// line appends a record, unless something in it is not plain.
func (h *plainHandler) line(out []byte, sc trace.SpanContext, r *slog.Record) (_ []byte, ok bool) {
	out = r.Time.AppendFormat(append(out, `{"time":"`...), time.RFC3339Nano)
	out = append(append(out, `","severity":"`...), severity(r.Level)...)
	out = append(append(out, `","message":"`...), r.Message...)
	out = append(append(out, '"'), h.attrs...)
	ok = true
	r.Attrs(func(a slog.Attr) bool {
		out, ok = appendPlain(out, a)
		return ok
	})
	if ok && sc.IsValid() {
		id, span := sc.TraceID(), sc.SpanID()
		out = append(append(out, `,"logging.googleapis.com/trace":"`...), h.next.tracePrefix...)
		out = hex.AppendEncode(out, id[:])
		out = hex.AppendEncode(append(out, `","logging.googleapis.com/spanId":"`...), span[:])
		out = strconv.AppendBool(append(out, `","logging.googleapis.com/trace_sampled":`...), sc.IsSampled())
	}
	return append(out, '}', '\n'), ok
}

// appendPlain appends an attribute as a member of an object, behind another, unless it is not plain.
func appendPlain(out []byte, a slog.Attr) (_ []byte, ok bool) {
	if a.Key == "" || a.Key == slog.MessageKey || a.Key == slog.LevelKey || !isPlain(a.Key) {
		return out, false
	}
	out = append(append(append(out, ',', '"'), a.Key...), '"', ':')
	switch a.Value.Kind() {
	case slog.KindString:
		s := a.Value.String()
		return append(append(append(out, '"'), s...), '"'), isPlain(s)
	case slog.KindInt64:
		return strconv.AppendInt(out, a.Value.Int64(), 10), true
	case slog.KindBool:
		return strconv.AppendBool(out, a.Value.Bool()), true
	default:
		return out, false
	}
}

// isPlain tells whether JSON has s as it is.
func isPlain(s string) bool {
	ascii := true
	for i := range len(s) {
		if s[i] < ' ' || s[i] == '"' || s[i] == '\\' {
			return false
		}
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s) && !strings.Contains(s, "\u2028") && !strings.Contains(s, "\u2029")
}
