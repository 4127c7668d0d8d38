package score

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"runtime/debug"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// maxRequestBytes bounds the body of POST /v1/decisions. A payment is a few kilobytes.
const maxRequestBytes = 64 << 10

// retryAfterSeconds is what a caller is told to wait when a dependency is away or there is no place.
const retryAfterSeconds = "1"

// ReplayHeader is "true" on a payment that is not live. The caller needs identity.Replay.
const ReplayHeader = "Pix-Replay"

// answer serves POST /v1/decisions: a payment in, as JSON or proto by its Content-Type, the decision out as JSON.
// While the store is away the decision is provisional: no approval, not stored, and another call gets the one that stands.
// A payment for which there is no place is refused with 429 before anything is spent on it but reading it.
func (s *Service) answer(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		writeProblem(w, http.StatusMethodNotAllowed, problem{Kind: "method_not_allowed"})
		return
	}
	if r.Header.Get(ReplayHeader) != "" && !identity.From(r.Context()).Has(identity.Replay) {
		writeProblem(w, http.StatusForbidden, problem{Kind: "forbidden"})
		return
	}
	ctx, span := s.startSpan(r.Context(), r.Header.Get(event.AttrTraceparent), "POST /v1/decisions")
	defer span.End()
	if s.deps.Push.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.deps.Push.Timeout)
		defer cancel()
	}
	body, err := s.guard(ctx, w, r)
	if err != nil {
		s.refuse(ctx, w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // the caller has gone; the decision stands
}

// guard turns a panic into an error, so that the caller gets an answer. The panic's value may hold anything and is left
// out.
func (s *Service) guard(ctx context.Context, w http.ResponseWriter, r *http.Request) (body []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.deps.Push.Logger.ErrorContext(ctx, "handler panicked", "panic_type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			body, err = nil, pix.E(pix.Unexpected, "decide", errors.New("the handler panicked"))
		}
	}()
	return s.answerFor(ctx, w, r)
}

// answerFor decides the payment in the request's body and returns the answer's. From decoding the one to encoding the other
// it holds one place: that is what they cost together. It does not hold one while the body comes in, which may take long and
// costs nothing.
func (s *Service) answerFor(ctx context.Context, w http.ResponseWriter, r *http.Request) ([]byte, error) {
	// No server stamps a request, but what is pushed tells whether our clock can judge its payment.
	if err := s.deps.Push.Watch.Err(); err != nil {
		return nil, fmt.Errorf("judge time: %w", err)
	}
	encoding, err := encodingOf(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	data, release, err := s.deps.Push.Intake.Read(w, r, maxRequestBytes)
	defer release()
	if err != nil {
		return nil, fmt.Errorf("decide: %w", err)
	}
	place, err := s.deps.Engine.Enter()
	if err != nil {
		return nil, fmt.Errorf("enter: %w", err)
	}
	defer place.Leave()
	tx, err := s.decode(event.Envelope{Data: data, Attributes: map[string]string{
		event.AttrSchema: event.SchemaTransaction, event.AttrEncoding: encoding,
	}}, s.deps.Clock())
	if err != nil {
		return nil, err
	}
	asked := engine.Request{Tx: tx, Arrival: pix.Arrival{Replay: r.Header.Get(ReplayHeader) == event.ReplayTrue}}
	d, err := s.decide(ctx, asked, func(ctx context.Context, r engine.Request) (*pix.Decision, bool, error) {
		return s.deps.Engine.AnswerAt(ctx, place, r)
	})
	if err != nil {
		return nil, err
	}
	body, err := event.DecisionJSON(d)
	if err != nil {
		return nil, pix.E(pix.Unexpected, "encode decision", err)
	}
	if !d.Provisional { // it is stored nowhere, and only what is stored is published
		s.queue.add(ctx, d)
	}
	return body, nil
}

// encodingOf maps a media type to the envelope's encoding.
func encodingOf(contentType string) (string, error) {
	media, _, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "", media == "application/json":
		return event.EncodingJSON, nil
	case media == "application/x-protobuf", media == "application/protobuf":
		return event.EncodingProto, nil
	default:
		return "", pix.E(pix.UnknownSchema, "read content type", errors.Join(errors.New("expected application/json or application/x-protobuf"), err))
	}
}

// problem is the body of an answer that is no decision.
type problem struct {
	Kind   string        `json:"kind"`             // pix.Disposition.Label
	Detail []pix.Problem `json:"detail,omitempty"` // what is wrong with the payment, never a value
}

// refuse answers with the error's kind. Its text stays in the log: a caller learns what it can act on.
func (s *Service) refuse(ctx context.Context, w http.ResponseWriter, err error) {
	disposition := pix.KindOf(err).Disposition()
	p := problem{Kind: disposition.Label}
	var problems *pix.Problems
	if errors.As(err, &problems) {
		p.Detail = problems.List
	}
	s.deps.Push.Logger.WarnContext(ctx, "payment not decided", "result", disposition.Label, "error", err.Error())
	switch disposition.HTTPStatus {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		w.Header().Set("Retry-After", retryAfterSeconds)
	}
	writeProblem(w, disposition.HTTPStatus, p)
}

func writeProblem(w http.ResponseWriter, status int, p problem) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]problem{"error": p}) // the caller has gone
}
