package stack_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// dated gives a payment a date, and an id of that minute.
func dated(s *pix.Submission, at time.Time) *pix.Submission {
	out, id := *s, string(s.ID) // E, ISPB, minute, and what tells it apart
	out.EventTime = at.UTC().Truncate(time.Millisecond)
	out.ID, out.ReceivedAt = pix.EndToEndID(id[:9]+out.EventTime.Format("200601021504")+id[21:]), time.Time{}
	return &out
}

// TestAgesThroughKafka: live payments of every age on their way through everything. A broker stamps when each comes: those
// of now are decided, older ones and those dated ahead are not approved and say why, the oldest is a dead letter unless a
// decision stands.
func TestAgesThroughKafka(t *testing.T) {
	t.Parallel()
	letters := newCollector()
	s := start(t, stack.Options{Live: true, Watch: map[string]http.Handler{stack.DeadLetterTopic: letters.handler(stack.DeadLetterTopic)}})
	ages := []struct {
		age  time.Duration
		want string // a hit; empty for none of a date's
	}{
		{0, ""}, {time.Minute, ""}, {11 * time.Minute, policy.HitLate}, {23 * time.Hour, policy.HitLate}, {-3 * time.Minute, policy.HitAhead},
	}
	payments, kafka := simulate(t, world.Params{Seed: 6, Accounts: 200, Days: 2}, len(ages)+2), newProducer(t, s)
	var sent []*pix.Transaction
	send := func(p *pix.Submission) *pix.Transaction {
		kafka.send(t, p)
		tx := s.Tokenizer.Tokenize(p)
		return &tx
	}
	began := time.Now()
	for i, c := range ages {
		sent = append(sent, send(dated(payments[i], began.Add(-c.age))))
	}
	old, known := dated(payments[len(ages)], began.Add(-25*time.Hour)), dated(payments[len(ages)+1], began.Add(-25*time.Hour))
	data, err := event.EncodeSubmissionJSON(known)
	if err != nil {
		t.Fatal(err)
	}
	if status, answer := post(t, s, "application/json", data); status != http.StatusOK { // a replay, and so its decision stands
		t.Fatalf("%d %s", status, answer)
	}
	send(known)
	send(old)
	for i, d := range decisionsOf(t, s, sent) {
		c := ages[i]
		for _, hit := range []string{policy.HitLate, policy.HitAhead, pix.HitReplay} {
			if has := slices.ContainsFunc(d.RuleHits, func(h pix.RuleHit) bool { return h.ID == hit }); has != (hit == c.want) {
				t.Errorf("%v old: %s by %v, want %q", c.age, d.Outcome, d.RuleHits, c.want)
			}
		}
		told := slices.ContainsFunc(d.Reasons, func(r pix.Reason) bool { return r.Code == c.want && r.TextPT != "" && r.TextEN != "" })
		if c.want != "" && (d.Outcome == pix.Approve || !told) {
			t.Errorf("%v old: %s for %v", c.age, d.Outcome, d.Reasons)
		}
		if came := d.Transaction.ReceivedAt; came.Before(began.Truncate(time.Millisecond)) || came.After(time.Now()) {
			t.Errorf("%v old: received at %v", c.age, came)
		}
	}
	await(t, "the dead letter", func() bool { return letters.count(stack.DeadLetterTopic) > 0 && s.Outstanding() == 0 })
	for _, l := range letters.of(stack.DeadLetterTopic) {
		if l.Attributes[event.AttrDeadLetterReason] != pix.TooOld.String() || l.Attributes[event.AttrEventID] != string(old.ID) {
			t.Errorf("a dead letter with %v", l.Attributes)
		}
	}
	await(t, "the standing decision", func() bool {
		return bytes.Contains(get(t, s.MetricsURL), fmt.Appendf(nil, `repeated="true",service="score"} 1`))
	})
}
