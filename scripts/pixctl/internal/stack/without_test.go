package stack_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestTheWarehouseChangesNoDecision: what is shown before the SQL engine is compiled is what the whole decides.
func TestTheWarehouseChangesNoDecision(t *testing.T) {
	t.Parallel()
	payments := simulate(t, world.Params{Seed: 11, Accounts: 300, Days: 2, FraudBoost: 400}, 80)
	decide := func(s *stack.Stack) []string {
		var got []string
		kafka := newProducer(t, s)
		for _, sub := range payments { // one after the other: the history of each is the same
			kafka.send(t, sub)
			d := decisionsOf(t, s, []*pix.Transaction{{Facts: sub.Facts}})[0]
			words := string(d.Outcome) + " " + d.ModelVersion() + " " + d.PolicyVersion
			for _, r := range d.Reasons {
				words += "\n" + r.TextEN
			}
			got = append(got, words)
		}
		return got
	}
	whole := decide(start(t, stack.Options{}))
	if diff := cmp.Diff(whole, decide(startAs(t, stack.Options{}))); diff != "" {
		t.Errorf("decisions (-with +without a warehouse):\n%s", diff)
	}
}
