package push

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/clock"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// MaxBodyBytes bounds a request: the largest message as base64, with room for attributes and the JSON around them.
const MaxBodyBytes = bus.MaxMessageBytes*4/3 + 256<<10

// deadLetterTimeout bounds the publication of a dead letter, which goes on when the request is cancelled.
const deadLetterTimeout = 10 * time.Second

// Function is what an endpoint does with its messages, each of which decodes to a T.
type Function[T any] struct {
	Name string // in logs, metrics and as the source of dead letters
	// Decode reads a message and judges its times against now.
	Decode func(e event.Envelope, now time.Time) (T, error)
	// Encode writes a decoded message without any raw identifier: it is what a dead letter carries, so that it can be
	// replayed. What could not be decoded is dead-lettered without its payload.
	Encode func(T) (event.Envelope, error)
	// Handle does the work. It must be idempotent: a message comes as often as Pub/Sub likes.
	Handle func(context.Context, T) error
}

// DeadLetterer publishes a dead letter and returns once it is acknowledged. *bus.Bus is one.
type DeadLetterer interface {
	DeadLetter(ctx context.Context, topic string, l bus.Letter) error
}

// Gate serves a handler for callers with a role alone. *host.Gate is one.
type Gate interface {
	Require(role identity.Role, next http.Handler) http.Handler
}

// Deps are what every endpoint needs. Gate, DeadLetters, DeadLetterTopic and Logger are required.
type Deps struct {
	Gate            Gate // lets in who may push
	DeadLetters     DeadLetterer
	DeadLetterTopic string
	// MaxAge is how old a message may become whose handling fails for a passing reason, by Pub/Sub's publish time. It
	// must be below the subscription's retention: what is older Pub/Sub drops without a word. 0 means DefaultMaxAge.
	MaxAge time.Duration
	// MaxPanics is how often the handling of one message may panic in this process. 0 means DefaultMaxPanics.
	MaxPanics int
	// Timeout bounds the handling of one message, below the subscription's acknowledgement deadline; 0 means none.
	Timeout time.Duration
	// Clock tells the time that messages are judged by; nil means time.Now. Watch is the process's watch on it, which is
	// fed with publish times; nil means one of the endpoint's own.
	Clock func() time.Time
	Watch *clock.Watch
	// Intake bounds what all requests of the process hold; nil means DefaultIntakeBytes for this endpoint alone.
	Intake  *Intake
	Logger  *slog.Logger
	Tracer  trace.Tracer          // nil means none
	Metrics prometheus.Registerer // nil means none
}

// Limits of a deployment that says nothing else. The age leaves a day of Pub/Sub's retention of seven.
const (
	DefaultMaxAge    = 6 * 24 * time.Hour
	DefaultMaxPanics = 5
)

// withDefaults fills in what may be left out.
func (d Deps) withDefaults() Deps {
	if d.Tracer == nil {
		d.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if d.Clock == nil {
		d.Clock = time.Now
	}
	if d.Watch == nil {
		d.Watch = clock.NewWatch(0, d.Clock)
	}
	if d.Intake == nil {
		d.Intake = NewIntake(DefaultIntakeBytes)
	}
	if d.MaxAge == 0 {
		d.MaxAge = DefaultMaxAge
	}
	if d.MaxPanics == 0 {
		d.MaxPanics = DefaultMaxPanics
	}
	return d
}

// New returns the endpoint.
func New[T any](f Function[T], d Deps) (http.Handler, error) {
	if f.Name == "" || f.Decode == nil || f.Encode == nil || f.Handle == nil {
		return nil, errors.New("push endpoint: name, decode, encode and handle are required")
	}
	if d.Gate == nil || d.DeadLetters == nil || d.DeadLetterTopic == "" || d.Logger == nil {
		return nil, fmt.Errorf("push endpoint %s: a gate, dead letters, their topic and a logger are required", f.Name)
	}
	d = d.withDefaults()
	m, err := newMetrics(d.Metrics)
	if err != nil {
		return nil, fmt.Errorf("push endpoint %s: %w", f.Name, err)
	}
	e := &endpoint[T]{f: f, d: d, metrics: m, stamps: &stamps{watch: d.Watch, now: d.Clock}, panics: newPanics()}
	e.gated = d.Gate.Require(identity.Push, http.HandlerFunc(e.take))
	return e, nil
}

// endpoint is the http.Handler of one function.
type endpoint[T any] struct {
	f       Function[T]
	d       Deps
	gated   http.Handler // take, for who may push
	metrics *metrics
	stamps  *stamps
	panics  *panics
}

// delivery is one request on its way through the endpoint.
type delivery struct {
	msg   Message
	start time.Time
	safe  func() (event.Envelope, error) // the message without raw identifiers; nil while it is not decoded
}

// age is how old the message is at a moment, and whether it says so. One that was just published may seem to be from the
// future: that is no age yet.
func (d *delivery) age(now time.Time) (time.Duration, bool) {
	if d.msg.Published.IsZero() {
		return 0, false
	}
	return max(now.Sub(d.msg.Published), 0), true
}

// ServeHTTP tells everybody alike what there is nothing of, and takes pushes from who may push. Paths are compared as they
// are. The functions framework and Eventarc deliver to the root.
func (e *endpoint[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/push", r.URL.Path == "/":
		e.gated.ServeHTTP(w, r)
		return
	case r.Method == http.MethodPost: // perhaps a subscription's
		e.refused(r.Context(), time.Now(), notFound())
	}
	problem.Write(w, notFound())
}

// take handles the pushed message, or each of a batch, and acknowledges if all may be: one that failed brings the batch
// back, and what was handled before is handled again, which changes nothing.
func (e *endpoint[T]) take(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		problem.NotAllowed(w, http.MethodPost)
		return
	}
	ctx, start := r.Context(), time.Now()
	if e.d.Timeout > 0 { // for a batch as a whole: it has one acknowledgement deadline
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.d.Timeout)
		defer cancel()
	}
	found, release, err := e.read(w, r)
	defer release()
	if err != nil {
		e.refused(ctx, start, err)
	}
	for _, f := range found {
		failure := e.process(ctx, f, start)
		if err == nil {
			err = failure
		}
	}
	if err != nil {
		problem.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// read reads the messages of a request. The caller calls release once it has answered.
func (e *endpoint[T]) read(w http.ResponseWriter, r *http.Request) (found []Found, release func(), err error) {
	read, err := formOf(r.Header)
	if err != nil {
		return nil, func() {}, err
	}
	data, release, err := e.d.Intake.Read(w, r, MaxBodyBytes)
	switch {
	case pix.KindOf(err) == pix.TooLarge:
		return nil, release, tooLarge()
	case err != nil:
		return nil, release, err
	}
	found, err = read(r.Header, data)
	return found, release, err
}

// process handles one message of a request. An error means that it must come again.
func (e *endpoint[T]) process(ctx context.Context, f Found, start time.Time) error {
	if f.Unreadable != nil {
		e.refused(ctx, start, f.Unreadable)
		return f.Unreadable
	}
	del := delivery{msg: f.Message, start: start}
	ctx, span := e.d.Tracer.Start(obs.Extract(ctx, del.msg.Attributes), e.f.Name+" process", trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	age, known := del.age(e.d.Clock())
	e.metrics.met(e.f.Name, age, known)
	return e.dispose(ctx, &del, e.handle(ctx, &del))
}

// refused notes a request, or an element of a batch, that gave no message.
func (e *endpoint[T]) refused(ctx context.Context, start time.Time, err error) {
	var p *problem.Problem
	if !errors.As(err, &p) {
		e.record(ctx, &delivery{start: start}, err, resultOf(err))
		return
	}
	e.metrics.unreadable.WithLabelValues(e.f.Name, p.Kind).Inc()
	e.metrics.handled(ctx, e.f.Name, resultUnreadable, time.Since(start))
	level := slog.LevelError
	if p.Status == http.StatusNotFound { // anybody who reaches the port can cause it, and warnings are summarised
		level = slog.LevelWarn
	}
	e.d.Logger.Log(ctx, level, "push cannot be read: a subscription or a sender is set up wrongly", "function", e.f.Name,
		"reason", p.Kind, "problems", (&pix.Problems{List: p.Errors}).Error(), "remedy", p.Detail)
}

// errPanic stands for a panic of the handler. Its value is left out: it may hold anything.
var errPanic = errors.New("the handler panicked")

// handle decodes and handles the message, unless our clock is in doubt. A panic becomes an error, so that it is counted
// and retried like one.
func (e *endpoint[T]) handle(ctx context.Context, del *delivery) (err error) {
	defer func() {
		if v := recover(); v != nil {
			e.d.Logger.ErrorContext(ctx, "handler panicked", "function", e.f.Name, "panic_type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			err = pix.E(pix.Unexpected, "handle", errPanic)
		}
	}()
	if err := e.stamps.check(&del.msg); err != nil {
		return err
	}
	v, err := e.f.Decode(del.msg.Envelope, e.d.Clock())
	if err != nil {
		return err
	}
	del.safe = func() (event.Envelope, error) { return e.f.Encode(v) }
	return e.f.Handle(context.WithValue(ctx, publishedKey{}, del.msg.Published), v)
}

type publishedKey struct{}

// Published is when Pub/Sub took the message that Handle was given, by its own clock; zero when it does not say.
func Published(ctx context.Context) time.Time {
	t, _ := ctx.Value(publishedKey{}).(time.Time)
	return t
}

// dispose dead-letters what must be and records what happened. It returns the error for whose sake the message comes again.
func (e *endpoint[T]) dispose(ctx context.Context, del *delivery, err error) error {
	if err == nil {
		e.panics.forget(del.msg.ID)
		e.record(ctx, del, nil, resultOK)
		return nil
	}
	result, again := resultOf(err), err
	if dies, why := e.verdict(del, err); dies {
		ctx = obs.Keep(ctx)
		err, again = why, nil
		if failure := e.deadLetter(ctx, del, result, why); failure != nil {
			again = pix.E(pix.Unavailable, "dead-letter", failure)
			err = errors.Join(err, again)
		} else {
			e.panics.forget(del.msg.ID)
		}
	}
	e.record(ctx, del, err, result)
	return again
}

// resultOf is a failure as metrics, the log and a dead letter's reason name it.
func resultOf(err error) string {
	switch {
	case errors.Is(err, errPanic):
		return resultPanic
	case errors.Is(err, errClock):
		return resultClock
	default:
		return pix.KindOf(err).Disposition().Label
	}
}

// Results beside the labels of error kinds.
const (
	resultOK         = "ok"
	resultPanic      = "panic"
	resultClock      = "clock"
	resultUnreadable = "unreadable"
)

// verdict says whether a failed message dies, and of what: a permanent failure at once, a panic by its count, anything
// else by age. A wrong clock kills nothing.
func (e *endpoint[T]) verdict(del *delivery, err error) (dies bool, why error) {
	switch {
	case errors.Is(err, errClock):
		return false, err
	case pix.KindOf(err).Disposition().DeadLetter:
		return true, err
	case errors.Is(err, errPanic) && e.panics.add(del.msg.ID) >= e.d.MaxPanics:
		return true, fmt.Errorf("gave up after %d panics: %w", e.d.MaxPanics, err)
	}
	if age, known := del.age(e.d.Clock()); known && age > e.d.MaxAge {
		return true, fmt.Errorf("gave up at an age of %s: %w", age.Round(time.Minute), err)
	}
	return false, err
}

// deadLetter publishes the message with the reason, tokenised or without its payload.
func (e *endpoint[T]) deadLetter(ctx context.Context, del *delivery, reason string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadLetterTimeout)
	defer cancel()
	letter := bus.Letter{
		Reason: reason, Detail: cause.Error(), Source: e.f.Name,
		Origin:   map[string]string{event.AttrDeadLetterMessageID: del.msg.ID},
		Envelope: event.Envelope{Attributes: del.msg.Attributes},
	}
	if del.safe != nil {
		if safe, err := del.safe(); err == nil {
			letter.Envelope = safe
		}
	}
	err := e.d.DeadLetters.DeadLetter(ctx, e.d.DeadLetterTopic, letter)
	e.metrics.deadLettered(e.f.Name, err)
	return err
}

// describe says on the span what happened, in words of ours alone. One that nobody keeps needs no words.
func (e *endpoint[T]) describe(ctx context.Context, del *delivery, result string) {
	span := trace.SpanFromContext(ctx)
	if !span.SpanContext().IsSampled() {
		return
	}
	span.SetAttributes(attribute.String("pix.result", result))
	if id, bad := pix.ParseEndToEndID(del.msg.Attributes[event.AttrEventID]); bad == nil {
		span.SetAttributes(attribute.String("pix.end_to_end_id", string(id)))
	}
	if result != resultOK {
		span.SetStatus(codes.Error, result)
	}
}

// record counts the message and writes its one line.
func (e *endpoint[T]) record(ctx context.Context, del *delivery, err error, result string) {
	took := time.Since(del.start)
	e.metrics.handled(ctx, e.f.Name, result, took)
	e.describe(ctx, del, result)
	level := slog.LevelWarn
	if err == nil || errors.Is(err, errClock) && e.d.Watch.Behind() > 0 { // the watch's alarm says it for all of them
		level = slog.LevelDebug
	}
	if !e.d.Logger.Enabled(ctx, level) {
		return
	}
	args := []any{
		"function", e.f.Name, "result", result, "duration_ms", took.Milliseconds(),
	}
	// The id and the attribute are the sender's words and may hold anything: they are written only in their grammar.
	if bus.WellFormed(event.AttrDeadLetterMessageID, del.msg.ID) {
		args = append(args, "message_id", del.msg.ID)
	}
	if age, known := del.age(e.d.Clock()); known {
		args = append(args, "age_ms", age.Milliseconds())
	}
	if id, bad := pix.ParseEndToEndID(del.msg.Attributes[event.AttrEventID]); bad == nil {
		args = append(args, "end_to_end_id", string(id))
	}
	if err != nil {
		args = append(args, "error", err.Error())
	}
	e.d.Logger.Log(ctx, level, "message handled", args...)
}
