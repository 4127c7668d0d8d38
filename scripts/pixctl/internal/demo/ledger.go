package demo

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// verdict is what the ledger keeps of a decision: enough to tell whether two decisions differ.
type verdict struct {
	outcome   pix.Outcome
	decidedAt int64 // Unix nanoseconds: two decisions on one payment would carry two instants
}

// ledger is the demo's own account of what was sent and what was decided. It is bounded by the number of payments asked
// for.
type ledger struct {
	mu         sync.Mutex
	sent       map[pix.EndToEndID]struct{}
	decided    map[pix.EndToEndID]verdict
	outcomes   map[pix.Outcome]int
	duplicated map[pix.EndToEndID]struct{}
	models     map[string]struct{} // role/version
	policy     string
}

func newLedger(payments int) *ledger {
	return &ledger{
		sent:       make(map[pix.EndToEndID]struct{}, payments),
		decided:    make(map[pix.EndToEndID]verdict, payments),
		outcomes:   map[pix.Outcome]int{},
		duplicated: map[pix.EndToEndID]struct{}{},
		models:     map[string]struct{}{},
	}
}

// send notes that a payment is on its way.
func (l *ledger) send(id pix.EndToEndID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[id] = struct{}{}
}

// decide notes a decision and reports whether it is the first one seen of its payment. Seeing the same decision again is
// redelivery; seeing another one is a duplicate decision.
func (l *ledger) decide(d *pix.Decision) bool {
	v := verdict{d.Outcome, d.DecidedAt.UnixNano()}
	l.mu.Lock()
	defer l.mu.Unlock()
	old, seen := l.decided[d.ID()]
	if seen {
		if old != v {
			l.duplicated[d.ID()] = struct{}{}
		}
		return false
	}
	l.decided[d.ID()] = v
	l.outcomes[d.Outcome]++
	l.policy = d.PolicyVersion
	for model := range strings.FieldsSeq(d.ModelVersion()) {
		l.models[model] = struct{}{}
	}
	return true
}

// tally is the ledger at one moment.
type tally struct {
	sent, decided, undecided, duplicated int
	approved, held, blocked, rejected    int
	model, policy                        string
}

// tally counts. Undecided are payments sent of which no decision was seen.
func (l *ledger) tally() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := tally{
		sent: len(l.sent), decided: len(l.decided), duplicated: len(l.duplicated),
		approved: l.outcomes[pix.Approve], held: l.outcomes[pix.Review],
		blocked: l.outcomes[pix.Block], rejected: l.outcomes[pix.Reject],
		model: strings.Join(slices.Sorted(maps.Keys(l.models)), " "), policy: l.policy,
	}
	for id := range l.sent {
		if _, ok := l.decided[id]; !ok {
			t.undecided++
		}
	}
	return t
}

// progress is the part of the tally that is cheap enough for a progress line.
func (l *ledger) progress() (sent, decided, notApproved int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent), len(l.decided), len(l.decided) - l.outcomes[pix.Approve]
}
