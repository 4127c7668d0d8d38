package world_test

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// fate is what a test remembers of a payment.
type fate struct {
	amount, returned pix.Money
	at               time.Time
	rejected, fraud  bool
	state            pix.PaymentState
}

// ledger checks a world's statuses and cases against its payments.
type ledger struct {
	t         *testing.T
	payments  map[pix.EndToEndID]*fate
	returnIDs map[string]bool
	cases     map[pix.EndToEndID]string
	last      time.Time
	lastCase  time.Time
	returns   int
	partial   int
	results   map[string]int
}

func (l *ledger) statuses(all []pix.Status) {
	for _, s := range all {
		p := l.payments[s.ID]
		if p == nil {
			l.t.Fatalf("status of %s, which nobody has seen", s.ID)
		}
		if s.OccurredAt.Before(l.last) {
			l.t.Fatalf("status at %s after one at %s", s.OccurredAt, l.last)
		}
		l.last = s.OccurredAt
		if err := s.Validate(s.OccurredAt); err != nil || !s.EventTime.Equal(p.at) {
			l.t.Fatalf("invalid status %+v: %v", s, err)
		}
		if s.State == pix.Returned {
			l.returned(p, &s)
			continue
		}
		took := s.OccurredAt.Sub(s.EventTime)
		if p.state != "" || took <= 0 || took > 40*time.Second || (s.State == pix.Rejected) != p.rejected {
			l.t.Fatalf("%+v after %s, rejected %t", s, took, p.rejected)
		}
		p.state = s.State
	}
}

func (l *ledger) returned(p *fate, s *pix.Status) {
	p.returned += s.Returned
	if p.state != pix.Settled || p.returned > p.amount || l.returnIDs[s.ReturnID] {
		l.t.Fatalf("return %+v of a payment %s over %s, %s returned", s, p.state, p.amount, p.returned)
	}
	l.returnIDs[s.ReturnID] = true
	l.returns++
	if p.returned < p.amount {
		l.partial++
	}
}

// nextState lists what may follow a case's state.
func nextState(state string) []string {
	return map[string][]string{
		"":                        {"INFRACTION OPEN"},
		"INFRACTION OPEN":         {"INFRACTION ACKNOWLEDGED"},
		"INFRACTION ACKNOWLEDGED": {"INFRACTION CLOSED", "INFRACTION CANCELLED"},
		"INFRACTION CLOSED":       {"REFUND OPEN"},
		"REFUND OPEN":             {"REFUND CLOSED"},
	}[state]
}

func (l *ledger) changes(all []world.CaseEvent) {
	for _, c := range all {
		if l.payments[c.ID] == nil || c.At.Before(l.lastCase) {
			l.t.Fatalf("case %+v out of order or of an unknown payment", c)
		}
		l.lastCase = c.At
		state, known := string(c.Kind)+" "+c.State, false
		for _, next := range nextState(l.cases[c.ID]) {
			known = known || next == state
		}
		if !known {
			l.t.Fatalf("case of %s goes from %q to %q", c.ID, l.cases[c.ID], state)
		}
		l.cases[c.ID] = state
		l.results[c.Result]++
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	l := &ledger{
		t: t, payments: map[pix.EndToEndID]*fate{}, returnIDs: map[string]bool{}, cases: map[pix.EndToEndID]string{},
		results: map[string]int{},
	}
	rejected := 0
	w := world.New(world.Params{Seed: 3, Accounts: 4000, Days: 40, FraudBoost: 300})
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		s := &e.Submission
		l.payments[s.ID] = &fate{amount: s.Amount, at: s.EventTime, rejected: e.Rejected, fraud: e.Fraud}
		if e.Rejected {
			rejected++
		}
		l.statuses(w.Statuses())
		l.changes(w.Cases())
	}
	l.statuses(w.Statuses())
	open := 0
	for _, p := range l.payments {
		if p.state == "" {
			open++
		}
	}
	if open > 5 {
		t.Errorf("%d payments without an end", open)
	}
	if share := float64(rejected) / float64(len(l.payments)); share < 0.004 || share > 0.03 {
		t.Errorf("%.4f of payments are rejected", share)
	}
	if l.returns < 500 || l.partial < 50 {
		t.Errorf("%d returns, %d of them partial", l.returns, l.partial)
	}
	for _, result := range []string{
		"AGREED", "DISAGREED", "TOTALLY_ACCEPTED", "PARTIALLY_ACCEPTED", "REJECTED",
	} {
		if l.results[result] < 10 {
			t.Errorf("%d cases end %s", l.results[result], result)
		}
	}
}

// TestLittleIsRecovered holds the world to the published share of reported money that comes back: 7 to 8 %.
func TestLittleIsRecovered(t *testing.T) {
	t.Parallel()
	lost, back := 0.0, 0.0
	reported := map[pix.EndToEndID]bool{}
	w := world.New(world.Params{Seed: 8, Accounts: 8000, Days: 45, FraudBoost: 200, OurShare: 1, BreachDay: -1})
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if e.PayerRole == world.Victim && len(e.Reports) > 0 {
			reported[e.Submission.ID] = true
			lost += float64(e.Submission.Amount)
		}
		for _, s := range w.Statuses() {
			if s.State == pix.Returned && reported[s.ID] {
				back += float64(s.Returned)
			}
		}
	}
	if share := back / lost; share < 0.03 || share > 0.14 {
		t.Errorf("%.3f of the reported money is returned", share)
	}
}
