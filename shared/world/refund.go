package world

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Cases returns the changes of state of MED cases between the payment that Next returned last and the one before it,
// in order. It is valid until the next call of Next.
func (w *World) Cases() []CaseEvent { return w.cases }

// planRefund plans that a shop returns a purchase.
func (w *World) planRefund(s *step, e *Event, amount int64) {
	if w.dice.chance(partOfPurchase) {
		amount = max(int64(float64(amount)*w.dice.uniform(leastReturned, mostReturned)), 1)
	}
	c := &file{
		id: e.Submission.ID, eventAt: s.at, payer: s.payer, payee: s.payee, amount: amount, visible: e.Submission.ID != "",
	}
	w.lastFile++
	w.files[w.lastFile] = c
	w.add(step{at: s.at + w.dice.after(w.t.shopRefund), act: refundBuy, file: w.lastFile})
}

// proceed performs a step that is no payment: mostly it takes a case to its next state.
func (w *World) proceed(s *step) {
	if s.act == sweep {
		w.withdraw(s)
		return
	}
	c := w.files[s.file]
	w.credit(&w.accounts[c.payer])
	w.credit(&w.accounts[c.payee])
	if s.act == refundBuy {
		w.giveBack(c, s.at, min(c.amount, w.accounts[c.payee].balance), "MD06")
		delete(w.files, s.file)
		return
	}
	if next := w.transition(c, s.at); next > 0 {
		w.add(step{at: next, act: dispute, file: s.file})
		return
	}
	delete(w.files, s.file)
}

// transition performs a case's next change of state and returns when the one after it is due, 0 when it is closed.
func (w *World) transition(c *file, at int64) int64 {
	d, payee := w.dice, &w.accounts[c.payee]
	switch c.state {
	case toOpen:
		if d.chance(frozenAtOnce) {
			c.frozen = min(c.amount, payee.balance)
			payee.balance -= c.frozen
		}
		w.tell(c, CaseEvent{Kind: InfractionCase, State: "OPEN", Amount: pix.Money(c.amount)}, at)
		c.state = toAcknowledge
		return at + d.between(minuteMs, c.closesAt-at)/acknowledgedBy
	case toAcknowledge:
		w.tell(c, CaseEvent{Kind: InfractionCase, State: "ACKNOWLEDGED", Amount: pix.Money(c.amount)}, at)
		c.state = toClose
		return c.closesAt
	case toClose:
		return w.closeInfraction(c, at)
	case toAskRefund:
		w.tell(c, CaseEvent{Kind: RefundCase, State: "OPEN", Amount: pix.Money(c.amount)}, at)
		c.state = toRefund
		return at + d.between(minReturn, maxReturn)
	case toRefund:
		return w.closeRefund(c, at)
	default:
		return w.retry(c, at)
	}
}

func (w *World) closeInfraction(c *file, at int64) int64 {
	event := CaseEvent{Kind: InfractionCase, State: "CLOSED", Result: "DISAGREED", Amount: pix.Money(c.amount)}
	switch {
	case c.withdrawn:
		event.State, event.Result = "CANCELLED", ""
	case c.agreed:
		event.Result = "AGREED"
	}
	w.tell(c, event, at)
	if !c.agreed {
		w.accounts[c.payee].balance += c.frozen
		return 0
	}
	payee := &w.accounts[c.payee]
	payee.burned = payee.burned || !c.operational && w.dice.chance(burnsAccount)
	c.state = toAskRefund
	return at + w.dice.between(minRefundAsked, maxRefundAsked)
}

// closeRefund pays back what was frozen and what is there, and plans to try again for the rest.
func (w *World) closeRefund(c *file, at int64) int64 {
	payee := &w.accounts[c.payee]
	payee.balance += c.frozen
	amount := min(c.amount, payee.balance)
	event := CaseEvent{Kind: RefundCase, State: "CLOSED", Result: "TOTALLY_ACCEPTED", Amount: pix.Money(amount)}
	switch {
	case float64(amount) < worthReturning*float64(c.amount):
		amount, event.Amount = 0, 0
		event.Result, event.Reason = "REJECTED", "NO_BALANCE"
		if w.dice.chance(closedAccount) {
			event.Reason = "ACCOUNT_CLOSURE"
		}
	case amount < c.amount:
		event.Result = "PARTIALLY_ACCEPTED"
	}
	w.tell(c, event, at)
	w.giveBack(c, at, amount, w.returnReason(c))
	if c.returned == 0 || c.returned >= c.amount {
		return 0
	}
	c.state, c.retryUntil = toRetry, at+retriedFor
	return at + retriedEvery
}

// retry returns what has come in meanwhile, for 90 days.
func (w *World) retry(c *file, at int64) int64 {
	w.giveBack(c, at, min(c.amount-c.returned, w.accounts[c.payee].balance), w.returnReason(c))
	if c.returned >= c.amount || at >= c.retryUntil {
		return 0
	}
	return at + retriedEvery
}

func (w *World) returnReason(c *file) string {
	if c.operational {
		return "BE08"
	}
	return "FR01"
}

// giveBack returns money by pacs.004 and says so.
func (w *World) giveBack(c *file, at, amount int64, reason string) {
	if amount < 1 {
		return
	}
	payer, payee := &w.accounts[c.payer], &w.accounts[c.payee]
	payee.balance -= amount
	payer.balance += amount
	c.returned += amount
	if !c.visible {
		return
	}
	w.happenUntil(at)
	w.returns++
	b := append(append(w.text[:0], 'D'), w.t.ispbs[payee.institution]...)
	b = time.UnixMilli(at).UTC().AppendFormat(b, minuteLayout)
	b = appendBase62(b, mix(w.returns^mix(^w.params.Seed)), 11)
	w.text = b
	w.statuses = append(w.statuses, pix.Status{
		ID: c.id, EventTime: time.UnixMilli(c.eventAt).UTC(), State: pix.Returned, OccurredAt: time.UnixMilli(at).UTC(),
		ReturnID: string(b), ReasonCode: reason, Returned: pix.Money(amount),
	})
}

// tell records a change of state that our institution sees.
func (w *World) tell(c *file, e CaseEvent, at int64) {
	if c.visible {
		e.ID, e.At = c.id, time.UnixMilli(at).UTC()
		w.cases = append(w.cases, e)
	}
}
