package push

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// MaxBodyBytes bounds a request: the largest message as base64, with room for attributes and the JSON around them.
const MaxBodyBytes = bus.MaxMessageBytes*4/3 + 256<<10

// deadLetterTimeout bounds the publication of a dead letter, which goes on when the request is cancelled.
const deadLetterTimeout = 10 * time.Second

// Function is what an endpoint does with its messages, each of which decodes to a T.
type Function[T any] struct {
	Name   string // in logs, metrics and as the source of dead letters
	Decode func(event.Envelope) (T, error)
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

// Deps are what every endpoint needs. DeadLetters, DeadLetterTopic and Logger are required.
type Deps struct {
	DeadLetters     DeadLetterer
	DeadLetterTopic string
	// MaxAttempts is the subscription's own limit of deliveries; 0 means that we never give up on our own.
	MaxAttempts int
	// Timeout bounds the handling of one message, below the subscription's acknowledgement deadline; 0 means none.
	Timeout time.Duration
	Logger  *slog.Logger
	Tracer  trace.Tracer          // nil means none
	Metrics prometheus.Registerer // nil means none
}

// New returns the endpoint.
func New[T any](f Function[T], d Deps) (http.Handler, error) {
	if f.Name == "" || f.Decode == nil || f.Encode == nil || f.Handle == nil {
		return nil, errors.New("push endpoint: name, decode, encode and handle are required")
	}
	if d.DeadLetters == nil || d.DeadLetterTopic == "" || d.Logger == nil {
		return nil, fmt.Errorf("push endpoint %s: dead letters, their topic and a logger are required", f.Name)
	}
	if d.Tracer == nil {
		d.Tracer = noop.NewTracerProvider().Tracer("")
	}
	m, err := newMetrics(d.Metrics)
	if err != nil {
		return nil, fmt.Errorf("push endpoint %s: %w", f.Name, err)
	}
	return &endpoint[T]{f: f, d: d, metrics: m}, nil
}

// endpoint is the http.Handler of one function.
type endpoint[T any] struct {
	f       Function[T]
	d       Deps
	metrics *metrics
}

// delivery is one request on its way through the endpoint.
type delivery struct {
	msg   Message
	start time.Time
	safe  func() (event.Envelope, error) // the message without raw identifiers; nil while it is not decoded
}

// ServeHTTP handles one pushed message.
func (e *endpoint[T]) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "messages are posted", http.StatusMethodNotAllowed)
		return
	}
	del := delivery{start: time.Now()}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBodyBytes))
	if err != nil {
		err = bodyError(err)
	} else {
		del.msg, err = Decode(r.Header, data)
	}
	ctx, span := e.d.Tracer.Start(obs.Extract(r.Context(), del.msg.Attributes), e.f.Name+" process", trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	if err == nil {
		err = e.handle(ctx, &del)
	}
	w.WriteHeader(e.settle(ctx, &del, err))
}

// bodyError tells a body that is too large from one that did not arrive.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return pix.E(pix.TooLarge, "read body", err)
	}
	return pix.E(pix.Unavailable, "read body", errors.New("the request ended early"))
}

// errPanic stands for a panic of the handler. Its value is left out: it may hold anything.
var errPanic = errors.New("the handler panicked")

// handle decodes and handles the message. A panic becomes an error, so that it is counted and retried like one, and
// dead-lettered on the last attempt.
func (e *endpoint[T]) handle(ctx context.Context, del *delivery) (err error) {
	defer func() {
		if v := recover(); v != nil {
			e.d.Logger.ErrorContext(ctx, "handler panicked", "function", e.f.Name, "panic_type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			err = pix.E(pix.Unexpected, "handle", errPanic)
		}
	}()
	if e.d.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.d.Timeout)
		defer cancel()
	}
	v, err := e.f.Decode(del.msg.Envelope)
	if err != nil {
		return err
	}
	del.safe = func() (event.Envelope, error) { return e.f.Encode(v) }
	return e.f.Handle(ctx, v)
}

// settle dead-letters what must be, records what happened and returns the status that tells Pub/Sub.
func (e *endpoint[T]) settle(ctx context.Context, del *delivery, err error) int {
	if err == nil {
		e.record(ctx, del, nil, "ok")
		return http.StatusNoContent
	}
	disposition := pix.KindOf(err).Disposition()
	result := disposition.Label
	if errors.Is(err, errPanic) {
		result = "panic"
	}
	status := disposition.HTTPStatus
	last := e.d.MaxAttempts > 0 && del.msg.Attempt >= e.d.MaxAttempts
	if disposition.DeadLetter || last {
		status = http.StatusNoContent
		if failure := e.deadLetter(ctx, del, result, err); failure != nil {
			status = http.StatusServiceUnavailable
			err = errors.Join(err, failure)
		}
	}
	e.record(ctx, del, err, result)
	return status
}

// deadLetter publishes the message with the reason, tokenised or without its payload.
func (e *endpoint[T]) deadLetter(ctx context.Context, del *delivery, reason string, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadLetterTimeout)
	defer cancel()
	letter := bus.Letter{
		Reason: reason, Detail: cause.Error(), Source: e.f.Name,
		Envelope: event.Envelope{Attributes: del.msg.Attributes},
	}
	if del.safe != nil {
		if safe, err := del.safe(); err == nil {
			letter.Envelope = safe
		}
	}
	err := e.d.DeadLetters.DeadLetter(ctx, e.d.DeadLetterTopic, letter)
	e.metrics.deadLettered(e.f.Name, err)
	if err != nil {
		return fmt.Errorf("dead-letter: %w", err)
	}
	return nil
}

// record counts the message and writes its one line.
func (e *endpoint[T]) record(ctx context.Context, del *delivery, err error, result string) {
	took := time.Since(del.start)
	e.metrics.handled(e.f.Name, result, took)
	level := slog.LevelDebug
	if err != nil {
		level = slog.LevelWarn
	}
	if !e.d.Logger.Enabled(ctx, level) {
		return
	}
	args := []any{
		"function", e.f.Name, "result", result, "message_id", bus.Truncate(del.msg.ID),
		"delivery_attempt", del.msg.Attempt, "duration_ms", took.Milliseconds(),
	}
	// The attribute is the publisher's own and may hold anything: only a well-formed id is written.
	if id, bad := pix.ParseEndToEndID(del.msg.Attributes[event.AttrEventID]); bad == nil {
		args = append(args, "end_to_end_id", string(id))
	}
	if err != nil {
		args = append(args, "error", err.Error())
	}
	e.d.Logger.Log(ctx, level, "message handled", args...)
}
