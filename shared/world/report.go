package world

import (
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// How often fraud is reported and how often honest payments are [assumed].
const (
	reportedLarge     = 0.86     // a victim who lost R$ 100 or more
	reportedSmall     = 0.55     // less
	reportedOnward    = 0.5      // later layers, followed by MED 2.0
	falseReports      = 0.000004 // of ordinary payments: second thoughts, MED abuse
	falseLookAlikes   = 0.0004
	rightTypology     = 0.93
	maxReportDelay    = 80 * dayMs // MED accepts a dispute for 80 days
	falseThenRejected = 0.6
)

// reports draws what will be said of a payment and marks the payee in DICT.
func (w *World) reports(s *step, amount int64) []Report {
	d := w.dice
	p := falseReports
	switch {
	case s.typology > 0 && s.layer == 0:
		p = reportedLarge
		if amount < 100_00 {
			p = reportedSmall
		}
	case s.typology > 0:
		p = reportedOnward
	case s.lookAlike > 0:
		p = falseLookAlikes
	}
	if !d.chance(p) {
		return nil
	}
	delay := w.reportDelay()
	if delay > maxReportDelay {
		return nil
	}
	fraud := s.typology > 0
	at := s.at + delay
	said := w.reportedTypology(s)
	w.mark(s.payee, w.minuteOf(at), fraud && d.chance(0.85))
	first := Report{ArrivedAt: time.UnixMilli(at).UTC(), Fraud: true, Typology: said, Source: "MED", Amount: pix.Money(amount)}
	if fraud || !d.chance(falseThenRejected) {
		return []Report{first}
	}
	closed := first.ArrivedAt.Add(time.Duration(d.between(dayMs, 7*dayMs)) * time.Millisecond)
	return []Report{first, {ArrivedAt: closed, Source: "DESK", Amount: pix.Money(amount)}}
}

// reportDelay draws the time from payment to report in milliseconds: three in ten within hours, half within days, the
// rest within weeks.
func (w *World) reportDelay() int64 {
	hours := [...]float64{2, 30, 240}
	spread := [...]float64{1.1, 0.8, 0.9}
	i := w.dice.pick([]float64{0.3, 0.5, 0.2})
	return w.dice.minutes(hours[i]*60, spread[i])
}

// reportedTypology is what the analyst writes down, which is not always right.
func (w *World) reportedTypology(s *step) Typology {
	all := Typologies()
	if s.typology > 0 && w.dice.chance(rightTypology) {
		return all[s.typology-1]
	}
	return all[w.dice.index(int32(len(all)))]
}
