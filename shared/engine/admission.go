package engine

import (
	"errors"
	"sync/atomic"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// decisionsPerShed is how many decisions must end for one answer without a decision. Such an answer is nothing but work for
// a processor, and to bound how many are worked on at a time would not bound that: a processor takes one to its end before
// it takes the next. So they are bounded by what they take it from. Each costs at most half of a decision, and as shipped a
// quarter; so whatever is asked, they take an eighth of the processors at most, and as shipped a sixteenth.
const decisionsPerShed = 4

var errOverloaded = errors.New("too many decisions are in flight")

// credit counts the decisions that ended and have not been answered for yet. It is bounded, and it is full at the start, so
// that a burst as large as what may be in flight gets answers.
type credit struct {
	left  atomic.Int64
	limit int64
}

func newCredit(inFlight int) *credit {
	c := &credit{limit: decisionsPerShed * int64(inFlight)}
	c.left.Store(c.limit)
	return c
}

// add changes the credit by n, unless that leaves its bounds.
func (c *credit) add(n int64) bool {
	for {
		left := c.left.Load()
		if next := left + n; next < 0 || next > c.limit {
			return false
		}
		if c.left.CompareAndSwap(left, left+n) {
			return true
		}
	}
}

// Place is the right to one answer, until it is left. It bounds what is spent on a payment as a whole: whoever decodes
// payments enters before that and leaves when the answer is complete. The zero value is no place; to leave it does nothing.
type Place struct {
	engine *Engine // whose slot it is; nil of a place without one
	shed   bool    // the answer is given without a decision
}

// Leave gives the place to somebody else. Call it once.
func (p Place) Leave() {
	if p.engine != nil {
		<-p.engine.slots
		p.engine.credit.add(1)
	}
}

// InFlight is how many decisions are under way, of MaxInFlight.
func (e *Engine) InFlight() int { return len(e.slots) }

// Enter takes a place for one AnswerAt. While MaxInFlight decisions are in flight there is a place for an answer without
// one for every fourth decision that ends; beyond that the error is Overloaded, and nothing must be spent on the payment.
func (e *Engine) Enter() (Place, error) {
	place, err := e.enter()
	if err != nil && e.credit.add(-decisionsPerShed) {
		return Place{shed: true}, nil
	}
	return place, err
}

// enter takes a place for a decision.
func (e *Engine) enter() (Place, error) {
	select {
	case e.slots <- struct{}{}:
		return Place{engine: e}, nil
	default:
		err := pix.E(pix.Overloaded, "decide", errOverloaded)
		e.degraded(PartOverload, err)
		return Place{}, err
	}
}
