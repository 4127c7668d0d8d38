package score

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/sentinela-pix/sentinela/functions/internal/problem"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// maxRequestBytes bounds the body of POST /v1/decisions. A payment is a few kilobytes.
const maxRequestBytes = 64 << 10

// ReplayHeader is "true" on a payment that is not live. The caller needs identity.Replay.
const ReplayHeader = "Pix-Replay"

// answer serves POST /v1/decisions: a payment in, as JSON or proto by its Content-Type, the answer out as JSON or proto by
// Accept. With view=full it is the whole decision, for who has the role.
// While the store is away, or when the caller's budget is over before it has answered, the decision is provisional: no
// approval, not stored, and another call gets the one that stands.
// A payment for which there is no place is refused with 429 before anything is spent on it but reading it.
func (s *Service) answer(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		s.metrics.answered(operationDecide, resultMethod)
		problem.NotAllowed(w, http.MethodPost)
		return
	}
	if p := replayRefused(r); p != nil {
		s.metrics.answered(operationDecide, resultOfError(p))
		problem.Write(w, p)
		return
	}
	ctx, span := s.startSpan(r.Context(), r.Header.Get(event.AttrTraceparent), "POST /v1/decisions")
	defer span.End()
	if s.deps.Push.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.deps.Push.Timeout)
		defer cancel()
	}
	s.respond(ctx, w, operationDecide, func() (*reply, error) { return s.answerFor(ctx, w, r) })
}

// respond writes the reply, or why there is none, and counts which.
func (s *Service) respond(ctx context.Context, w http.ResponseWriter, asked operation, answer func() (*reply, error)) {
	out, err := s.guard(ctx, answer)
	if err != nil {
		s.metrics.answered(asked, resultOfError(err))
		s.refuse(ctx, w, asked, err)
		return
	}
	s.metrics.answered(asked, out.result)
	w.Header().Set("Content-Type", out.media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(out.body) // the caller has gone; the decision stands
}

// replayRefused is why a request may not say that its payment is not live; nil when it may, or does not.
func replayRefused(r *http.Request) *problem.Problem {
	switch r.Header.Get(ReplayHeader) {
	case "":
		return nil
	case event.ReplayTrue:
		if identity.From(r.Context()).Has(identity.Replay) {
			return nil
		}
		return &problem.Problem{
			Status: http.StatusForbidden, Kind: "forbidden",
			Detail: "A replay needs a caller with the role replay. A live payment comes without " + ReplayHeader + ".",
		}
	default: // a replay that is misspelt must not be taken for live
		return &problem.Problem{
			Status: http.StatusBadRequest, Kind: pix.Invalid.String(),
			Detail: ReplayHeader + " is " + event.ReplayTrue + " on a replay, and absent on a live payment.",
		}
	}
}

// guard turns a panic into an error, so that the caller gets an answer. The panic's value may hold anything and is left
// out.
func (s *Service) guard(ctx context.Context, answer func() (*reply, error)) (out *reply, err error) {
	defer func() {
		if v := recover(); v != nil {
			s.deps.Push.Logger.ErrorContext(ctx, "handler panicked", "panic_type", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
			out, err = nil, pix.E(pix.Unexpected, "decide", errors.New("the handler panicked"))
		}
	}()
	return answer()
}

// answerFor decides the payment in the request's body and returns the answer's. From decoding the one to encoding the other
// it holds one place: that is what they cost together. It does not hold one while the body comes in, which may take long and
// costs nothing.
func (s *Service) answerFor(ctx context.Context, w http.ResponseWriter, r *http.Request) (*reply, error) {
	came := s.deps.Clock()
	form, err := formOf(r)
	if err != nil {
		return nil, err
	}
	budget, err := s.budgetOf(r.Header)
	if err != nil {
		return nil, err
	}
	encoding, err := encodingOf(r.Header)
	if err != nil {
		return nil, err
	}
	// No server stamps a request, but what is pushed tells whether our clock can judge its payment.
	if err := s.deps.Push.Watch.Err(); err != nil {
		return nil, fmt.Errorf("judge time: %w", err)
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
	}}, s.deps.Clock(), true)
	if err != nil {
		return nil, err
	}
	asked := engine.Request{
		Tx: tx, Arrival: pix.Arrival{Replay: r.Header.Get(ReplayHeader) == event.ReplayTrue},
		Budget: budget.left(s.deps.Clock().Sub(came)),
	}
	d, repeated, err := s.decide(ctx, asked, func(ctx context.Context, r engine.Request) (*pix.Decision, bool, error) {
		return s.deps.Engine.AnswerAt(ctx, place, r)
	})
	if err != nil {
		return nil, err
	}
	out, err := form.reply(d)
	if err != nil {
		return nil, err
	}
	if s.owes(d, repeated) {
		s.queue.add(ctx, d)
	}
	return out, nil
}

// owes reports whether this call must see to it that the decision is published. A provisional one is stored nowhere, and
// only what is stored is published. One that stood already is being published by who made it, perhaps another process, for
// as long as that may take: to publish it for everyone who asks would be a row and an alert for each.
func (s *Service) owes(d *pix.Decision, repeated bool) bool {
	return !d.Provisional && (!repeated || d.Unrecorded || s.deps.Clock().Sub(d.DecidedAt) > sendTimeout)
}

// refuse answers with the error's kind. Its text stays in the log: a caller learns what it can act on.
func (s *Service) refuse(ctx context.Context, w http.ResponseWriter, asked operation, err error) {
	level, words := slog.LevelWarn, "payment not decided"
	if asked == operationStanding {
		words = "standing decision not told"
	}
	if problem.Of(err).Kind == kindNotDecided { // an answer like another: who polls must not fill the log
		level, words = slog.LevelDebug, "no decision stands"
	}
	s.deps.Push.Logger.Log(ctx, level, words, "result", problem.Of(err).Kind, "error", err.Error())
	problem.Write(w, err)
}
