package stack_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// mostKeptBytes is what a payment may leave in memory: its row in BigQuery and its cells in Bigtable, which are data, some
// 13,000 bytes.
const mostKeptBytes = 16_000

// TestAPaymentLeavesLittleInMemory takes the difference between the live heap after some payments and after more than three
// times as many: what the services keep of each for ever.
//
//nolint:paralleltest // the heap is that of all tests that run
func TestAPaymentLeavesLittleInMemory(t *testing.T) {
	const first, more = 600, 1500
	s := start(t, stack.Options{})
	producer := newProducer(t, s)
	payments := simulate(t, world.Params{Seed: 3, Accounts: 3000, Days: 5}, first+more)
	through := func(part []*pix.Submission, all int) int64 {
		var sent []*pix.Transaction
		for _, p := range part {
			producer.send(t, p)
			sent = append(sent, &pix.Transaction{Facts: p.Facts})
		}
		decisionsOf(t, s, sent)
		await(t, "audit rows", func() bool { return s.Outstanding() == 0 && audited(t, s) == all })
		return kept()
	}
	before := through(payments[:first], first)
	after := through(payments[first:], first+more)
	perPayment := (after - before) / more
	for deadline := time.Now().Add(time.Minute); perPayment > mostKeptBytes && time.Now().Before(deadline); { // a busy machine lets go late
		after = min(after, kept())
		perPayment = (after - before) / more
	}
	t.Logf("%d MB after %d payments, %d MB after %d: %d bytes a payment", before>>20, first, after>>20, first+more, perPayment)
	if perPayment > mostKeptBytes {
		t.Errorf("a payment leaves %d bytes, at most %d may stay", perPayment, mostKeptBytes)
	}
}

// kept is the live heap once the servers have let go of what they do not keep.
func kept() int64 {
	least := int64(1) << 62
	for range 5 {
		time.Sleep(500 * time.Millisecond)
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		least = min(least, int64(m.HeapAlloc))
	}
	return least
}

// audited counts the payments in BigQuery.
func audited(t *testing.T, s *stack.Stack) int {
	t.Helper()
	sql := "SELECT COUNT(*) FROM decisions_latest WHERE event_time > TIMESTAMP '2020-01-01 00:00:00+00'"
	answer, err := s.Reader.Query(t.Context(), sql, nil)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(answer.Rows[0][0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}
