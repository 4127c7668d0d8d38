package score

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

// burst is payments of one payer in the order in which they come.
type burst struct {
	direction pix.Direction
	payments  []struct {
		tx     *pix.Transaction // dated truly
		back   time.Duration    // how far the forged date lies before the arrival; below zero after it
		waited bool
	}
}

// shapes are ways to date a burst: how far the n-th of count payments is dated back.
func shapes() map[string]func(r *rand.Rand, n, count int) time.Duration {
	scales := []time.Duration{time.Second, 5 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 48 * time.Hour}
	some := func(r *rand.Rand) time.Duration {
		return 1 + time.Duration(r.Int64N(int64(scales[r.IntN(len(scales))])))
	}
	return map[string]func(r *rand.Rand, n, count int) time.Duration{
		"ahead, falling": func(_ *rand.Rand, n, count int) time.Duration {
			return -5 * time.Minute * time.Duration(count-n) / time.Duration(count)
		},
		"ahead, rising": func(_ *rand.Rand, n, count int) time.Duration {
			return -5 * time.Minute * time.Duration(n+1) / time.Duration(count)
		},
		"first ahead": func(_ *rand.Rand, n, count int) time.Duration {
			return -5 * time.Minute * time.Duration(1-min(n*2/count, 1))
		},
		"behind, falling": func(_ *rand.Rand, n, count int) time.Duration {
			return 10 * time.Minute * time.Duration(n+1) / time.Duration(count)
		},
		"behind, rising": func(_ *rand.Rand, n, count int) time.Duration {
			return 10 * time.Minute * time.Duration(count-n) / time.Duration(count)
		},
		"all behind":  func(*rand.Rand, int, int) time.Duration { return 9*time.Minute + 59*time.Second },
		"any, behind": func(r *rand.Rand, _, _ int) time.Duration { return some(r) },
		"any": func(r *rand.Rand, _, _ int) time.Duration {
			back := some(r)
			if r.IntN(2) == 0 && back <= pix.MaxClockSkew {
				back = -back
			}
			return back
		},
	}
}

// drawBurst draws payments that come a few seconds to minutes apart, to shops of the victim and to thieves.
func drawBurst(r *rand.Rand, shape func(r *rand.Rand, n, count int) time.Duration) burst {
	b := burst{direction: []pix.Direction{pix.Outbound, pix.Inbound, pix.Internal}[r.IntN(3)]}
	at := time.Date(2026, 11, 23, 12+r.IntN(14), r.IntN(60), 0, 0, time.UTC)
	amounts := []pix.Money{20_00, 90_00, 300_00, 900_00}
	const count = 12
	for n := range count {
		// Within twice pix.SameMoment two payments may still overtake each other.
		at = at.Add(5*time.Second + time.Duration(r.Int64N(int64([]time.Duration{time.Second, 20 * time.Second, 2 * time.Minute}[r.IntN(3)]))).Truncate(time.Millisecond))
		tx := theft(3000+n, at, b.direction, amounts[r.IntN(len(amounts))])
		if r.IntN(3) == 0 {
			tx.Payee.Account.Current = pix.Token(fmt.Sprintf("acct.1.shop%018d", r.IntN(3)))
		}
		b.payments = append(b.payments, struct {
			tx     *pix.Transaction
			back   time.Duration
			waited bool
		}{tx, shape(r, n, count).Truncate(time.Millisecond), r.IntN(2) == 0})
	}
	return b
}

// displaced reports whether no forged date may count for the payment's own.
func (b *burst) displaced() bool {
	for i := range b.payments {
		if b.payments[i].back.Abs() <= pix.SameMoment {
			return false
		}
	}
	return true
}

func sameNumber(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }

// play decides a burst in a world of its own, forged or dated truly. A payment that was refused is nil; without leaves out
// those that are nil there: what was refused was never sent.
func (f *forger) play(t *testing.T, b *burst, without []*pix.Decision) []*pix.Decision {
	t.Helper()
	now := b.payments[0].tx.EventTime
	clock := func() time.Time { return now }
	store := memory.New(clock)
	for day := 1; day <= 40; day++ { // the victim's life
		tx := theft(1000+day, now.AddDate(0, 0, -day), b.direction, 50_00)
		tx.Payee.Account.Current = pix.Token(fmt.Sprintf("acct.1.shop%018d", day%3))
		record(t, store, tx)
	}
	e, err := engine.New(engine.Deps{Store: store, Models: f.champions, Policies: f.policies, Features: f.features, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]*pix.Decision, len(b.payments))
	for i, p := range b.payments {
		if without != nil && without[i] == nil {
			continue
		}
		now = p.tx.EventTime
		tx, arrival := *p.tx, pix.Arrival{At: now}
		if without == nil {
			tx.EventTime, tx.ReceivedAt = now.Add(-p.back), now.Add(-p.back)
			arrival.Waited = p.waited
		}
		d, _, err := e.Decide(t.Context(), engine.Request{Tx: &tx, Arrival: arrival})
		if err != nil && pix.KindOf(err) != pix.TooOld {
			t.Fatal(err)
		}
		out[i] = d
	}
	return out
}

// TestForgedBurstsGainNothing: with the shipped models and rules, no payment of a burst with forged dates is decided milder
// than the same payment of the same burst with true dates.
func TestForgedBurstsGainNothing(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	outcomes, forgeries := map[pix.Outcome]int{}, 0
	for name, shape := range shapes() {
		for seed := range uint64(20) {
			b := drawBurst(rand.New(rand.NewPCG(seed, 7)), shape)
			forged := f.play(t, &b, nil)
			honest := f.play(t, &b, forged)
			for i, d := range honest {
				if d == nil {
					continue
				}
				outcomes[d.Outcome]++
				if forged[i].Outcome != d.Outcome {
					forgeries++
				}
				back := b.payments[i].back
				if forged[i].Outcome.Severity() < d.Outcome.Severity() || forged[i].Outcome == pix.Approve && (back > engine.DefaultLateEventAge || back < -5*time.Second) {
					t.Errorf("%s, seed %d, payment %d, %v back: %s by %v, dated truly %s by %v", name, seed, i, back,
						forged[i].Outcome, forged[i].RuleHits, d.Outcome, d.RuleHits)
				}
				if b.displaced() && !slices.EqualFunc(forged[i].Vector, d.Vector, sameNumber) {
					t.Errorf("%s, seed %d, payment %d, %v back: another vector", name, seed, i, back)
				}
			}
		}
	}
	t.Logf("dated truly: %v; %d were decided more severely for their dates", outcomes, forgeries)
	if len(outcomes) < 3 || outcomes[pix.Approve] == 0 {
		t.Errorf("outcomes %v: the test shows too little", outcomes)
	}
}
