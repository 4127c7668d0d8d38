package live_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/functions/live"
	"github.com/sentinela-pix/sentinela/shared/lifecycle"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestAStreamOutlivesTheServersTimes: a server's limits are for requests, and a stream that is read goes on, with news each
// second even where nothing is decided.
func TestAStreamOutlivesTheServersTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, lifecycle.NewServer(nil, lifecycle.ServerConfig{}))
		began := time.Now()
		s := desk.read("")
		defer s.close()
		var n numbers
		for range 300 {
			s.next("state", &n)
		}
		if took := time.Since(began); took < 295*time.Second || took > 305*time.Second {
			t.Errorf("300 states in %v", took)
		}
	})
}

// TestReconnect: who comes back gets what came meanwhile, once, and is told what is no longer kept.
func TestReconnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, &http.Server{})
		show := func(from, n int) {
			for i := range n { // each has a beat of its own
				desk.feed.Decided(seen(decision(from+i, pix.Review, 100, 0.5)))
				time.Sleep(300 * time.Millisecond)
			}
		}
		show(1, 3)
		s := desk.read("")
		var list []shown
		var reset struct{ Missed int }
		s.next("reset", &reset)
		s.next("decisions", &list)
		if diff := cmp.Diff([]string{"0001", "0002", "0003"}, ids(list)); diff != "" {
			t.Errorf("at first (-want +got):\n%s", diff)
		}
		s.close()
		show(4, 2)
		again := desk.read(s.id)
		again.next("decisions", &list) // and no reset before: it goes on
		if diff := cmp.Diff([]string{"0004", "0005"}, ids(list)); diff != "" {
			t.Errorf("after a break (-want +got):\n%s", diff)
		}
		again.close()
		show(6, 200)
		late := desk.read(again.id)
		defer late.close()
		late.next("reset", &reset)
		late.next("decisions", &list)
		if reset.Missed != 200-128 || len(list) != 128 || ids(list)[127] != "0205" {
			t.Errorf("missed %d, then %d decisions up to %v", reset.Missed, len(list), ids(list)[len(list)-1:])
		}
		for _, id := range []string{"other-3", "x", "-", strings.Split(late.id, "-")[0] + "-999999"} {
			stranger := desk.read(id)
			stranger.next("reset", &reset)
			stranger.next("decisions", &list)
			if reset.Missed != 0 || len(list) != 40 {
				t.Errorf("with the place %s: %d missed, %d decisions", id, reset.Missed, len(list))
			}
			stranger.close()
		}
	})
}

// TestADeadReaderFreesItsPlace: one that takes nothing is cut within its patience and holds up nobody.
func TestADeadReaderFreesItsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, &http.Server{})
		for range 12 {
			dead := desk.read("") // its header came; the rest is not read
			defer dead.close()
		}
		full := desk.get("/live/events")
		_ = full.Body.Close()
		if full.StatusCode != http.StatusServiceUnavailable || full.Header.Get("Retry-After") == "" {
			t.Errorf("the thirteenth reader: status %d", full.StatusCode)
		}
		page := desk.get("/live/")
		_ = page.Body.Close()
		if page.StatusCode != http.StatusOK {
			t.Errorf("the page itself: status %d", page.StatusCode)
		}
		time.Sleep(10 * time.Second)
		s := desk.read("")
		defer s.close()
		var n numbers
		s.next("state", &n)
	})
}

// TestStopsWithOpenStreams: a server that waits for its requests ends as soon as the feed is closed, and no stream begins
// after that.
func TestStopsWithOpenStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, &http.Server{})
		s := desk.read("")
		defer s.close()
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, s.lines)
			ended <- err
		}()
		desk.feed.Close()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := desk.server.Shutdown(ctx); err != nil || time.Since(began) > time.Second {
			t.Errorf("shutdown took %v: %v", time.Since(began), err)
		}
		if err := <-ended; err != nil {
			t.Errorf("the stream was cut: %v", err)
		}
	})
}

// TestOthersAreKeptOut: the headers that keep other sites out, and requests that a page of another site makes.
func TestOthersAreKeptOut(t *testing.T) {
	t.Parallel()
	desk := newDesk(t, live.Around{}, &http.Server{})
	cases := map[string]struct {
		path    string
		headers []string
		status  int
		media   string
	}{
		"the page":               {"/live/", nil, http.StatusOK, "text/html"},
		"its script":             {"/live/app.js", nil, http.StatusOK, "text/javascript"},
		"its look":               {"/live/style.css", nil, http.StatusOK, "text/css"},
		"its icon":               {"/live/icon.svg", nil, http.StatusOK, "image/svg+xml"},
		"a file of ours":         {"/live/words.json", nil, http.StatusNotFound, "text/plain"},
		"a way out":              {"/live/..%2fpage.go", nil, http.StatusNotFound, "text/plain"},
		"a link from elsewhere":  {"/live/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, http.StatusOK, "text/html"},
		"a stream for a port":    {"/live/events", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}, http.StatusForbidden, "application/problem+json"},
		"a stream for elsewhere": {"/live/events", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"}, http.StatusForbidden, "application/problem+json"},
	}
	for name, c := range cases {
		response := desk.get(c.path, c.headers...)
		_ = response.Body.Close()
		if response.StatusCode != c.status || !strings.HasPrefix(response.Header.Get("Content-Type"), c.media) {
			t.Errorf("%s: status %d, %s", name, response.StatusCode, response.Header.Get("Content-Type"))
		}
		policy := response.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy of content %q", name, policy)
		}
		if response.Header.Get("X-Content-Type-Options") != "nosniff" || response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", name, response.Header)
		}
	}
}

// TestForeignNames: a site that points its own name at the port gets nothing of the page.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	desk := newDesk(t, live.Around{}, &http.Server{})
	for host, want := range map[string]int{
		"localhost:8081": http.StatusOK, "localhost": http.StatusOK, "127.0.0.1:8081": http.StatusOK, "[::1]:8081": http.StatusOK, "[::1]": http.StatusOK,
		"[::ffff:10.1.2.3]:8081": http.StatusOK, "scorer:8081": http.StatusOK, "scorer-7d9f-x2x": http.StatusOK,
		"rebound.example:8081": http.StatusForbidden, "rebound.example": http.StatusForbidden, "rebound.example.:8081": http.StatusForbidden,
		"127.0.0.1.nip.io:8081": http.StatusForbidden, "localhost.rebound.example:8081": http.StatusForbidden,
	} {
		for _, path := range []string{"/live/", "/live/app.js", "/live/events"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://live"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = host
			response, err := desk.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s of %s: status %d, want %d", path, host, response.StatusCode, want)
			}
		}
	}
}

// TestLanguage: what the browser asks for, Portuguese where it asks for neither.
func TestLanguage(t *testing.T) {
	t.Parallel()
	desk := newDesk(t, live.Around{}, &http.Server{})
	for accept, want := range map[string]string{
		"": "pt", "pt-BR,pt;q=0.9,en;q=0.8": "pt", "en-US,en;q=0.9,pt;q=0.1": "en", "de-DE, EN;q=0.5": "en", "fr": "pt", "<script>": "pt",
	} {
		response := desk.get("/live/", "Accept-Language", accept)
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		title := map[string]string{"pt": "<title>Sentinela ao vivo</title>", "en": "<title>Sentinela live</title>"}[want]
		if !strings.Contains(string(body), title) || response.Header.Get("Content-Language") != want {
			t.Errorf("%q is answered in %s", accept, response.Header.Get("Content-Language"))
		}
	}
	response := desk.get("/live/?lang=en", "Accept-Language", "pt")
	_ = response.Body.Close()
	if got := response.Header.Get("Content-Language"); got != "en" {
		t.Errorf("asked for en by the address: %s", got)
	}
}

// hostile is what no text of ours holds, and a pack or a model's name might.
const hostile = "</script><img src=x onerror=\"window.pwned=1\">\u2028\ndata: forged\n\nevent: reset\n'\"&{{.}}"

// hostileDecision holds it wherever a text can be.
func hostileDecision(n int) *pix.Decision {
	d := decision(n, pix.Reject, 999_999_99, 0.99)
	d.PolicyVersion, d.Transaction.Direction = hostile, hostile
	d.Reasons = []pix.Reason{{Code: hostile, TextPT: hostile, TextEN: hostile}}
	d.RuleHits = []pix.RuleHit{{ID: hostile, Outcome: hostile, LegalBasis: hostile}}
	d.Scores = append(d.Scores, pix.Score{Role: hostile, Version: hostile, Probability: 0.1})
	d.Shadow = []pix.Score{{Role: hostile, Version: hostile, Probability: 0.1, Outcome: hostile}}
	return d
}

// TestHostileTextsStayInTheirEvent: no text ends an event or begins another.
func TestHostileTextsStayInTheirEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, &http.Server{})
		desk.feed.Decided(seen(hostileDecision(1)))
		synctest.Wait()
		s := desk.read("")
		defer s.close()
		var list []shown
		s.next("decisions", &list)
		if len(list) != 1 || list[0].Reasons[0]["pt"] != hostile {
			t.Errorf("got %+v", list)
		}
		lines := bufio.NewScanner(strings.NewReader(fmt.Sprint(list)))
		for lines.Scan() { // the scanner proves that the text holds what would have been an event
			if lines.Text() == "event: reset" {
				return
			}
		}
		t.Error("the hostile text is not hostile")
	})
}

// TestNothingOfAPerson: tokens of accounts, devices and keys are not shown, however they are named.
func TestNothingOfAPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, &http.Server{})
		d := decision(1, pix.Review, 100, 0.5)
		tokens := []pix.Token{"v1_token_of_payer", "v1_token_of_payee"}
		d.Transaction.Payer.Account.Current, d.Transaction.Payee.Account.Current = tokens[0], tokens[1]
		d.TraceID = "trace-of-the-payment"
		desk.feed.Decided(seen(d))
		synctest.Wait()
		s := desk.read("")
		defer s.close()
		for range 4 {
			_, data, err := s.event()
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{string(tokens[0]), string(tokens[1]), d.TraceID} {
				if strings.Contains(data, secret) {
					t.Errorf("the page shows %s", secret)
				}
			}
		}
	})
}

// TestADecision: reasons once, thresholds of its own role alone and only of the pack that decided, challengers apart.
func TestADecision(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		desk := newDesk(t, live.Around{}, &http.Server{})
		d := decision(1, pix.Review, 1_000_00, 0.0123)
		d.Reasons = append(d.Reasons, d.Reasons[0], pix.Reason{Code: "other", TextPT: "outra", TextEN: "another"})
		d.RuleHits = []pix.RuleHit{{ID: "payer-score-review", Outcome: pix.Review}, {ID: "replay", Outcome: pix.Approve}}
		d.Shadow = []pix.Score{{Role: pix.PayerRole, Version: "8", Probability: 0.5, Outcome: pix.Reject}}
		other := decision(2, pix.Review, 100, 0.5)
		other.PolicyVersion = "an earlier one"
		desk.feed.Decided(seen(d))
		desk.feed.Decided(seen(other))
		synctest.Wait()
		s := desk.read("")
		defer s.close()
		var list []shown
		s.next("decisions", &list)
		got := list[0]
		if len(got.Reasons) != 2 || len(got.Rules) != 1 || got.Chance["pt"] != "1,2 %" || got.Expected["en"] != "R$ 12.30" {
			t.Errorf("got %+v", got)
		}
		if len(got.Scores) != 2 || !got.Scores[1].Challenger || got.Scores[1].Outcome != "REJECT" || got.Scores[0].Challenger {
			t.Fatalf("scores %+v", got.Scores)
		}
		limits := got.Scores[0].Limits
		if len(limits) != 2 || limits[0].Name != "payer_review" || !limits[0].Reached || limits[1].Reached {
			t.Errorf("limits %+v", limits)
		}
		if n := len(list[1].Scores[0].Limits); n != 0 {
			t.Errorf("a decision of another pack is compared with %d of this one's thresholds", n)
		}
	})
}
