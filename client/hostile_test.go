package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/client"
)

// hostile serves until the test is over, and cuts whoever it still holds.
func hostile(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// good is an answer for the example.
func good() string {
	return `{"endToEndId":"` + exampleID + `","outcome":"OUTCOME_APPROVE","decidedAt":"2026-11-23T14:30:13Z","provisional":false,"featuresMissing":false,"policyVersion":"p","featureSet":"f","traceId":""}`
}

func answers(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	}
}

// TestNoAnswerOfAnotherIsTaken: whatever comes with status 200 and is not the scorer's answer for this payment is no decision,
// and is not asked for again.
func TestNoAnswerOfAnotherIsTaken(t *testing.T) {
	t.Parallel()
	change := func(old, new string) http.HandlerFunc { return answers(strings.Replace(good(), old, new, 1)) }
	cases := map[string]http.HandlerFunc{
		"another payment's":        change(exampleID, strings.Replace(exampleID, "aB3", "aB4", 1)),
		"an id in another case":    change(exampleID, strings.ToLower(exampleID)),
		"no outcome":               change("OUTCOME_APPROVE", ""),
		"a new outcome":            change("OUTCOME_APPROVE", "OUTCOME_ALLOW"),
		"the outcome of nothing":   change("OUTCOME_APPROVE", "OUTCOME_UNSPECIFIED"),
		"a provisional approval":   change(`"provisional":false`, `"provisional":true`),
		"provisional left out":     change(`"provisional":false,`, ""),
		"provisional null":         change(`"provisional":false`, `"provisional":null`),
		"provisional a text":       change(`"provisional":false`, `"provisional":"false"`),
		"featuresMissing left out": change(`"featuresMissing":false,`, ""),
		"no time":                  change(`"decidedAt":"2026-11-23T14:30:13Z",`, ""),
		"broken JSON":              answers(good()[:100]),
		"two answers":              answers(good() + good()),
		"nothing":                  answers(""),
		"null":                     answers("null"),
		"a list":                   answers("[" + good() + "]"),
		"deep":                     answers(strings.Repeat("[", 900_000)),
		"no content":               func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"another type":             func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, good()) },
		"huge":                     endless("application/json", " "),
		"huge and of another type": endless("text/html", "<br>"),
		"a type that is none": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", ";;")
			_, _ = io.WriteString(w, good())
		},
		"a proxy's 404": status(http.StatusNotFound),
		"another 404":   problem(http.StatusNotFound, "not_found"),
		"another success": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, good())
		},
	}
	for name, handler := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			c := patient(t, hostile(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				handler(w, r)
			}))
			var bad *client.AnswerError
			if d, err := c.Decide(t.Context(), exampleID, nil); d != nil || !errors.As(err, &bad) || strings.Contains(err.Error(), exampleID) {
				t.Errorf("%+v, %v", d, err)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
	if d, err := patient(t, hostile(t, answers(good()))).Decide(t.Context(), exampleID, nil); err != nil || d.Outcome != client.Approve {
		t.Errorf("the answer that all of these spoil: %+v, %v", d, err)
	}
}

// endless writes until whoever reads has gone.
func endless(media, part string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", media)
		part := []byte(strings.Repeat(part, 4096))
		for {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}
}

// impatient is a client that gives up soon.
func impatient(t *testing.T, url string) *client.Client {
	t.Helper()
	return patient(t, url, func(c *client.Config) {
		c.Deadline, c.Budget, c.Network = 300*time.Millisecond, 100*time.Millisecond, 20*time.Millisecond
	})
}

// TestNobodyAnswers: a server that hangs, trickles, cuts or floods leaves an UnansweredError at the caller's deadline, and
// the connections of a call are gone with it.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	cases := map[string]http.HandlerFunc{
		"hangs": hangs,
		"trickles": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for i := 0; r.Context().Err() == nil; i++ {
				_, _ = io.WriteString(w, good()[i%100:i%100+1])
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		},
		"cuts before":  func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cuts between": cut,
		"headers without end": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 3000 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 100))
			}
		},
		"always away": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"a proxy's": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>")
		},
	}
	for name, handler := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var unanswered *client.UnansweredError
			began := time.Now()
			d, err := impatient(t, hostile(t, handler)).Decide(t.Context(), exampleID, []byte("{}"))
			if d != nil || !errors.As(err, &unanswered) || unanswered.Attempts < 1 {
				t.Errorf("%+v, %v", d, err)
			}
			if took := time.Since(began); took > 30*time.Second { // not at the server's leisure
				t.Errorf("took %v", took)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		gone := httptest.NewServer(http.NotFoundHandler())
		gone.Close()
		var unanswered *client.UnansweredError
		if d, err := impatient(t, gone.URL).Decide(t.Context(), exampleID, nil); d != nil || !errors.As(err, &unanswered) {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

// hangs until its client has gone, which a server notices once the body is read.
func hangs(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// cut promises an answer and ends in the midst of it.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "10000")
	_, _ = io.WriteString(w, good())
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// TestOneFailureIsRetried: what another attempt may mend is asked again, with the same payment, and a whole answer counts
// though it came second.
func TestOneFailureIsRetried(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]http.HandlerFunc{
		"cut": cut, "429": status(429), "500": status(500), "502": status(502), "503": status(503), "504": status(504), "408": status(408),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			c := patient(t, hostile(t, func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); string(body) != "a payment" {
					t.Errorf("sent %q", body)
				}
				if asked.Add(1) == 1 {
					fail(w, r)
					return
				}
				answers(good())(w, r)
			}))
			if d, err := c.Decide(t.Context(), exampleID, []byte("a payment")); err != nil || d.Outcome != client.Approve || asked.Load() != 2 {
				t.Errorf("asked %d times: %+v, %v", asked.Load(), d, err)
			}
		})
	}
}

func problem(code int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"kind":%q}`, kind)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// TestRefusalsAreFinal: what is refused every time is asked once, and a redirect is no way to another server.
func TestRefusalsAreFinal(t *testing.T) {
	t.Parallel()
	var stolen atomic.Int64
	thief := hostile(t, func(http.ResponseWriter, *http.Request) { stolen.Add(1) })
	for _, code := range []int{301, 302, 303, 307, 308, 400, 401, 403, 405, 409, 413, 415, 422, 501} {
		var asked atomic.Int64
		c := patient(t, hostile(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			w.Header().Set("Location", thief)
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(code)
			_, _ = fmt.Fprintf(w, `{"kind":"k","detail":"do this","errors":[{"field":"f","reason":"r"}]}`)
		}))
		var refused *client.RefusedError
		d, err := c.Decide(t.Context(), exampleID, nil)
		if d != nil || !errors.As(err, &refused) || refused.Status != code || refused.Kind != "k" || len(refused.Errors) != 1 || asked.Load() != 1 {
			t.Errorf("%d, asked %d times: %+v, %v", code, asked.Load(), d, err)
		}
	}
	if stolen.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// TestAbsurdRetryAfter: who is told to come back after the deadline is told so at once, and does not wait for it.
func TestAbsurdRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"99999999999999999999999": 24 * time.Hour, "9223372036854775807": 24 * time.Hour, "86401": 24 * time.Hour, "3600": time.Hour,
		"Fri, 31 Dec 9999 23:59:59 GMT": 24 * time.Hour,
	} {
		var asked atomic.Int64
		c := patient(t, hostile(t, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		var unanswered *client.UnansweredError
		_, err := c.Decide(t.Context(), exampleID, nil)
		if !errors.As(err, &unanswered) || unanswered.RetryAfter != want || asked.Load() != 1 || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, asked %d times: %v after %v", value, asked.Load(), err, unanswered.RetryAfter)
		}
	}
}

// TestStanding looks up by the id alone. That no decision stands is the scorer's word alone: a 404 of what is between, or of a
// wrong prefix, is none.
func TestStanding(t *testing.T) {
	t.Parallel()
	c := patient(t, hostile(t, func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); r.Method != http.MethodGet || r.URL.Path != "/v1/decisions/"+exampleID || len(body) > 0 {
			problem(http.StatusNotFound, "not_decided")(w, r)
			return
		}
		answers(good())(w, r)
	}))
	if d, err := c.Standing(t.Context(), exampleID); err != nil || d.EndToEndID != exampleID {
		t.Errorf("%+v, %v", d, err)
	}
	real := startScorer(t)
	for id, c := range map[string]*client.Client{"../" + exampleID: c, "E1?x=" + exampleID: c, "none": c, exampleID: patient(t, real.url)} {
		var refused *client.RefusedError
		if d, err := c.Standing(t.Context(), id); d != nil || !errors.As(err, &refused) || refused.Status != http.StatusNotFound || refused.Kind != "not_decided" {
			t.Errorf("%s: %+v, %v", id, d, err)
		}
	}
	for name, c := range map[string]*client.Client{
		"a proxy's":      patient(t, hostile(t, status(http.StatusNotFound))),
		"another kind":   patient(t, hostile(t, problem(http.StatusNotFound, "not_found"))),
		"a wrong prefix": patient(t, real.url+"/scorer"),
	} {
		var bad *client.AnswerError
		if d, err := c.Standing(t.Context(), exampleID); d != nil || !errors.As(err, &bad) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

// TestConnectionsAreKept: a hundred calls, one after the other, take one connection.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	addresses := map[string]bool{}
	c := patient(t, hostile(t, func(w http.ResponseWriter, r *http.Request) {
		addresses[r.RemoteAddr] = true
		answers(good())(w, r)
	}))
	for range 100 {
		if _, err := c.Decide(t.Context(), exampleID, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if len(addresses) != 1 {
		t.Errorf("%d connections", len(addresses))
	}
}
