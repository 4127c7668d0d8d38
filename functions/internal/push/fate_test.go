package push_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// subscription delivers one message as Pub/Sub does without a dead-letter policy: again and again, after 10 s to 10 min,
// until it is acknowledged or older than the retention. It returns how often, and whether it was acknowledged.
func (f *fixture) subscription(t *testing.T, id string) (attempts int, acknowledged bool) {
	t.Helper()
	const retention = 7 * 24 * time.Hour
	published := now()
	for backoff := 10 * time.Second; now().Sub(published) < retention; backoff = min(2*backoff, 10*time.Minute) {
		attempts++
		if f.send(t, nil, pushBodyOf(id, "payload "+id, published)) == http.StatusNoContent {
			return attempts, true
		}
		time.Sleep(backoff)
	}
	return attempts, false
}

// TestAnOutageKillsNothing: hours and days of a store that is away are hundreds of attempts, and every message is handled
// when it is back. One that is away for longer than messages may wait costs dead letters, never a message.
func TestAnOutageKillsNothing(t *testing.T) {
	t.Parallel()
	const messages = 20
	for name, c := range map[string]struct {
		kind     pix.Kind
		outage   time.Duration
		attempts int // at least
		letters  int
	}{
		"hours":           {pix.Unavailable, 5 * time.Hour, 30, 0},
		"days":            {pix.Timeout, 5 * 24 * time.Hour, 700, 0},
		"unknown failure": {pix.Unexpected, 2 * 24 * time.Hour, 280, 0},
		"stopping":        {pix.Cancelled, 24 * time.Hour, 140, 0},
		"a week":          {pix.Unavailable, 8 * 24 * time.Hour, 860, messages},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				back := time.Now().Add(c.outage)
				var mu sync.Mutex
				rows := map[string]int{}
				f := newFixture(t, func(_ context.Context, data string) error {
					if time.Now().Before(back) {
						return pix.E(c.kind, "write row", errors.New("away"))
					}
					mu.Lock()
					defer mu.Unlock()
					rows[data]++
					return nil
				})
				var deliveries sync.WaitGroup
				for i := range messages {
					deliveries.Go(func() {
						if attempts, acknowledged := f.subscription(t, fmt.Sprint("m", i)); !acknowledged || attempts < c.attempts {
							t.Errorf("message %d: acknowledged %v after %d attempts, want at least %d", i, acknowledged, attempts, c.attempts)
						}
					})
				}
				deliveries.Wait()
				if len(f.letters.list) != c.letters || len(rows) != messages-c.letters {
					t.Fatalf("%d dead letters, %d rows, want %d and %d", len(f.letters.list), len(rows), c.letters, messages-c.letters)
				}
				for _, l := range f.letters.list {
					if l.Reason != c.kind.String() || !strings.Contains(l.Detail, "gave up at an age of 144h") || string(l.Envelope.Data) != "tokenised" {
						t.Fatalf("dead letter %+v", l)
					}
				}
			})
		})
	}
}

// TestPanicsDieByTheirOwnCount: a message that panics again and again is a poison; one that panicked and was then handled
// begins anew, and the panics of others do not count.
func TestPanicsDieByTheirOwnCount(t *testing.T) {
	t.Parallel()
	panics := true
	f := newFixture(t, func(_ context.Context, s string) error {
		if panics {
			panic("payload " + s)
		}
		return nil
	})
	deliver := func(id string) int { return f.post(t, nil, pushBodyOf(id, secret, now())) }
	for i, want := range []int{http.StatusInternalServerError, http.StatusInternalServerError} {
		for _, id := range []string{"poison", "other"} {
			if got := deliver(id); got != want || len(f.letters.list) != 0 {
				t.Fatalf("%q, panic %d: status %d with %d dead letters", id, i+1, got, len(f.letters.list))
			}
		}
	}
	panics = false
	deliver("other")
	panics = true
	if got := deliver("poison"); got != http.StatusNoContent || len(f.letters.list) != 1 {
		t.Fatalf("last panic: status %d with %d dead letters", got, len(f.letters.list))
	}
	if l := f.letters.list[0]; l.Reason != "panic" || !strings.Contains(l.Detail, "gave up after 3 panics") || string(l.Envelope.Data) != "tokenised" {
		t.Errorf("dead letter %+v", l)
	}
	for range 2 {
		if got := deliver("other"); got != http.StatusInternalServerError || len(f.letters.list) != 1 {
			t.Errorf("handled in between: status %d with %d dead letters", got, len(f.letters.list))
		}
	}
	if got := f.count(t, "panic"); got != 7 {
		t.Errorf("counted %v panics, want 7", got)
	}
}

// TestPanicsAreRememberedWithinBounds: a crowd of panicking messages pushes the oldest counts out, and none dies early.
func TestPanicsAreRememberedWithinBounds(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(context.Context, string) error { panic("always") })
	for range 4 {
		for i := range 1001 {
			if got := f.send(t, nil, pushBodyOf(fmt.Sprint(i), "x", now())); got != http.StatusInternalServerError {
				t.Fatalf("message %d: status %d", i, got)
			}
		}
	}
	if len(f.letters.list) != 0 {
		t.Errorf("%d dead letters of counts that were forgotten", len(f.letters.list))
	}
}

// TestAPanicThatIsTooOldDies: counts are lost with the process, and a poison must end all the same.
func TestAPanicThatIsTooOldDies(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(context.Context, string) error { panic("always") })
	if got := f.post(t, nil, pushBody("x", tooOld)); got != http.StatusNoContent || len(f.letters.list) != 1 || f.letters.list[0].Reason != "panic" {
		t.Errorf("status %d, dead letters %+v", got, f.letters.list)
	}
}

// TestTheSendersCountDecidesNothing: a stated attempt, however high, neither kills a message nor saves one, and a message
// that does not say when it was published is never too old.
func TestTheSendersCountDecidesNothing(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"forged":        pushBody("x", time.Minute), // states attempt 99
		"no time":       `{"message":{"data":"eA==","messageId":"1"},"deliveryAttempt":1000000}`,
		"not a time":    `{"message":{"data":"eA==","messageId":"1","publishTime":"yesterday"},"deliveryAttempt":5}`,
		"wrong type":    `{"message":{"data":"eA==","messageId":"1"},"deliveryAttempt":"many"}`,
		"negative":      `{"message":{"data":"eA==","messageId":"1"},"deliveryAttempt":-1}`,
		"the year zero": `{"message":{"data":"eA==","messageId":"1","publishTime":"0001-01-01T00:00:00Z"}}`,
	} {
		f := newFixture(t, func(context.Context, string) error { return pix.E(pix.Unavailable, "op", errors.New("away")) })
		for range 12 {
			if got := f.post(t, nil, body); got != http.StatusServiceUnavailable || len(f.letters.list) != 0 {
				t.Fatalf("%s: status %d with %d dead letters", name, got, len(f.letters.list))
			}
		}
		aged := strings.Contains(f.log.String(), `"age_ms":`)
		if without := f.total(t, "pix_function_messages_without_age_total"); (without == 12) == aged || aged != (name == "forged") {
			t.Errorf("%s: %v messages without an age; the log tells one: %v", name, without, aged)
		}
	}
}

// slow is a fixture whose clock is behind by d.
func slow(t *testing.T, d *time.Duration, handle func(context.Context, string) error) *fixture {
	t.Helper()
	return newFixtureAt(t, func() time.Time { return now().Add(-*d) }, handle)
}

// TestASlowClockMakesMessagesWait: nothing is handled and nothing dies, not even what would be refused for good; the log
// complains once a minute and not once a message; a clock set right ends it.
func TestASlowClockMakesMessagesWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		behind, handled := 6*time.Minute, 0
		f := slow(t, &behind, func(context.Context, string) error { handled++; return nil })
		for i := range 600 { // a minute
			if got := f.post(t, nil, pushBodyOf(fmt.Sprint(i), "bad", now())); got != http.StatusServiceUnavailable {
				t.Fatalf("message %d: status %d, want 503", i, got)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if got := f.post(t, nil, pushBodyOf("old", "x", now().Add(-tooOld-behind))); got != http.StatusServiceUnavailable {
			t.Errorf("a message that is too old, as far as this clock can tell: status %d, want 503", got)
		}
		if handled != 0 || len(f.letters.list) != 0 || f.count(t, "clock") != 601 {
			t.Errorf("%d handled, %d dead letters, %v counted", handled, len(f.letters.list), f.count(t, "clock"))
		}
		if lines := strings.Count(f.log.String(), `"level":"WARN"`); lines != 2 { // before the third, nobody is sure
			t.Errorf("%d warnings, want 2", lines)
		}
		behind = 0
		if got := f.post(t, nil, pushBodyOf("1", "x", now())); got != http.StatusNoContent || handled != 1 {
			t.Errorf("set right: status %d, %d handled", got, handled)
		}
	})
}

// TestOneStampStopsNobodyElse: whoever can post can state any time. A message from our future waits itself, however often it
// comes; it takes three different ones before all wait, and ten minutes without another end it.
func TestOneStampStopsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handled := 0
		f := newFixture(t, func(context.Context, string) error { handled++; return nil })
		forged := func(id string) int { return f.post(t, nil, pushBodyOf(id, "x", now().AddDate(30, 0, 0))) }
		honest := func() int { return f.post(t, nil, pushBody("x", time.Second)) }
		for range 10 {
			for _, id := range []string{"a", "b"} {
				if got := forged(id); got != http.StatusServiceUnavailable {
					t.Fatalf("a message from our future: status %d", got)
				}
			}
			if got := honest(); got != http.StatusNoContent {
				t.Fatalf("another message: status %d", got)
			}
		}
		forged("c")
		if got := honest(); got != http.StatusServiceUnavailable || handled != 10 {
			t.Errorf("after three: status %d, %d handled", got, handled)
		}
		time.Sleep(11 * time.Minute)
		if got := honest(); got != http.StatusNoContent {
			t.Errorf("eleven minutes later: status %d", got)
		}
		forged("d")
		if got := honest(); got != http.StatusNoContent {
			t.Errorf("three of which two are forgotten: status %d", got)
		}
	})
}
