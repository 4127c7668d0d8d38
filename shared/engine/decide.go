package engine

import (
	"context"
	"errors"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// memory is what the store knew of a payment within its deadline.
type memory struct {
	histories  *feature.Histories // nil when they are missing
	standing   *pix.Decision      // nil when none stands, as far as could be seen
	unrecorded bool               // the payment's own event is not known to be written
	failed     bool               // the store is to blame that something is missing, and not a caller's haste
}

func (e *Engine) decide(ctx context.Context, q *question) answer {
	storing, ok := e.decisions.begin(q.Tx.ID)
	if !ok {
		return answer{err: pix.E(pix.Unavailable, "decide", errStoreAway)}
	}
	defer storing.leave()
	storing.hurried = q.hurried
	if q.displaced() {
		if a := e.standing(ctx, q, &storing); a != nil {
			return *a
		}
	}
	started := e.deps.Clock()
	known, err := e.consult(ctx, q)
	if err != nil {
		return answer{err: err}
	}
	var a answer
	if known.standing != nil {
		a = e.repeat(ctx, q.Tx, known.standing)
	} else {
		storeLatency := e.deps.Clock().Sub(started)
		d := e.judge(q, known.histories)
		d.StoreLatency, d.Unrecorded = storeLatency, known.unrecorded
		e.stamp(d, started)
		a = e.commit(ctx, d, &storing)
		a.hasty = a.hasty && !known.failed
	}
	if known.unrecorded {
		a.decision = unrecorded(a.decision)
	}
	return a
}

// standing answers for a displaced payment before anything of it is written, so that a redelivery does not stand in the
// histories twice: with the decision that stands, or that the payment is too old; nil when it is to be decided.
func (e *Engine) standing(ctx context.Context, q *question, storing *attempt) *answer {
	standing, err := e.deps.Store.Decision(ctx, q.Tx.ID)
	switch {
	case err != nil:
		err = failure("read standing decision", err)
		a := answer{err: err, hasty: storing.hasty(err)}
		storing.end(err)
		return &a
	case standing != nil:
		storing.end(nil)
		a := e.repeat(ctx, q.Tx, standing)
		if standing.FeaturesMissing { // its event may never have been written, and this call does not write it
			a.decision = unrecorded(a.decision)
		}
		return &a
	case q.tooOld:
		storing.end(nil)
		return &answer{err: tooOld(e.deps.MaxEventAge)}
	}
	return nil
}

// unrecorded says of a decision that its event must still be written.
func unrecorded(d *pix.Decision) *pix.Decision {
	if d == nil || d.Unrecorded {
		return d
	}
	owing := *d
	owing.Unrecorded = true
	return &owing
}

// consult writes the payment's event and reads what is known, within the store's deadline. Either both succeeded or the
// histories are missing: where events cannot be written a history that can be read may lack them, and a count that is too
// low must not pass for a count.
func (e *Engine) consult(ctx context.Context, q *question) (memory, error) {
	asking, ok := e.histories.begin(q.Tx.ID)
	if !ok {
		e.degraded(PartStore, errStoreAway)
		return memory{unrecorded: true, failed: true}, nil
	}
	defer asking.leave()
	asking.hurried = q.hurried
	known, err := e.ask(ctx, q)
	known.failed = err != nil && (ctx.Err() == nil || !asking.hasty(err)) // with time left the decision goes on, and may stand
	asking.end(err)
	if err != nil && !survivable(err) {
		return memory{}, err
	}
	if known.failed {
		e.degraded(PartStore, err)
	}
	return known, nil
}

// ask writes and reads. With an error, what it returns is what a decision can go on with.
func (e *Engine) ask(ctx context.Context, q *question) (memory, error) {
	ctx, cancel := within(ctx, e.deps.StoreDeadline)
	defer cancel()
	if err := e.deps.Store.Record(ctx, q.Tx); err != nil {
		return memory{unrecorded: true}, failure("record payment", err)
	}
	histories, standing, err := e.deps.Store.Read(ctx, q.Tx)
	if err != nil {
		return memory{}, failure("read histories", err)
	}
	return memory{histories: &histories, standing: standing}, nil
}

// stamp says how long a decision took.
func (e *Engine) stamp(d *pix.Decision, started time.Time) {
	d.TotalLatency = e.deps.Clock().Sub(started)
}

// commit stores d unless a decision stands, and answers with the one that stands.
func (e *Engine) commit(ctx context.Context, d *pix.Decision, storing *attempt) answer {
	const op = "commit decision"
	storing.ask()
	if err := ctx.Err(); err != nil {
		err = failure(op, err)
		return answer{err: err, hasty: storing.hasty(err)}
	}
	won, err := e.deps.Store.Commit(ctx, d)
	if err != nil {
		err = failure(op, err)
		a := answer{err: err, hasty: storing.hasty(err)}
		storing.end(err)
		return a
	}
	storing.end(nil)
	if won == nil {
		return answer{err: pix.E(pix.Unexpected, op, errors.New("the store returned none"))}
	}
	same := won.TraceID == d.TraceID && won.DecidedAt.Equal(d.DecidedAt) && pix.SamePayment(&won.Transaction, &d.Transaction)
	if won == d || same {
		return answer{decision: won}
	}
	return e.repeat(ctx, &d.Transaction, won)
}

// repeat answers with a decision that stood already. Under its EndToEndID there may be another payment now, which is a
// conflict, or the same from another device or at another moment: what Record left of it is withdrawn before the answer, so that nobody can
// write into histories what was never decided. Without that there is no answer, and the message comes back. What this call
// recorded has gone then, and a decision without features may never have had its own event: it must still be written.
func (e *Engine) repeat(ctx context.Context, tx *pix.Transaction, standing *pix.Decision) answer {
	first := &standing.Transaction
	same := pix.SamePayment(first, tx)
	if !same || !pix.SameDevice(first, tx) || !tx.Moment().Equal(first.Moment()) {
		if err := e.deps.Store.Withdraw(ctx, tx, first); err != nil {
			a := answer{err: pix.E(pix.Unavailable, "withdraw events", err)}
			if same {
				a.decision, a.repeated = standing, true
			}
			return a
		}
		if standing.FeaturesMissing {
			standing = unrecorded(standing)
		}
	}
	if !same {
		return answer{err: pix.E(pix.Conflict, "decide", errors.New("another payment has this EndToEndID"))}
	}
	return answer{decision: standing, repeated: true}
}
