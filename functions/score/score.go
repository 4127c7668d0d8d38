package score

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/clock"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Name is the function's name in FUNCTION_TARGET, logs and metrics.
const Name = "score"

// Paths of those who call: where a caller asks and waits, where it sees what stands, and the contract of both.
const (
	decisionsPath = "/v1/decisions"
	standingPath  = "/v1/decisions/"
	contractPath  = "/v1/openapi.yaml"
)

// Decider gives the decision that stands for a payment. *engine.Engine is one.
type Decider interface {
	// Decide is for a payment that comes back when it fails.
	Decide(ctx context.Context, r engine.Request) (d *pix.Decision, repeated bool, err error)
	// Enter takes a place for a caller that waits, and AnswerAt uses it: it gives a provisional decision where none can be
	// stored.
	Enter() (engine.Place, error)
	AnswerAt(ctx context.Context, place engine.Place, r engine.Request) (d *pix.Decision, repeated bool, err error)
	// Standing gives the decision that stands, nil when none does, and decides nothing.
	Standing(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error)
}

// StatusMarker marks a decided payment with how it ended. *engine.Marker is one.
type StatusMarker interface {
	Status(ctx context.Context, s *pix.Status) error
}

// Sender publishes a stored decision and returns once it is acknowledged. *engine.Outbox is one.
type Sender interface {
	Send(ctx context.Context, d *pix.Decision) error
}

// Deps are the service's ports and settings.
type Deps struct {
	Engine    Decider
	Outbox    Sender
	Marker    StatusMarker
	Tokenizer *pix.Tokenizer
	Clock     func() time.Time // nil means time.Now
	Push      push.Deps        // its Logger, Tracer, Metrics and Timeout also serve HTTP
	Callers   push.Gate        // lets in who may ask
	Seen      func(live.Seen)  // hears of every decision given and must not wait; nil means nobody
	// MaxBudget is the most that a caller may give for an answer; 0 means DefaultMaxBudget.
	MaxBudget time.Duration
	// References is what served vectors are held against; nil means that drift is not told.
	References References
}

// Service is the http.Handler of both ways in: POST /v1/decisions, and pushed messages. Beside them it tells what stands and
// what the contract with callers is.
type Service struct {
	deps     Deps
	asked    http.Handler
	looked   http.Handler
	contract http.Handler
	pushed   http.Handler
	queue    *queue
	metrics  *metrics
	looks    *observer
}

// New returns the service. Close it to publish what its HTTP callers left in the queue.
func New(d Deps) (*Service, error) {
	if d.Engine == nil || d.Outbox == nil || d.Marker == nil || d.Tokenizer == nil || d.Callers == nil {
		return nil, errors.New("score: an engine, an outbox, a marker, a tokenizer and a gate for callers are required")
	}
	if d.Clock == nil {
		d.Clock = time.Now
	}
	if d.Seen == nil {
		d.Seen = func(live.Seen) {}
	}
	if d.Push.Tracer == nil {
		d.Push.Tracer = noop.NewTracerProvider().Tracer("")
	}
	if d.Push.Intake == nil {
		d.Push.Intake = push.NewIntake(push.DefaultIntakeBytes)
	}
	if d.Push.Clock == nil {
		d.Push.Clock = d.Clock
	}
	if d.Push.Watch == nil {
		d.Push.Watch = clock.NewWatch(0, d.Clock)
	}
	if d.MaxBudget == 0 {
		d.MaxBudget = DefaultMaxBudget
	}
	s := &Service{deps: d}
	endpoint, err := push.New(push.Function[message]{
		Name:   Name,
		Decode: s.decodeMessage,
		Encode: encodeMessage,
		Handle: s.handle,
	}, d.Push)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	if s.metrics, err = newMetrics(d.Push.Metrics); err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	if s.looks, err = newObserver(d.Push.Metrics, d.References, d.Clock); err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	s.queue = newQueue(d.Outbox, d.Push.Logger, s.metrics)
	s.asked = d.Callers.Require(identity.Decide, http.HandlerFunc(s.answer))
	s.looked = d.Callers.Require(identity.Read, http.HandlerFunc(s.standing))
	s.contract = d.Callers.Require(identity.Decide, http.HandlerFunc(contract))
	s.pushed = endpoint
	return s, nil
}

// ServeHTTP serves both ways in, each under its path. What comes under any other is a misplaced push, which is refused and
// counted as one: a question must not be taken for a message, and a redirect to a tidier path would lose it.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case decisionsPath:
		s.asked.ServeHTTP(w, r)
	case contractPath:
		s.contract.ServeHTTP(w, r)
	default:
		if id, under := strings.CutPrefix(r.URL.Path, standingPath); under && id != "" && !strings.Contains(id, "/") {
			s.looked.ServeHTTP(w, r)
			return
		}
		s.pushed.ServeHTTP(w, r)
	}
}

// Close publishes what is queued, as far as ctx allows; the outbox's sweep publishes the rest. Stop serving before.
func (s *Service) Close(ctx context.Context) error {
	if err := s.queue.close(ctx); err != nil {
		return fmt.Errorf("score: drain: %w", err)
	}
	return nil
}

// decode reads a payment, of raw identifiers alone or of either form.
func (s *Service) decode(e event.Envelope, now time.Time, raw bool) (*pix.Transaction, error) {
	tx, err := event.Decoder{Tokenizer: s.deps.Tokenizer, Unknown: s.metrics.unknownValue, Raw: raw}.Transaction(e, now)
	return &tx, err
}

// handle decides a pushed payment and publishes the decision before the message is acknowledged. A redelivery gets the
// decision that stands and publishes it again.
func (s *Service) handle(ctx context.Context, m message) error {
	if m.status != nil {
		return s.apply(ctx, m.status)
	}
	d, _, err := s.decide(ctx, engine.Request{Tx: m.payment, Arrival: m.arrival(ctx)}, s.deps.Engine.Decide)
	if err != nil {
		return err
	}
	if err := s.deps.Outbox.Send(ctx, d); err != nil {
		return fmt.Errorf("publish decision: %w", err)
	}
	return nil
}

// ask is one of a Decider's ways to decide.
type ask func(ctx context.Context, r engine.Request) (*pix.Decision, bool, error)

// decide asks the engine and writes the one line of the decision.
func (s *Service) decide(ctx context.Context, r engine.Request, by ask) (*pix.Decision, bool, error) {
	start := s.deps.Clock()
	r.TraceID = obs.TraceID(ctx)
	d, repeated, err := by(ctx, r)
	if err != nil {
		s.metrics.refused(err)
		return nil, false, fmt.Errorf("decide: %w", err)
	}
	now := s.deps.Clock()
	took := now.Sub(start)
	ctx = s.traced(ctx, d, repeated, took)
	s.metrics.decided(ctx, d, repeated, took)
	s.looks.decided(d, repeated, stamped(r.Arrival), now)
	s.deps.Seen(live.Seen{Decision: d, Repeated: repeated, Took: took})
	s.deps.Push.Logger.LogAttrs(ctx, slog.LevelInfo, "decided",
		slog.String("end_to_end_id", string(d.ID())),
		slog.String("direction", string(d.Transaction.Direction)),
		slog.String("outcome", string(d.Outcome)),
		slog.Bool("repeated", repeated),
		slog.Bool("replay", r.Arrival.Replay),
		slog.Bool("features_missing", d.FeaturesMissing),
		slog.Bool("provisional", d.Provisional),
		slog.String("model_version", d.ModelVersion()),
		slog.String("policy_version", d.PolicyVersion),
		slog.Int64("duration_us", took.Microseconds()),
	)
	return d, repeated, nil
}

// traced says on the span of ctx what was decided and keeps it unless that is an approval, and adds a span of the decision
// alone, which is not made before it is known whether anybody keeps it.
func (s *Service) traced(ctx context.Context, d *pix.Decision, repeated bool, took time.Duration) context.Context {
	span := trace.SpanFromContext(ctx)
	if d.Outcome != pix.Approve {
		ctx = obs.Keep(ctx)
	}
	if !trace.SpanContextFromContext(ctx).IsSampled() { // most payments: they need no words
		return ctx
	}
	span.SetAttributes(
		attribute.String("pix.end_to_end_id", string(d.ID())), attribute.String("pix.direction", string(d.Transaction.Direction)),
		attribute.String("pix.outcome", string(d.Outcome)), attribute.Bool("pix.provisional", d.Provisional),
	)
	ended := time.Now()
	_, decided := obs.Start(ctx, "decide", trace.WithTimestamp(ended.Add(-took)))
	if decided.IsRecording() {
		decided.SetAttributes(
			attribute.Bool("pix.repeated", repeated), attribute.Bool("pix.features_missing", d.FeaturesMissing),
			attribute.String("pix.model_version", d.ModelVersion()), attribute.String("pix.policy_version", d.PolicyVersion),
			attribute.Int64("pix.store_us", d.StoreLatency.Microseconds()), attribute.Int64("pix.score_us", d.ScoreLatency.Microseconds()),
		)
	}
	decided.End(trace.WithTimestamp(ended))
	return ctx
}

// startSpan continues the caller's trace.
func (s *Service) startSpan(ctx context.Context, traceparent, name string) (context.Context, trace.Span) {
	ctx = obs.Continue(ctx, traceparent)
	return s.deps.Push.Tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindServer))
}
