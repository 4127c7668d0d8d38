package stack_test

import (
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestDecisionsAreThoseOfTheReference is the oracle of the main job: under duplicated, delayed and republished messages,
// lost acknowledgements and lost replies of the store, the decisions are exactly those of a single-threaded reference,
// each of them once in the store and once in BigQuery with the very vector that was served, and the alerts are exactly the
// decisions that do not approve. Between the waves payments are settled, returned and reported, so that later vectors
// depend on statuses and labels too.
func TestDecisionsAreThoseOfTheReference(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	seen := newCollector()
	s := start(t, stack.Options{
		Faults:   push.Faults{Seed: 7, LoseAcks: 0.2, Republish: 0.1, Delay: 0.2, MaxDelay: 30 * time.Millisecond},
		Bigtable: faults.ClientOptions(), Policy: eagerPolicy(t),
		Watch: map[string]http.Handler{stack.DeadLetterTopic: seen.handler(stack.DeadLetterTopic)},
	})
	reference, err := enginetest.NewReference(s.Models(), s.Policy())
	if err != nil {
		t.Fatal(err)
	}
	producer, became := newProducer(t, s), newAftermath(t, s, reference)
	waves := wavesOf(simulate(t, world.Params{Seed: 11, Accounts: 1500, Days: 3, FraudBoost: 400}, 700))
	var sent []*pix.Transaction
	for i, wave := range waves {
		faults.LoseReply([]string{"MutateRows", "CheckAndMutateRow"}[i%2], 1)
		for j, sub := range wave {
			tx := s.Tokenizer.Tokenize(sub)
			reference.Decide(&tx)
			sent = append(sent, &tx)
			producer.send(t, sub)
			if j%5 == 0 {
				producer.send(t, sub)
			}
		}
		became.follow(decisionsOf(t, s, sent[len(sent)-len(wave):]))
	}
	became.unknown()
	want := reference.Decisions()
	if diff := cmp.Diff(want, decisionsOf(t, s, sent), asDecided()...); diff != "" {
		t.Errorf("decisions (-reference +pipeline):\n%.4000s", diff)
	}
	outcomes := reference.Outcomes()
	t.Logf("%d payments in %d waves: %v", len(sent), len(waves), outcomes)
	if len(outcomes) < 3 {
		t.Errorf("outcomes %v: the test shows too little", outcomes)
	}
	await(t, "audit rows", func() bool {
		return len(column(t, s, "decisions_latest", "end_to_end_id")) == len(want) && s.Outstanding() == 0
	})
	if diff := cmp.Diff(ids(want, everything), column(t, s, "decisions_latest", "end_to_end_id")); diff != "" {
		t.Errorf("audited payments (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ids(want, notApproved), column(t, s, "alerts_latest", "end_to_end_id")); diff != "" {
		t.Errorf("alerted payments (-want +got):\n%s", diff)
	}
	if n := became.missing(t, s); n != 0 {
		t.Errorf("%d labels without a row", n)
	}
	audited := auditedVectors(t, s)
	for _, d := range want {
		if !sameBits(d.Vector, audited[d.ID()]) {
			t.Errorf("%s: BigQuery holds another vector than was served", d.ID())
		}
	}
	if twice := decidedTwice(t, s); len(twice) != 0 {
		t.Errorf("payments with two decisions: %v", twice)
	}
	if letters := seen.count(stack.DeadLetterTopic); letters != 0 {
		t.Errorf("%d dead letters of valid payments", letters)
	}
}

// decidedTwice returns the payments of which BigQuery holds rows of more than one decision. Rows may repeat; decisions
// may not.
func decidedTwice(t *testing.T, s *stack.Stack) []string {
	t.Helper()
	sql := "SELECT end_to_end_id FROM `" + s.Reader.Dataset() + ".decisions` WHERE event_time > TIMESTAMP '2020-01-01 00:00:00+00'" +
		" GROUP BY end_to_end_id HAVING COUNT(DISTINCT decided_at) > 1"
	answer, err := s.Reader.Query(t.Context(), sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	var twice []string
	for _, row := range answer.Rows {
		twice = append(twice, row[0])
	}
	return twice
}

// wavesOf parts payments into waves in which no two share an account or a device, so that whatever runs at once within
// a wave, every history is the same as when they come one by one.
func wavesOf(payments []*pix.Submission) [][]*pix.Submission {
	var waves [][]*pix.Submission
	last := map[string]int{} // entity to the first wave that it may still join
	for _, p := range payments {
		entities := map[string]bool{
			string(p.PayerFacts.ISPB) + "/" + p.Payer.Branch.Reveal() + "/" + p.Payer.Account.Reveal(): p.Payer.Account != "",
			string(p.PayeeFacts.ISPB) + "/" + p.Payee.Branch.Reveal() + "/" + p.Payee.Account.Reveal(): p.Payee.Account != "",
			p.DeviceID.Reveal(): p.DeviceID != "",
		}
		wave := 0
		for e, named := range entities {
			if named {
				wave = max(wave, last[e])
			}
		}
		for e := range entities {
			last[e] = wave + 1
		}
		if wave == len(waves) {
			waves = append(waves, nil)
		}
		waves[wave] = append(waves[wave], p)
	}
	return waves
}

// asDecided compares what the reference knows of a decision: everything but clocks, trace, words and that it is published.
// NaN equals NaN and floats are compared bit for bit.
func asDecided() []cmp.Option {
	return []cmp.Option{
		cmpopts.IgnoreFields(pix.Decision{}, "Reasons", "DecidedAt", "StoreLatency", "ScoreLatency", "TotalLatency", "TraceID", "Published"),
		cmpopts.IgnoreFields(pix.Score{}, "Top"),
		cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b }),
		cmp.Transformer("id", func(tx pix.Transaction) pix.EndToEndID { return tx.ID }),
	}
}

func everything(*pix.Decision) bool    { return true }
func notApproved(d *pix.Decision) bool { return d.Outcome != pix.Approve }

func ids(decisions []*pix.Decision, keep func(*pix.Decision) bool) []string {
	out := []string{}
	for _, d := range decisions {
		if keep(d) {
			out = append(out, string(d.ID()))
		}
	}
	slices.Sort(out)
	return out
}

// simulate takes the first n payments of a world that ends before today.
func simulate(t *testing.T, p world.Params, n int) []*pix.Submission {
	t.Helper()
	p.Start = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -p.Days-1)
	w := world.New(p)
	payments := make([]*pix.Submission, n)
	for i := range payments {
		e, ok := w.Next()
		if !ok {
			t.Fatalf("the world ended after %d payments", i)
		}
		data, err := event.EncodeSubmissionJSON(&e.Submission)
		if err != nil {
			t.Fatal(err)
		}
		sub, err := event.DecodeSubmissionJSON(data) // as the wire gives it: whole milliseconds
		if err != nil {
			t.Fatal(err)
		}
		payments[i] = &sub
	}
	return payments
}
