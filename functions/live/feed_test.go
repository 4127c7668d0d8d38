package live_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestADecisionNeverWaits: with a feed that is stuck every hand-over returns, and what had no place is told.
func TestADecisionNeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan struct{})
		feed := live.NewFeed(func() live.Serving { <-stuck; return serving() }, nil)
		defer feed.Close()
		const many = 10_000
		for i := range many { // a hand-over that waits would end the test as a deadlock
			feed.Decided(seen(decision(i, pix.Review, 100, 0.5)))
			feed.Without(engine.PartShadow)
		}
		close(stuck)
		time.Sleep(2 * time.Second)
		handler, err := feed.Handler(live.Around{})
		if err != nil {
			t.Fatal(err)
		}
		state := stateOf(t, handler)
		if len(state.Faults) == 0 || state.Faults[len(state.Faults)-1].Name != "lost" {
			t.Errorf("what was lost is not told: %v", state.Faults)
		}
		time.Sleep(70 * time.Second)
		if state := stateOf(t, handler); len(state.Faults) != 0 {
			t.Errorf("a minute later: %v", state.Faults)
		}
	})
}

// stateOf reads one state without a server.
func stateOf(t *testing.T, handler http.Handler) (n numbers) {
	t.Helper()
	d := &desk{t: t, feed: nil, server: &http.Server{}}
	listener := newPipes()
	d.server.Handler = handler
	go func() { _ = d.server.Serve(listener) }()
	transport := &http.Transport{DialContext: listener.dial, DisableKeepAlives: true}
	d.client = &http.Client{Transport: transport}
	s := d.read("")
	s.next("state", &n)
	s.close()
	_ = d.server.Close()
	return n
}

// TestTheQueue: the most expected loss first, then what has no score by its amount; the top alone is sent, approvals and
// provisional answers are no alerts, and one payment is one.
func TestTheQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, 150).Draw(r, "alerts")
		type alert struct {
			id               string
			expected, amount int64
		}
		var want []alert
		var given []*pix.Decision
		for i := range n {
			d := decision(i, rapid.SampledFrom([]pix.Outcome{pix.Review, pix.Block, pix.Reject}).Draw(r, "outcome"),
				pix.Money(rapid.Int64Range(1, 1_000_000).Draw(r, "amount")), rapid.SampledFrom([]float64{-1, 0.001, 0.3, 0.999}).Draw(r, "p"))
			a := alert{string(d.ID())[28:], -1, int64(d.Transaction.Amount)}
			if len(d.Scores) > 0 {
				a.expected = int64(math.Round(d.Scores[0].Probability * float64(d.Transaction.Amount)))
			}
			given, want = append(given, d), append(want, a)
		}
		slices.SortFunc(want, func(a, b alert) int {
			return cmp.Or(cmp.Compare(b.expected, a.expected), cmp.Compare(b.amount, a.amount), cmp.Compare(a.id, b.id))
		})
		var top []string
		for _, a := range want[:min(len(want), 25)] {
			top = append(top, a.id)
		}
		provisional := decision(1000, pix.Review, 1e9, 0.9)
		provisional.Provisional = true
		synctest.Test(t, func(t *testing.T) {
			desk := newDesk(t, live.Around{}, &http.Server{})
			for _, d := range given {
				desk.feed.Decided(seen(d))
				again := seen(d)
				again.Repeated = true
				desk.feed.Decided(again)
			}
			desk.feed.Decided(seen(provisional))
			desk.feed.Decided(seen(decision(1001, pix.Approve, 1e9, 0.9)))
			synctest.Wait()
			s := desk.read("")
			defer s.close()
			var queue []shown
			s.next("alerts", &queue)
			if diff := gocmp.Diff(top, ids(queue)); diff != "" {
				t.Errorf("queue (-want +got):\n%s", diff)
			}
		})
	})
}

// TestAnAlertLeavesTheQueue when its hold is over, and after an hour at the latest.
func TestAnAlertLeavesTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{Replays: true}, &http.Server{})
		held, rejected, simulated := decision(1, pix.Review, 100, 0.5), decision(2, pix.Reject, 100, 0.5), decision(3, pix.Block, 100, 0.5)
		held.HoldUntil = time.Now().Add(30 * time.Minute)
		simulated.HoldUntil = time.Now().Add(-48 * time.Hour)
		simulated.RuleHits = []pix.RuleHit{{ID: "replay", Outcome: pix.Approve}}
		for _, d := range []*pix.Decision{held, rejected, simulated} {
			desk.feed.Decided(seen(d))
		}
		for _, want := range [][]string{{"0001", "0002", "0003"}, {"0002", "0003"}, nil} {
			synctest.Wait()
			s := desk.read("")
			var queue []shown
			s.next("alerts", &queue)
			s.close()
			if diff := gocmp.Diff(want, ids(queue)); diff != "" {
				t.Errorf("queue (-want +got):\n%s", diff)
			}
			time.Sleep(31 * time.Minute)
		}
	})
}

// TestOldAlertsKeepNoneOut: what is over goes while nobody looks, so that the last hour's alerts are there for who looks then.
func TestOldAlertsKeepNoneOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, &http.Server{})
		for i := range 200 {
			desk.feed.Decided(seen(decision(1000+i, pix.Review, 1_000_000_00, 0.9)))
		}
		time.Sleep(2 * time.Hour)
		desk.feed.Decided(seen(decision(1, pix.Review, 100, 0.5)))
		time.Sleep(30 * time.Minute)
		s := desk.read("")
		defer s.close()
		var queue []shown
		s.next("alerts", &queue)
		if diff := gocmp.Diff([]string{"0001"}, ids(queue)); diff != "" {
			t.Errorf("queue (-want +got):\n%s", diff)
		}
	})
}

// TestReplays: a payment of the past raises no alert and moves no money, unless there are no others. It is shown either way.
func TestReplays(t *testing.T) {
	t.Parallel()
	for replays, want := range map[bool]struct {
		queue   []string
		stopped string
		alerts  int
	}{false: {nil, "R$ 0.00", 0}, true: {[]string{"0001"}, "R$ 100.00", 1}} {
		synctest.Test(t, func(t *testing.T) {
			desk := newDesk(t, live.Around{Replays: replays}, &http.Server{})
			d := decision(1, pix.Review, 100_00, 0.5)
			d.RuleHits = []pix.RuleHit{{ID: pix.HitReplay, Outcome: pix.Approve}}
			desk.feed.Decided(seen(d))
			time.Sleep(2 * time.Second)
			s := desk.read("")
			defer s.close()
			var list, queue []shown
			var n numbers
			s.next("decisions", &list)
			s.next("state", &n)
			s.next("alerts", &queue)
			if diff := gocmp.Diff(want.queue, ids(queue)); diff != "" || n.Stopped["en"] != want.stopped || n.Alerts != want.alerts {
				t.Errorf("replays %v: stopped %s, %d alerts, queue (-want +got):\n%s", replays, n.Stopped["en"], n.Alerts, diff)
			}
			if len(list) != 1 || n.Given != 1 {
				t.Errorf("replays %v: %d shown, %d given", replays, len(list), n.Given)
			}
		})
	}
}

// TestAFailureOfThePageEndsNoProcess: what cannot be shown is told, and the feed goes on.
func TestAFailureOfThePageEndsNoProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fails := true
		feed := live.NewFeed(func() live.Serving {
			if fails {
				panic("no models yet")
			}
			return serving()
		}, nil)
		defer feed.Close()
		feed.Decided(seen(decision(1, pix.Review, 100, 0.5)))
		synctest.Wait()
		fails = false
		feed.Decided(seen(decision(2, pix.Review, 100, 0.5)))
		time.Sleep(2 * time.Second)
		handler, err := feed.Handler(live.Around{})
		if err != nil {
			t.Fatal(err)
		}
		n := stateOf(t, handler)
		if len(n.Faults) != 1 || n.Faults[0].Name != "lost" || n.Given != 2 {
			t.Errorf("%d given, faults %v", n.Given, n.Faults)
		}
	})
}

// TestNumbers: what is counted over the last minute and the last hour, and what goes out of them.
func TestNumbers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{Pipeline: func() []live.Step { return []live.Step{{Name: "audited", Count: 7}} }}, &http.Server{})
		time.Sleep(20 * time.Second) // a window that has just begun is divided by less
		for i := range 10 {
			desk.feed.Decided(seen(decision(i, pix.Approve, 1_000_00, 0.001)))
			again := seen(decision(i, pix.Approve, 1_000_00, 0.001))
			again.Repeated, again.Took = true, 4*time.Millisecond
			desk.feed.Decided(again)
			desk.feed.Decided(seen(decision(100+i, pix.Review, 1_234_56, 0.5)))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		s := desk.read("")
		defer s.close()
		var n numbers
		s.next("state", &n)
		if n.Rate != 3 || n.Given != 30 || n.Standing != 10 || n.Each[59] != 3 || len(n.Each) != 60 {
			t.Errorf("rate %v, given %d, standing %d, each %v", n.Rate, n.Given, n.Standing, n.Each)
		}
		if n.P50 < 1990 || n.P50 > 2030 || n.P99 < 3950 || n.P99 > 4050 { // two digits that count
			t.Errorf("latencies %d and %d µs, want 2000 and 4000", n.P50, n.P99)
		}
		want := numbers{
			Outcomes: map[string]int{"APPROVE": 10, "REVIEW": 10, "BLOCK": 0, "REJECT": 0}, Alerts: 10,
			Stopped:     map[string]string{"pt": "R$ 12.345,60", "en": "R$ 12,345.60"},
			StoppedLoss: map[string]string{"pt": "R$ 6.172,80", "en": "R$ 6,172.80"},
			AtRisk:      map[string]string{"pt": "R$ 10,00", "en": "R$ 10.00"},
			Policy:      "pix-2026.11.9@f300e2e46024", Pipeline: []live.Step{{Name: "audited", Count: 7}},
		}
		got := numbers{Outcomes: n.Outcomes, Alerts: n.Alerts, Stopped: n.Stopped, StoppedLoss: n.StoppedLoss, AtRisk: n.AtRisk, Policy: n.Policy, Pipeline: n.Pipeline}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		time.Sleep(70 * time.Second)
		minute := desk.read("")
		defer minute.close()
		minute.next("state", &n)
		if n.Given != 0 || n.Rate != 0 || n.P99 != 0 || n.Alerts != 10 {
			t.Errorf("after a minute: %+v", n)
		}
		time.Sleep(time.Hour)
		later := desk.read("")
		defer later.close()
		later.next("state", &n)
		if n.Alerts != 0 || n.Stopped["en"] != "R$ 0.00" {
			t.Errorf("after an hour: %+v", n)
		}
	})
}

// TestFaultsInWords: what fails is told in both languages, and what the last minute's decisions suffered.
func TestFaultsInWords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var err error
		conditions := []lifecycle.Condition{
			{Name: "store", Check: func() error { return err }},
			{Name: "clock", Own: true, Check: func() error { return err }},
			{Name: "of_tomorrow", Check: func() error { return err }},
		}
		desk := newDesk(t, live.Around{Conditions: conditions}, &http.Server{})
		s := desk.read("")
		defer s.close()
		var n numbers
		if s.next("state", &n); len(n.Faults) != 0 {
			t.Errorf("faults while all is well: %v", n.Faults)
		}
		err = errors.New("open for 3s")
		missing, provisional := decision(1, pix.Review, 100, -1), decision(2, pix.Review, 100, -1)
		missing.FeaturesMissing, provisional.Provisional = true, true
		desk.feed.Decided(seen(missing))
		desk.feed.Decided(seen(provisional))
		for _, part := range engine.Parts() {
			desk.feed.Without(part)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s.next("state", &n)
		s.next("state", &n)
		var names []string
		for _, f := range n.Faults {
			names = append(names, f.Name)
			if f.Text["pt"] == "" || f.Text["en"] == "" || f.Text["pt"] == f.Text["en"] {
				t.Errorf("%s has no words: %v", f.Name, f.Text)
			}
			if f.Own != (f.Name == "clock") {
				t.Errorf("%s: own is %v", f.Name, f.Own)
			}
		}
		want := []string{"store", "clock", "of_tomorrow", "missing", "provisional", "overload", "score", "shadow"}
		if diff := gocmp.Diff(want, names); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
	})
}

// TestAFloodOfApprovals: however many there are, one a second is shown, and every alert is.
func TestAFloodOfApprovals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, &http.Server{})
		for i := range 2000 {
			desk.feed.Decided(seen(decision(i, pix.Approve, 100, 0.0001)))
			if i%400 == 0 {
				desk.feed.Decided(seen(decision(5000+i, pix.Block, 100, 0.5)))
			}
			time.Sleep(time.Millisecond)
		}
		s := desk.read("")
		defer s.close()
		var list []shown
		s.next("decisions", &list)
		count := map[string]int{}
		for _, d := range list {
			count[d.Outcome]++
		}
		if count["BLOCK"] != 5 || count["APPROVE"] < 2 || count["APPROVE"] > 3 {
			t.Errorf("shown: %v", count)
		}
	})
}

// TestConcurrent is for the race detector: who decides, who reads and who closes.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	desk := newDesk(t, live.Around{}, &http.Server{})
	var work sync.WaitGroup
	for w := range 4 {
		work.Go(func() {
			for i := range 500 {
				desk.feed.Decided(seen(decision(w*1000+i, pix.Review, 100, 0.5)))
				desk.feed.Without(engine.PartModel)
			}
		})
		work.Go(func() {
			s := desk.read("")
			defer s.close()
			var n numbers
			s.next("state", &n)
		})
	}
	work.Wait()
	desk.feed.Close()
	desk.feed.Close()
	desk.feed.Decided(seen(decision(1, pix.Review, 100, 0.5)))
	if err := desk.server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// BenchmarkDecided is what a decision pays: one hand-over, with a feed that keeps up or does not.
func BenchmarkDecided(b *testing.B) {
	feed := live.NewFeed(serving, nil)
	defer feed.Close()
	for name, outcome := range map[string]pix.Outcome{"approval": pix.Approve, "alert": pix.Review} {
		s := seen(decision(1, outcome, 100, 0.5))
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				feed.Decided(s)
			}
		})
	}
}
