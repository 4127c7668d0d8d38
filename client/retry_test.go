package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// server is a scorer in virtual time.
type server func(*http.Request) (*http.Response, error)

func (s server) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

func refusing(status int, retryAfter string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}, Body: io.NopCloser(strings.NewReader(""))}
}

// TestBudgetIsWhatIsLeft: an attempt waits for the budget and the way, tells the scorer the budget, and the last one tells it
// what the deadline leaves. No call lasts longer than its deadline.
func TestBudgetIsWhatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var budgets []int
		c := virtual(t, Config{Deadline: 500 * time.Millisecond, Budget: 200 * time.Millisecond, Network: 50 * time.Millisecond}, func(r *http.Request) (*http.Response, error) {
			ms, err := strconv.Atoi(r.Header.Get(BudgetHeader))
			if err != nil {
				t.Error(err)
			}
			deadline, _ := r.Context().Deadline()
			if left := time.Until(deadline); left != time.Duration(ms)*time.Millisecond+50*time.Millisecond && len(budgets) == 0 {
				t.Errorf("waits %v for %d ms", left, ms)
			}
			budgets = append(budgets, ms)
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := c.Decide(t.Context(), "E", nil)
		var unanswered *UnansweredError
		if took := time.Since(began); !errors.As(err, &unanswered) || !errors.Is(err, context.DeadlineExceeded) || took > 500*time.Millisecond {
			t.Errorf("%v after %v", err, took)
		}
		if len(budgets) != 2 || budgets[0] != 200 || budgets[1] > 200 || budgets[1] < 10 {
			t.Errorf("budgets %v", budgets)
		}
	})
}

// slow is a token that takes its time.
type slow time.Duration

func (s slow) Token(context.Context) (string, error) {
	time.Sleep(time.Duration(s))
	return "token", nil
}

// TestTokenIsFetchedFirst: a scorer is not told the time that the token took, and where that leaves none it is not asked.
func TestTokenIsFetchedFirst(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration][]string{0: {"300"}, 200 * time.Millisecond: {"100"}, 300 * time.Millisecond: nil, time.Hour: nil} {
		synctest.Test(t, func(t *testing.T) {
			var budgets []string
			c := virtual(t, Config{Deadline: 350 * time.Millisecond, Tokens: slow(took)}, func(r *http.Request) (*http.Response, error) {
				budgets = append(budgets, r.Header.Get(BudgetHeader))
				return refusing(http.StatusServiceUnavailable, "60"), nil
			})
			_, err := c.Decide(t.Context(), "E", nil)
			var unanswered *UnansweredError
			if diff := cmp.Diff(want, budgets); !errors.As(err, &unanswered) || diff != "" {
				t.Errorf("a token of %v: %v (-want +told):\n%s", took, err, diff)
			}
		})
	}
}

func virtual(t *testing.T, c Config, s server) *Client {
	t.Helper()
	c.URL, c.Transport = "http://scorer", s
	out, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestNoTimeIsNoRequest: a deadline that leaves a scorer no time costs it nothing.
func TestNoTimeIsNoRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := virtual(t, Config{}, func(*http.Request) (*http.Response, error) { asked++; return refusing(503, ""), nil })
		for _, left := range []time.Duration{-time.Second, 0, defaultNetwork, defaultNetwork + leastBudget - 1} {
			ctx, cancel := context.WithTimeout(t.Context(), left)
			_, err := c.Decide(ctx, "E", nil)
			cancel()
			var unanswered *UnansweredError
			if !errors.As(err, &unanswered) || unanswered.Attempts != 0 || asked != 0 {
				t.Errorf("%v left: %v", left, err)
			}
		}
	})
}

// TestRetryAfterIsKept: no attempt comes sooner than the answer asked for, nor all at one time.
func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		waits := map[time.Duration]bool{}
		for range 50 {
			var last time.Time
			c := virtual(t, Config{Deadline: 10 * time.Second}, func(*http.Request) (*http.Response, error) {
				if wait := time.Since(last); !last.IsZero() {
					waits[wait] = true
					if wait < 2*time.Second || wait > 3*time.Second {
						t.Errorf("came back after %v", wait)
					}
				}
				last = time.Now()
				return refusing(429, "2"), nil
			})
			if _, err := c.Decide(t.Context(), "E", nil); err == nil {
				t.Fatal("an answer")
			}
		}
		if len(waits) < 100 {
			t.Errorf("%d different waits", len(waits))
		}
	})
}

// TestPauses: full jitter under a bound that doubles.
func TestPauses(t *testing.T) {
	t.Parallel()
	for n, bound := range map[int]time.Duration{1: firstPause, 2: 2 * firstPause, 3: 4 * firstPause, 5: lastPause, 9: lastPause, 1 << 30: lastPause} {
		low, high := lastPause, time.Duration(0)
		for range 1000 {
			p := pause(n, 0)
			low, high = min(low, p), max(high, p)
		}
		if low > bound/10 || high > bound || high < bound*9/10 {
			t.Errorf("after attempt %d: %v to %v, bound %v", n, low, high, bound)
		}
	}
}

// TestRetriesAreATenth: of many calls that all fail, a tenth is retried, and those that the client started with.
func TestRetriesAreATenth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := virtual(t, Config{}, func(*http.Request) (*http.Response, error) { asked++; return refusing(503, ""), nil })
		const calls = 1000
		for range calls {
			if _, err := c.Decide(t.Context(), "E", nil); err == nil {
				t.Fatal("an answer")
			}
		}
		if want := calls + calls/callsPerRetry + mostRetries; asked < want-1 || asked > want {
			t.Errorf("asked %d times, want %d", asked, want)
		}
	})
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 14, 30, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "0": 0, "1": time.Second, "86400": longest, "86401": longest, "-1": 0, "+1": 0, "1.5": 0, "soon": 0, " 1": 0,
		"Mon, 23 Nov 2026 14:30:07 GMT": 7 * time.Second, "Mon, 23 Nov 2026 14:29:00 GMT": 0, "Mon, 23 Nov 2099 14:29:00 GMT": longest,
	} {
		if diff := cmp.Diff(want, parseRetryAfter(value, now)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
	}
}

// FuzzReadAnswer: whatever comes, a decision is one for the id and has a known outcome, and a provisional one is no approval.
func FuzzReadAnswer(f *testing.F) {
	const id = "E12345678202611231430aB3dE5fG7hI"
	for _, seed := range []string{
		`{"endToEndId":"` + id + `","outcome":"OUTCOME_APPROVE","decidedAt":"2026-11-23T14:30:13Z","provisional":false,"featuresMissing":false}`,
		`{"endToEndId":"` + id + `","outcome":"OUTCOME_REVIEW","decidedAt":"2026-11-23T14:30:13Z","provisional":true,"featuresMissing":true}`, `{}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := readAnswer(data, id)
		var provisional *ProvisionalError
		if (d == nil) == (err == nil) || d != nil && (d.EndToEndID != id || !d.Outcome.known()) ||
			errors.As(err, &provisional) && (provisional.Outcome == Approve || provisional.EndToEndID != id) {
			t.Errorf("%+v, %v", d, err)
		}
	})
}
