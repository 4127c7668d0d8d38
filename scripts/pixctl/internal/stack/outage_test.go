package stack_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestOutagesDelayAndNeverDecide takes Bigtable and BigQuery away while payments come in: meanwhile nothing is decided
// that needs Bigtable, least of all approved, and afterwards every payment has the decision and the row that it would
// have had.
func TestOutagesDelayAndNeverDecide(t *testing.T) {
	t.Parallel()
	bigtable, bigquery := fault.New(), fault.New()
	s := start(t, stack.Options{Bigtable: bigtable.ClientOptions(), BigQuery: bigquery.ClientOptions(), Policy: eagerPolicy(t)})
	reference, err := enginetest.NewReference(s.Models(), s.Policy())
	if err != nil {
		t.Fatal(err)
	}
	wave := wavesOf(simulate(t, world.Params{Seed: 23, Accounts: 3000, Days: 2, FraudBoost: 400}, 200))[0]
	kafka := newProducer(t, s)
	bigtable.Down("*")
	bigquery.Down("*")
	var sent []*pix.Transaction
	for _, sub := range wave {
		tx := s.Tokenizer.Tokenize(sub)
		reference.Decide(&tx)
		sent = append(sent, &tx)
		kafka.send(t, sub)
	}
	// The first payments were tried until the breaker in front of the store opened, then now and then one.
	if err := bigtable.Await(t.Context(), "MutateRows", 20); err != nil {
		t.Fatal(err)
	}
	for _, tx := range sent {
		if d, err := s.Store.Decision(t.Context(), tx.ID); err != nil || d != nil {
			t.Fatalf("decided %v (%v) while the store was away", d, err)
		}
	}
	bigtable.Restore("*")
	decisions := decisionsOf(t, s, sent)
	// A payment whose event the store refused for the whole deadline, and whose decision it then took, was decided without
	// histories: the store came back in between. It says so, and is no approval.
	want, got := sighted(t, reference.Decisions(), decisions)
	if diff := cmp.Diff(want, got, asDecided()...); diff != "" {
		t.Errorf("decisions after the outage (-reference +pipeline):\n%.3000s", diff)
	}
	time.Sleep(100 * time.Millisecond)
	if rows := column(t, s, "decisions", "end_to_end_id"); len(rows) != 0 {
		t.Errorf("%d rows while BigQuery was away", len(rows))
	}
	bigquery.Restore("*")
	await(t, "audit rows", func() bool { return len(column(t, s, "decisions_latest", "end_to_end_id")) == len(sent) })
	if diff := cmp.Diff(ids(decisions, everything), column(t, s, "decisions_latest", "end_to_end_id")); diff != "" {
		t.Errorf("audited payments (-want +got):\n%s", diff)
	}
}

// sighted leaves out the decisions that were made without histories, which must not approve.
func sighted(t *testing.T, reference, decisions []*pix.Decision) (want, got []*pix.Decision) {
	t.Helper()
	for i, d := range decisions {
		if !d.FeaturesMissing {
			want, got = append(want, reference[i]), append(got, d)
		} else if d.Outcome == pix.Approve {
			t.Errorf("%s was approved without histories", d.ID())
		}
	}
	if 2*len(got) < len(decisions) {
		t.Errorf("only %d of %d decisions had histories", len(got), len(decisions))
	}
	return want, got
}
