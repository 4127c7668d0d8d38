package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// lookShare: beside MaxInFlight decisions, one look at what stands may be in flight for every so many of them.
const lookShare = 8

// Defaults of Deps.
const (
	DefaultMaxInFlight = 256
	DefaultShadowWait  = time.Millisecond
)

// Deps are the ports and settings of an Engine. Store, Models, Policies, Features and Clock are required.
type Deps struct {
	Store       Store
	Models      Models
	Challengers Challengers // score in shadow; nil means none
	Policies    Policies
	Features    *feature.Set
	Clock       func() time.Time

	Timeout time.Duration // for one decision; zero leaves it to the caller's context
	// StoreDeadline is the part of Timeout in which the payment's event is written and the histories are read. After it
	// the payment is decided without them. Zero means no deadline of its own.
	StoreDeadline time.Duration
	// MaxEventAge is the age above which a live payment is refused, and LateEventAge the one above which it is not approved;
	// zero means DefaultMaxEventAge and DefaultLateEventAge.
	MaxEventAge, LateEventAge time.Duration

	MaxInFlight  int           // decisions at a time, each until its answer is complete; zero means DefaultMaxInFlight
	ShadowWait   time.Duration // how long a decision waits for its challengers; zero means DefaultShadowWait
	ExplainShare float64       // of the approvals, chosen by their EndToEndID, that carry their contributions as well

	// Degraded hears of failures that an answer survived, each a *DegradedError; may be nil.
	Degraded func(error)
}

// Engine decides payments. It is safe for concurrent use.
type Engine struct {
	deps       Deps
	featureSet string
	slots      chan struct{} // one for each decision in flight
	looks      chan struct{} // one for each Standing in flight
	credit     *credit       // for answers without a decision
	histories  *circuit      // in front of writing events and reading histories
	decisions  *circuit      // in front of storing decisions
	shadows    *shadows
}

// New checks deps and builds an Engine.
func New(deps Deps) (*Engine, error) {
	if err := deps.check(); err != nil {
		return nil, pix.E(pix.Invalid, "new engine", err)
	}
	if deps.Degraded == nil {
		deps.Degraded = func(error) {}
	}
	if deps.MaxInFlight == 0 {
		deps.MaxInFlight = DefaultMaxInFlight
	}
	if deps.ShadowWait == 0 {
		deps.ShadowWait = DefaultShadowWait
	}
	if deps.MaxEventAge == 0 {
		deps.MaxEventAge = DefaultMaxEventAge
	}
	if deps.LateEventAge == 0 {
		deps.LateEventAge = min(DefaultLateEventAge, deps.MaxEventAge)
	}
	return &Engine{
		deps: deps, featureSet: feature.SetVersion(),
		slots: make(chan struct{}, deps.MaxInFlight), credit: newCredit(deps.MaxInFlight),
		looks:     make(chan struct{}, max(deps.MaxInFlight/lookShare, 1)),
		histories: &circuit{name: "histories", clock: deps.Clock, limit: deps.StoreDeadline},
		decisions: &circuit{name: "decisions", clock: deps.Clock, limit: deps.Timeout},
		shadows:   newShadows(deps.Challengers, deps.ShadowWait),
	}, nil
}

func (d *Deps) check() error {
	var problems []error
	need := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New(problem))
		}
	}
	need(d.Store != nil, "Store is missing")
	need(d.Models != nil, "Models is missing")
	need(d.Policies != nil, "Policies is missing")
	need(d.Features != nil, "Features is missing")
	need(d.Clock != nil, "Clock is missing")
	need(d.MaxInFlight >= 0, "MaxInFlight is negative")
	need(d.MaxEventAge >= 0 && d.LateEventAge >= 0 && (d.MaxEventAge == 0 || d.LateEventAge <= d.MaxEventAge), "LateEventAge is not within 0 and MaxEventAge")
	need(d.ExplainShare >= 0 && d.ExplainShare <= 1, "ExplainShare is not between 0 and 1")
	need(d.Timeout == 0 || d.StoreDeadline < d.Timeout, "StoreDeadline leaves nothing of Timeout")
	return errors.Join(problems...)
}

// Close waits for challengers that are still scoring, as far as ctx allows. Stop deciding before.
func (e *Engine) Close(ctx context.Context) error {
	if err := e.shadows.close(ctx); err != nil {
		return fmt.Errorf("close engine: %w", err)
	}
	return nil
}

// Decide returns the decision that stands for the payment, and whether another call had made it (repeated: a
// redelivery, a retry or a lost race).
//
// A standing decision is returned however old the payment is. Else a live payment that came more than MaxEventAge after its
// event time is refused and leaves nothing, and one that came more than LateEventAge after it is not approved.
//
// A store that does not take the event or give the histories within the store's deadline leaves a decision with
// FeaturesMissing, which the policy's fail mode answers. Where the event was not written the decision is Unrecorded: its
// mark stands in the store, and the Outbox writes the event before it removes the mark. A store that does not take the
// decision leaves an error, and the payment must come back; so does a lack of places. When the store failed many payments
// in a row, the others take the same ways at once: see StoreState.
//
// Errors carry a pix.Kind. Conflict: another payment already has this EndToEndID. TooOld: see above. On any error nothing may be approved.
// A panic of a model or a port becomes an Unexpected error.
func (e *Engine) Decide(ctx context.Context, r Request) (*pix.Decision, bool, error) {
	place, err := e.enter()
	if err != nil {
		return nil, false, err
	}
	defer place.Leave()
	a := e.answer(ctx, r)
	if a.err != nil {
		return nil, false, a.err
	}
	return a.decision, a.repeated, nil
}

// Answer is Decide for a caller that waits and cannot come back: where the store's failure leaves Decide with an error,
// it returns a Provisional decision, computed without the store from nothing but the payment and the policy. It is no
// approval, it is stored and published nowhere, and a later call gets the decision that stands by then. Some of those who
// find no place for a decision get one as well, see Enter; the error of the others is Overloaded.
func (e *Engine) Answer(ctx context.Context, r Request) (*pix.Decision, bool, error) {
	place, err := e.Enter()
	if err != nil {
		return nil, false, err
	}
	defer place.Leave()
	return e.AnswerAt(ctx, place, r)
}

// AnswerAt is Answer for a caller that has entered already, and leaves later.
func (e *Engine) AnswerAt(ctx context.Context, place Place, r Request) (*pix.Decision, bool, error) {
	if place.shed {
		d, err := e.provisional(r, pix.LackRoom)
		return d, false, err
	}
	a := e.answer(ctx, r)
	switch {
	case a.err == nil || a.decision != nil: // what stands is the answer, even where another device's event stays for now
		return a.decision, a.repeated, nil
	case pix.KindOf(a.err) != pix.Unavailable && pix.KindOf(a.err) != pix.Timeout:
		return nil, false, a.err
	}
	lack := pix.LackStore
	if a.hasty {
		lack = pix.LackBudget
	}
	d, err := e.provisional(r, lack)
	if err != nil {
		return nil, false, errors.Join(a.err, err)
	}
	if !a.hasty { // nothing of ours failed, and a caller must not fill the log
		e.degraded(PartCommit, a.err)
	}
	return d, false, nil
}

// answer is what a call came to. Both a decision and an error: the decision stands, and the payment must come back.
type answer struct {
	decision *pix.Decision
	repeated bool
	err      error
	hasty    bool // the error is a time-out that a caller's haste alone is to blame for
}

func (e *Engine) answer(ctx context.Context, r Request) (a answer) {
	defer func() {
		if v := recover(); v != nil {
			a = answer{err: pix.E(pix.Unexpected, "decide", panicked(v))}
		}
	}()
	if err := identified(r.Tx); err != nil {
		return answer{err: err}
	}
	q := e.question(r)
	ctx, cancel := within(ctx, q.whole)
	defer cancel()
	return e.decide(ctx, q)
}

func identified(tx *pix.Transaction) error {
	if tx == nil || tx.ID == "" {
		return pix.E(pix.Invalid, "decide", errors.New("a payment needs an EndToEndID"))
	}
	return nil
}

// provisional decides without the store.
func (e *Engine) provisional(r Request, lack pix.Lack) (d *pix.Decision, err error) {
	defer func() {
		if v := recover(); v != nil {
			d, err = nil, pix.E(pix.Unexpected, "decide provisionally", panicked(v))
		}
	}()
	if err := identified(r.Tx); err != nil {
		return nil, err
	}
	started := e.deps.Clock()
	d = e.judge(e.question(r), nil)
	if d.Outcome == pix.Approve { // policy.Load refuses such a pack
		return nil, pix.E(pix.Unexpected, "decide provisionally", errors.New("the policy approves without features"))
	}
	d.Provisional, d.Lack = true, lack
	e.stamp(d, started)
	return d, nil
}
