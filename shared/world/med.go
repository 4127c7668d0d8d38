package world

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// How often fraud is reported and how often honest payments are, and what MED makes of it [assumed, unless said].
const (
	reportedLarge   = 0.86          // a victim who lost R$ 100 or more
	reportedSmall   = 0.55          // less
	smallLoss       = 100_00        // centavos: R$ 100
	reportedOnward  = 0.5           // later layers, followed by MED 2.0
	reportedBait    = 0.85          // by the accomplice of MED abuse, within hours
	reportedSent    = 0.6           // by the victim of MED abuse
	falseReports    = 0.000004      // of ordinary payments: second thoughts
	falseLookAlikes = 0.0004        // of payments of look-alikes
	rightTypology   = 0.93          // of true reports: the analyst names the right typology
	agreedFraud     = 0.9           // of true reports, by the receiving institution
	agreedFalse     = 0.4           // of false reports, by the receiving institution
	cancelled       = 0.02          // of reports: withdrawn by who made them
	maxReportDelay  = 80 * dayMs    // MED accepts a dispute for 80 days
	minAnalysis     = dayMs / 4     // of a report
	maxAnalysis     = 7 * dayMs     // MED: decision on a report
	maxRefundAsked  = 3 * dayMs     // MED: refund request after the decision
	minRefundAsked  = 60 * minuteMs // MED: refund request after the decision, at least
	minReturn       = 30 * minuteMs // MED: return after the request, at least
	acknowledgedBy  = 3             // a report is acknowledged within the first part of so many of its analysis
	maxReturn       = dayMs         // MED: return after the request
	retriedFor      = 90 * dayMs    // partial returns
	retriedEvery    = 10 * dayMs    // between tries to return the rest
	closedAccount   = 0.12          // of refused refunds: the account is closed
	purchaseRefund  = 0.004         // of payments to merchants: the shop returns it (MD06)
	partOfPurchase  = 0.3           // of those: only a part,
	leastReturned   = 0.1           // so much of the purchase at least
	mostReturned    = 0.9           // and at most
	operational     = 0.00002       // of ordinary payments: the institution's own mistake, returned as BE08
	frozenAtOnce    = 0.5           // of reports: what is there is blocked when the report arrives, not when it is accepted
	worthReturning  = 0.05          // of the disputed amount: less counts as no balance
	burnsAccount    = 0.85          // of accepted reports: the institution marks the account
)

// CaseKind is the half of MED that a case event belongs to.
type CaseKind string

// The kinds.
const (
	InfractionCase CaseKind = "INFRACTION"
	RefundCase     CaseKind = "REFUND"
)

// CaseEvent is one change of state of an infraction report or of a refund request, in the words of the DICT API.
type CaseEvent struct {
	ID     pix.EndToEndID
	At     time.Time
	Kind   CaseKind
	State  string    // OPEN, ACKNOWLEDGED, CLOSED, CANCELLED
	Result string    // AGREED, DISAGREED; TOTALLY_ACCEPTED, PARTIALLY_ACCEPTED, REJECTED
	Reason string    // of a rejected refund: NO_BALANCE, ACCOUNT_CLOSURE
	Amount pix.Money // disputed, or returned
}

// file is what a dispute or a refund needs until it is closed.
type file struct {
	id           pix.EndToEndID
	eventAt      int64
	payer, payee int32
	amount       int64
	frozen       int64 // on the receiver's account
	returned     int64
	closesAt     int64
	visible      bool
	agreed       bool
	withdrawn    bool // by who reported it
	operational  bool // BE08 rather than FR01
	state        fileState
	retryUntil   int64
}

type fileState uint8

const (
	toOpen fileState = iota
	toAcknowledge
	toClose
	toAskRefund
	toRefund
	toRetry
)

// afterwards plans what will be said of a settled payment and what becomes of it, and marks the payee in DICT.
func (w *World) afterwards(s *step, e *Event, f facts) []Report {
	d := w.dice
	if w.accounts[s.payee].kind == merchant && s.typology == 0 && d.chance(purchaseRefund) {
		w.planRefund(s, e, f.amount)
	}
	if !d.chance(w.reportOdds(s, f.amount)) {
		return nil
	}
	delay := w.reportDelay()
	if s.traits&bait != 0 {
		delay = d.after(w.t.baitDisputed)
	}
	if delay > maxReportDelay {
		return nil
	}
	return w.openCase(s, e, f.amount, delay)
}

func (w *World) reportOdds(s *step, amount int64) float64 {
	switch {
	case s.traits&bait != 0:
		return reportedBait
	case s.typology == medAbuseID:
		return reportedSent
	case s.typology > 0 && s.layer > 0:
		return reportedOnward
	case s.typology > 0 && amount < smallLoss:
		return reportedSmall
	case s.typology > 0:
		return reportedLarge
	case s.lookAlike > 0:
		return falseLookAlikes
	default:
		return falseReports + operational
	}
}

// openCase plans a MED case that is opened after a delay of up to 80 days, and returns its labels: the report, and its
// end when the receiving institution disagrees or who reported it withdraws.
func (w *World) openCase(s *step, e *Event, amount, delay int64) []Report {
	d := w.dice
	fraud := s.typology > 0 && s.traits&bait == 0
	c := &file{
		id: e.Submission.ID, eventAt: s.at, payer: s.payer, payee: s.payee, amount: amount, visible: e.Submission.ID != "",
		withdrawn: d.chance(cancelled), agreed: d.chance(agreedFalse),
	}
	if fraud {
		c.agreed = d.chance(agreedFraud)
	}
	c.operational = s.typology == 0 && s.lookAlike == 0 && d.chance(operational/(operational+falseReports))
	c.agreed = c.agreed && !c.withdrawn || c.operational
	at := s.at + delay
	c.closesAt = at + d.between(minAnalysis, maxAnalysis)
	w.openFile(c, at)
	if c.operational { // the institution's own mistake is no report of fraud
		return nil
	}
	w.mark(s.payee, mark{
		opened: w.minuteOf(at), closed: w.minuteOf(c.closesAt), agreed: c.agreed, centavos: amount,
		kind: uint8(d.pick(w.t.markerWeights[:])),
	})
	reports := []Report{{
		ArrivedAt: time.UnixMilli(at).UTC(), Fraud: true, Typology: w.reportedTypology(s), Source: "MED",
		Amount: pix.Money(amount),
	}}
	if !c.agreed {
		closed := time.UnixMilli(c.closesAt).UTC()
		reports = append(reports, Report{ArrivedAt: closed, Source: "DESK", Amount: pix.Money(amount)})
	}
	return reports
}

func (w *World) openFile(c *file, at int64) {
	w.lastFile++
	w.files[w.lastFile] = c
	w.add(step{at: at, act: dispute, file: w.lastFile})
}

// reportDelay draws the time from payment to report in milliseconds: three in ten within hours, half within days, the
// rest within weeks.
func (w *World) reportDelay() int64 {
	c := w.t.reportDelays[w.dice.pick(w.t.reportSpeed[:])]
	return w.dice.minutes(c.median*60, c.sigma)
}

// reportedTypology is what the analyst writes down, which is not always right.
func (w *World) reportedTypology(s *step) pix.Typology {
	all := w.t.typologies
	if s.typology > 0 && w.dice.chance(rightTypology) {
		return all[s.typology-1]
	}
	return all[w.dice.index(int32(len(all)))]
}
