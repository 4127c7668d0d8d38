package obs

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
)

const (
	// RepeatEvery is how often a warning that repeats is written.
	RepeatEvery = 10 * time.Second
	maxKinds    = 128 // of warnings; what is of no kind that is known by then is written as it comes
)

// Summarise returns a logger that writes the first of equal warnings at once and then one line every RepeatEvery: the last
// of them, with how many it stands for as repeated. Two warnings are equal when message, part, result and function are.
// An outage makes every payment warn of the same thing, and a line for each would cost more than the answers and hide
// everything else.
//
// Only warnings are summarised. What they name besides, as an end_to_end_id, is an example: a payment's own facts are in its
// decision's line, its dead letter or its caller's answer, or its message comes back. Lines below are facts, and an error is
// a defect, of which each may be another.
//
// No goroutine runs: what was held back is written with the next line of any kind after its time, and by flush, which whoever
// ends the process calls last.
func Summarise(l *slog.Logger) (logger *slog.Logger, flush func(context.Context) error) {
	r := &repeats{kinds: map[string]*repeat{}}
	r.due.Store(math.MaxInt64)
	return slog.New(&summariser{next: l.Handler(), repeats: r}), func(context.Context) error { return r.write(time.Time{}) }
}

// summariser is the handler of Summarise. Handlers derived from it share what is held back.
type summariser struct {
	next    slog.Handler
	repeats *repeats
	kind    string // of the attributes that every line has
}

// Enabled implements slog.Handler.
func (s *summariser) Enabled(ctx context.Context, level slog.Level) bool {
	return s.next.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (s *summariser) WithAttrs(attrs []slog.Attr) slog.Handler {
	kind := s.kind
	for _, a := range attrs {
		kind += kindOf(a)
	}
	return &summariser{next: s.next.WithAttrs(attrs), repeats: s.repeats, kind: kind}
}

// WithGroup implements slog.Handler.
func (s *summariser) WithGroup(name string) slog.Handler {
	return &summariser{next: s.next.WithGroup(name), repeats: s.repeats, kind: s.kind + "\x00" + name}
}

// Handle implements slog.Handler.
func (s *summariser) Handle(ctx context.Context, r slog.Record) error {
	if r.Time.IsZero() {
		return s.next.Handle(ctx, r) //nolint:wrapcheck // a pass-through handler: the error is the writer's own
	}
	err := s.repeats.write(r.Time)
	if r.Level >= slog.LevelWarn && r.Level < slog.LevelError && s.repeats.hold(s, trace.SpanContextFromContext(ctx), r) {
		return err
	}
	return errors.Join(err, s.next.Handle(ctx, r))
}

func (s *summariser) kindOf(r slog.Record) string {
	var b strings.Builder
	b.WriteString(s.kind)
	b.WriteByte(0)
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(kindOf(a))
		return true
	})
	return b.String()
}

// kindOf gives an attribute's part of a kind. The values of these keys come from closed sets.
func kindOf(a slog.Attr) string {
	switch a.Key {
	case "part", "result", "function":
		return "\x00" + a.Key + "=" + a.Value.String()
	default:
		return ""
	}
}

// repeats holds back what repeats.
type repeats struct {
	due atomic.Int64 // when the first interval ends, in nanoseconds of Unix

	mu    sync.Mutex
	kinds map[string]*repeat
}

// repeat is one kind of warning in its interval.
type repeat struct {
	until time.Time
	held  int
	last  slog.Record // that was held
	span  trace.SpanContext
	next  slog.Handler
}

// hold keeps a warning back when its kind was written within the interval.
func (r *repeats) hold(s *summariser, span trace.SpanContext, record slog.Record) bool {
	kind := s.kindOf(record)
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.kinds[kind]; k != nil {
		k.held++
		k.last, k.span, k.next = record.Clone(), span, s.next
		return true
	}
	if len(r.kinds) < maxKinds {
		k := &repeat{until: record.Time.Add(RepeatEvery)}
		r.kinds[kind] = k
		r.due.Store(min(r.due.Load(), k.until.UnixNano()))
	}
	return false
}

// write writes what was held back in intervals that have ended; the zero time ends all.
func (r *repeats) write(now time.Time) error {
	if !now.IsZero() && now.UnixNano() < r.due.Load() {
		return nil
	}
	var failures []error
	for _, k := range r.ended(now) {
		k.last.AddAttrs(slog.Int("repeated", k.held))
		failures = append(failures, k.next.Handle(trace.ContextWithSpanContext(context.Background(), k.span), k.last))
	}
	return errors.Join(failures...)
}

// ended takes out what is to be written, and begins the next interval of each. A kind that did not repeat is forgotten.
func (r *repeats) ended(now time.Time) []repeat {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []repeat
	due := int64(math.MaxInt64)
	for kind, k := range r.kinds {
		over := now.IsZero() || !now.Before(k.until)
		if over && k.held > 0 {
			out = append(out, *k)
		}
		switch {
		case over && (k.held == 0 || now.IsZero()):
			delete(r.kinds, kind)
			continue
		case over:
			*k = repeat{until: now.Add(RepeatEvery)}
		}
		due = min(due, k.until.UnixNano())
	}
	r.due.Store(due)
	return out
}
