package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// Bounds of an explanation.
const (
	topContributions = 5 // kept per role, for the audit row
	topReasons       = 3 // told to a person per role
)

// CodeUnexplained is the reason code that tells that a score spoke against a payment and its contributions could not be
// computed.
const CodeUnexplained = "unexplained"

// Deps are the ports and settings of an Engine. Store, Models, Policies, Features and Clock are required.
type Deps struct {
	Store    Store
	Models   Models
	Policies Policies
	Features *feature.Set
	Clock    func() time.Time
	Timeout  time.Duration // for one decision; zero leaves it to the caller's context
	Degraded func(error)   // hears of failures that a decision survived, for a log line or a metric; may be nil
}

// Engine decides payments. It is safe for concurrent use.
type Engine struct {
	deps       Deps
	featureSet string
}

// New checks deps and builds an Engine.
func New(deps Deps) (*Engine, error) {
	var missing []error
	need := func(ok bool, name string) {
		if !ok {
			missing = append(missing, fmt.Errorf("%s is missing", name))
		}
	}
	need(deps.Store != nil, "Store")
	need(deps.Models != nil, "Models")
	need(deps.Policies != nil, "Policies")
	need(deps.Features != nil, "Features")
	need(deps.Clock != nil, "Clock")
	if err := errors.Join(missing...); err != nil {
		return nil, pix.E(pix.Invalid, "new engine", err)
	}
	if deps.Degraded == nil {
		deps.Degraded = func(error) {}
	}
	return &Engine{deps: deps, featureSet: feature.SetVersion()}, nil
}

// Decide returns the decision that stands for the payment, and whether another call had made it (replayed: a
// redelivery, a retry or a lost race). traceID goes into a decision made by this call; it may be empty.
//
// Errors carry a pix.Kind. Conflict: another payment already has this EndToEndID. On any error nothing is decided by
// this call and nothing may be approved. A panic of a model or a port becomes an Unexpected error.
func (e *Engine) Decide(ctx context.Context, tx *pix.Transaction, traceID string) (d *pix.Decision, replayed bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			d, replayed, err = nil, false, pix.E(pix.Unexpected, "decide", panicked(r))
		}
	}()
	if tx == nil || tx.ID == "" {
		return nil, false, pix.E(pix.Invalid, "decide", errors.New("a payment needs an EndToEndID"))
	}
	if e.deps.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.deps.Timeout)
		defer cancel()
	}
	return e.decide(ctx, tx, traceID)
}

func (e *Engine) decide(ctx context.Context, tx *pix.Transaction, traceID string) (*pix.Decision, bool, error) {
	started := e.deps.Clock()
	if err := e.deps.Store.Record(ctx, tx); err != nil {
		return nil, false, failure("record payment", err)
	}
	histories, standing, err := e.deps.Store.Read(ctx, tx)
	if err != nil {
		return nil, false, failure("read histories", err)
	}
	if standing != nil {
		return e.replay(ctx, tx, standing)
	}
	storeLatency := e.deps.Clock().Sub(started)

	d := e.judge(tx, &histories)
	d.TraceID = traceID
	d.StoreLatency = storeLatency
	now := e.deps.Clock()
	d.DecidedAt = now.UTC().Truncate(time.Microsecond)
	d.TotalLatency = now.Sub(started)

	if err := ctx.Err(); err != nil {
		return nil, false, failure("commit decision", err)
	}
	won, err := e.deps.Store.Commit(ctx, d)
	if err != nil {
		return nil, false, failure("commit decision", err)
	}
	if won == nil {
		return nil, false, pix.E(pix.Unexpected, "commit decision", errors.New("the store returned none"))
	}
	if won == d || won.TraceID == traceID && won.DecidedAt.Equal(d.DecidedAt) && pix.SamePayment(&won.Transaction, tx) {
		return won, false, nil
	}
	return e.replay(ctx, tx, won)
}

// replay answers with a decision that stood already. Another payment under the same EndToEndID is a conflict; its event
// may have overwritten the first payment's in rows that both touch, so that is written again.
func (e *Engine) replay(ctx context.Context, tx *pix.Transaction, standing *pix.Decision) (*pix.Decision, bool, error) {
	if pix.SamePayment(&standing.Transaction, tx) {
		return standing, true, nil
	}
	if err := e.deps.Store.Record(ctx, &standing.Transaction); err != nil {
		return nil, false, failure("restore event of the first payment", err)
	}
	return nil, false, pix.E(pix.Conflict, "decide", errors.New("another payment has this EndToEndID"))
}

// judge computes the decision. It depends on nothing but the payment, the histories, the models and the pack.
func (e *Engine) judge(tx *pix.Transaction, histories *feature.Histories) *pix.Decision {
	started := e.deps.Clock()
	vector := e.deps.Features.Vector(nil, tx, histories)
	models, scores := e.score(tx.Direction, vector)
	pack := e.deps.Policies.Pack()
	verdict := pack.Decide(policy.Input{Tx: tx, Scores: scores, Vector: vector})
	d := &pix.Decision{
		Transaction:   *tx,
		Outcome:       verdict.Outcome,
		Reasons:       verdict.Reasons,
		RuleHits:      verdict.Hits,
		Scores:        scores,
		Vector:        vector,
		FeatureSet:    e.featureSet,
		PolicyVersion: pack.Version(),
	}
	if verdict.Hold > 0 {
		d.HoldUntil = tx.EventTime.Add(verdict.Hold).UTC()
	}
	if d.Outcome != pix.Approve {
		e.explain(d, models, verdict.Roles)
	}
	d.ScoreLatency = e.deps.Clock().Sub(started)
	return d
}

// score asks the model of each role of the direction, once. A role without a usable score is left out: the policy then
// fails closed. models[i] gave scores[i].
func (e *Engine) score(direction pix.Direction, vector []float64) ([]Model, []pix.Score) {
	roles := direction.Roles()
	models, scores := make([]Model, 0, len(roles)), make([]pix.Score, 0, len(roles))
	for _, role := range roles {
		model, err := e.deps.Models.Model(role)
		if err != nil || model == nil {
			e.deps.Degraded(fmt.Errorf("no %s model: %w", role, orMissing(err)))
			continue
		}
		raw, probability, err := model.Score(vector)
		if err != nil || !finite(raw) || !(probability >= 0 && probability <= 1) {
			e.deps.Degraded(fmt.Errorf("score of %s model: %w", role, orMissing(err)))
			continue
		}
		models = append(models, model)
		scores = append(scores, pix.Score{Role: role, Version: model.Version(), Raw: raw, Probability: probability})
	}
	return models, scores
}

// explain adds each model's top contributions, and puts those that speak for fraud in words for the roles whose score
// spoke against the payment. The outcome stands even when an explanation fails.
func (e *Engine) explain(d *pix.Decision, models []Model, blamed []pix.Role) {
	for i, model := range models {
		score := &d.Scores[i]
		top, err := model.Explain(d.Vector, topContributions)
		if err != nil {
			e.deps.Degraded(fmt.Errorf("explain score of %s model: %w", score.Role, err))
		}
		score.Top = top[:min(len(top), topContributions)]
		for _, role := range blamed {
			if role == score.Role {
				d.Reasons = append(d.Reasons, e.reasons(&d.Transaction, score.Top, err)...)
			}
		}
	}
}

// reasons puts the contributions that speak for fraud in words.
func (e *Engine) reasons(tx *pix.Transaction, top []pix.Contribution, err error) []pix.Reason {
	if err != nil {
		return []pix.Reason{{Code: CodeUnexplained, TextPT: "Os fatores da pontuação não puderam ser calculados.",
			TextEN: "The factors of the score could not be computed."}}
	}
	told := func(missing bool) (out []pix.Reason) {
		for _, c := range top {
			if c.Contribution > 0 && math.IsNaN(c.Value) == missing && len(out) < topReasons {
				out = append(out, e.deps.Features.Reason(c.Feature, tx, c.Value))
			}
		}
		return out
	}
	if known := told(false); len(known) > 0 {
		return known // "nothing is known of …" helps nobody while something is
	}
	return told(true)
}

var errNoScore = errors.New("gives no usable answer")

func orMissing(err error) error {
	if err != nil {
		return err
	}
	return errNoScore
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// failure wraps an error of a port with its operation and keeps its kind; an error without one is classified by the
// context's.
func failure(op string, err error) error {
	kind := pix.KindOf(err)
	if kind == pix.Unexpected {
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			kind = pix.Timeout
		case errors.Is(err, context.Canceled):
			kind = pix.Cancelled
		}
	}
	return pix.E(kind, op, err)
}

// panicked describes a panic by its place, and by its text only when that is the runtime's: any other may hold a
// payload.
func panicked(value any) error {
	text := "panic"
	var fault runtime.Error
	if err, ok := value.(error); ok && errors.As(err, &fault) {
		text = fault.Error()
	}
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		if frame.Function != "" && !strings.HasPrefix(frame.Function, "runtime.") {
			return fmt.Errorf("%s in %s line %d", text, frame.Function, frame.Line)
		}
		if !more {
			return errors.New(text)
		}
	}
}
