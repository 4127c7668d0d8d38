package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// dated are rules that come and go: a refusal from a day on, one until a day, one of the night, and a permission until a day.
const dated = `  - {id: later, description: d, legal_basis: l, source: s, confidence: own, effective_from: 2026-11-23,
     directions: [OUTBOUND, INTERNAL], reason_pt: p, reason_en: e, outcome: REJECT, when: 'amount_centavos > 100000'}
  - {id: earlier, description: d, legal_basis: l, source: s, confidence: own, effective_from: 2020-01-01, effective_to: 2026-11-22,
     directions: [OUTBOUND, INTERNAL], reason_pt: p, reason_en: e, outcome: REJECT, when: 'amount_centavos > 50000 && amount_centavos <= 60000'}
  - {id: night, description: d, legal_basis: l, source: s, confidence: own, effective_from: 2020-01-01,
     directions: [OUTBOUND, INTERNAL], reason_pt: p, reason_en: e, outcome: REJECT, when: '(local_hour >= 20 || local_hour < 6) && amount_centavos > 70000'}
  - {id: review, description: d, legal_basis: l, source: s, confidence: own, effective_from: 2020-01-01, overridable: true,
     directions: [OUTBOUND, INTERNAL], reason_pt: p, reason_en: e, outcome: REVIEW, when: 'amount_centavos > 10000'}
  - {id: allow, description: d, legal_basis: l, source: s, confidence: own, effective_from: 2020-01-01, effective_to: 2026-11-22,
     directions: [OUTBOUND, INTERNAL], reason_pt: p, reason_en: e, outcome: APPROVE, lifts: [review], when: 'amount_centavos < 20000'}
`

// paid is a payment of an amount at a local moment.
func paid(t *testing.T, when string, amount pix.Money) policy.Input {
	t.Helper()
	in := noon(t, pix.Outbound)
	in.Tx.EventTime, in.Tx.Amount = local(t, when), amount
	return in
}

func TestADateNeverMakesADecisionMilder(t *testing.T) {
	t.Parallel()
	pack := load(t, head+dated)
	const before, day, night = "2026-11-22 23:59:59.000", "2026-11-23 12:00:00.000", "2026-11-23 21:00:00.000"
	for name, c := range map[string]struct {
		sent, decided, seen string
		amount              pix.Money
		want                pix.Outcome
	}{
		"a rule that is in force by now":             {before, day, "", 2_000_00, pix.Reject},
		"a rule that was in force":                   {before, day, "", 550_00, pix.Reject},
		"the same, of the new day":                   {day, day, "", 550_00, pix.Review},
		"a permission that was in force":             {before, day, "", 150_00, pix.Review},
		"the same, of the old day":                   {before, before, "", 150_00, pix.Approve},
		"dated out of the night":                     {day, night, night, 800_00, pix.Reject},
		"dated into the night":                       {night, day, day, 800_00, pix.Reject},
		"sent by day, decided at night after a jam":  {day, night, "", 800_00, pix.Review},
		"one that nothing is against":                {before, day, day, 50_00, pix.Approve},
		"of a clock that is a minute fast, at night": {"2026-11-23 06:00:30.000", "2026-11-23 05:59:30.000", "2026-11-23 05:59:30.000", 800_00, pix.Reject},
	} {
		in := paid(t, c.sent, c.amount)
		in.DecidedAt = local(t, c.decided)
		if c.seen != "" {
			in.Tx.ReceivedAt = local(t, c.seen)
		}
		if v := pack.Decide(in); v.Outcome != c.want {
			t.Errorf("%s: %s by %v, want %s", name, v.Outcome, v.Hits, c.want)
		}
		own := in
		own.Replay = true
		alone := paid(t, c.sent, c.amount)
		if v, want := pack.Decide(own), pack.Decide(alone); v.Outcome != want.Outcome || !hasHit(v, pix.HitReplay) || !v.HoldUntil.Equal(want.HoldUntil) {
			t.Errorf("%s, replayed: %s until %v by %v, want %s until %v", name, v.Outcome, v.HoldUntil, v.Hits, want.Outcome, want.HoldUntil)
		}
	}
}

func hasHit(v policy.Verdict, id string) bool {
	return slices.ContainsFunc(v.Hits, func(h pix.RuleHit) bool { return h.ID == id })
}

// TestMomentsLaw: whatever the dates, the outcome is no milder than that of the payment's own date, nor than that of the same
// payment dated when it came, under the rules of the day of the decision. Late or ahead, it is never approved.
func TestMomentsLaw(t *testing.T) {
	t.Parallel()
	pack := load(t, head+dated)
	base := local(t, "2026-11-23 12:00:00.000")
	rapid.Check(t, func(rt *rapid.T) {
		at := func(name string) time.Time {
			return base.Add(time.Duration(rapid.Int64Range(-3*24*60, 3*24*60).Draw(rt, name)) * time.Minute)
		}
		d := rapid.SampledFrom([]pix.Direction{pix.Outbound, pix.Inbound, pix.Internal}).Draw(rt, "direction")
		in := noon(t, d)
		in.Tx.Amount = pix.Money(rapid.Int64Range(1, 120_000).Draw(rt, "amount"))
		in.Tx.EventTime = at("sent")
		own := pack.Decide(in)
		in.Tx.ReceivedAt = at("came")
		in.DecidedAt = in.Tx.ReceivedAt.Add(time.Duration(rapid.Int64Range(0, 3*24*60).Draw(rt, "waited")) * time.Minute)
		switch rapid.IntRange(0, 2).Draw(rt, "age") {
		case 1:
			in.Late = time.Hour
		case 2:
			in.Ahead = time.Minute
		}
		v := pack.Decide(in)
		now := in
		tx := *in.Tx
		tx.EventTime, now.Tx, now.Late, now.Ahead = in.Tx.ReceivedAt, &tx, 0, 0
		others := map[string]policy.Verdict{"its own date": own}
		if day := time.FixedZone("", -3*3600); tx.EventTime.In(day).Format(time.DateOnly) == in.DecidedAt.In(day).Format(time.DateOnly) {
			others["the date of its arrival"] = pack.Decide(now) // on another day it would meet that day's rules as well
		}
		for name, other := range others {
			if v.Outcome.Severity() < other.Outcome.Severity() && other.Outcome != pix.Block { // whose end depends on the date
				rt.Errorf("%s, milder than %s by %s", v.Outcome, other.Outcome, name)
			}
		}
		if hasHit(v, policy.HitLate) != (in.Late > 0) || hasHit(v, policy.HitAhead) != (in.Ahead > 0) || in.Late+in.Ahead > 0 && v.Outcome == pix.Approve {
			rt.Errorf("%v late, %v ahead, and %s by %v", in.Late, in.Ahead, v.Outcome, v.Hits)
		}
	})
}

func TestLateOrAhead(t *testing.T) {
	t.Parallel()
	pack := load(t, head+dated)
	for name, c := range map[string]struct {
		direction pix.Direction
		amount    pix.Money
		age       time.Duration
		want      pix.Outcome
		pt, en    string
	}{
		"outbound":         {pix.Outbound, 50_00, 12 * time.Minute, pix.Review, "chegou 12 minutos depois", "came 12 minutes after"},
		"inbound":          {pix.Inbound, 50_00, 23 * time.Hour, pix.Block, "chegou 23 horas depois", "came 23 hours after"},
		"stricter stays":   {pix.Outbound, 2_000_00, 12 * time.Minute, pix.Reject, "chegou 12 min", "came 12 min"},
		"nothing lifts":    {pix.Internal, 150_00, time.Hour, pix.Review, "60 minutos", "60 minutes"},
		"unknown is most":  {"", 50_00, time.Hour, pix.Reject, "", ""},
		"seconds ahead":    {pix.Outbound, 50_00, -6 * time.Second, pix.Review, "chegou 6 segundos antes", "came 6 seconds before"},
		"inbound, ahead":   {pix.Inbound, 50_00, -5 * time.Minute, pix.Block, "chegou 5 minutos antes", "came 5 minutes before"},
		"ahead is no lift": {pix.Outbound, 2_000_00, -time.Minute, pix.Reject, "chegou 60 segundos antes", "came 60 seconds before"},
	} {
		in := noon(t, c.direction)
		in.Tx.Amount, in.Late, in.Ahead = c.amount, max(c.age, 0), max(-c.age, 0)
		in.DecidedAt = in.Tx.EventTime.Add(c.age)
		hit := policy.HitLate
		if c.age < 0 {
			hit = policy.HitAhead
		}
		v := pack.Decide(in)
		if v.Outcome != c.want || !hasHit(v, hit) {
			t.Errorf("%s: %s by %v", name, v.Outcome, v.Hits)
		}
		told := slices.ContainsFunc(v.Reasons, func(r pix.Reason) bool {
			return r.Code == hit && strings.Contains(r.TextPT, c.pt) && strings.Contains(r.TextEN, c.en)
		})
		if !told {
			t.Errorf("%s: reasons %v", name, v.Reasons)
		}
	}
}

// TestHoldsOfLateDecisions: a REVIEW lasts from the decision, by the hour of the decision; a BLOCK ends when the law says,
// and one that would have ended is a REJECT, for a block that is over releases the money.
func TestHoldsOfLateDecisions(t *testing.T) {
	t.Parallel()
	pack := shipped(t)
	sent := local(t, "2026-11-23 19:50:00.000")
	for name, c := range map[string]struct {
		direction pix.Direction
		after     time.Duration // of the decision
		want      pix.Outcome
		until     time.Duration // from the event
	}{
		"held by day":             {pix.Outbound, time.Second, pix.Review, 30*time.Minute + time.Second},
		"held in the night":       {pix.Outbound, 20 * time.Minute, pix.Review, 80 * time.Minute},
		"held two days later":     {pix.Outbound, 48 * time.Hour, pix.Review, 48*time.Hour + 30*time.Minute},
		"held by a fast clock":    {pix.Outbound, -4 * time.Minute, pix.Review, 30 * time.Minute},
		"blocked":                 {pix.Inbound, time.Second, pix.Block, 72 * time.Hour},
		"blocked two days later":  {pix.Inbound, 48 * time.Hour, pix.Block, 72 * time.Hour},
		"blocked when it is over": {pix.Inbound, 72 * time.Hour, pix.Reject, 0},
	} {
		in := noon(t, c.direction)
		in.Tx.EventTime = sent
		for i := range in.Scores {
			in.Scores[i].Probability = 0.7
		}
		in.DecidedAt = sent.Add(c.after)
		v := pack.Decide(in)
		if v.Outcome != c.want || hold(in, v) != c.until || hasHit(v, policy.HitBlockOver) != (c.want == pix.Reject) {
			t.Errorf("%s: %s for %v by %v, want %s for %v", name, v.Outcome, hold(in, v), v.Hits, c.want, c.until)
		}
	}
}
