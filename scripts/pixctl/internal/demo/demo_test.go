package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestLedgerTellsRedeliveryFromASecondDecision(t *testing.T) {
	t.Parallel()
	l := newLedger(3)
	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	decision := func(id string, o pix.Outcome, at time.Time) *pix.Decision {
		d := &pix.Decision{Outcome: o, DecidedAt: at}
		d.Transaction.ID = pix.EndToEndID(id)
		return d
	}
	for _, id := range []string{"a", "b", "c"} {
		l.send(pix.EndToEndID(id))
	}
	l.decide(decision("a", pix.Approve, at))
	l.decide(decision("a", pix.Approve, at)) // redelivery
	l.decide(decision("b", pix.Review, at))
	l.decide(decision("b", pix.Review, at.Add(1))) // another decision
	got := l.tally()
	want := tally{sent: 3, decided: 2, undecided: 1, duplicated: 1, approved: 1, held: 1}
	if got != want {
		t.Errorf("tally = %+v, want %+v", got, want)
	}
}

func TestTheScheduleStopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	bad := errors.New("refused")
	var calls atomic.Int64
	p := &performance{options: options{askRate: 100}}
	err := p.schedule(t.Context(), 1000, func(context.Context, int) error {
		calls.Add(1)
		return bad
	})
	if n := calls.Load(); !errors.Is(err, bad) || n == 1000 {
		t.Errorf("err = %v after %d calls, want %v at once", err, n, bad)
	}
}

// TestAsksAgain: an answer that does not stand is asked for again, and a scorer that never gives one does not hold whoever
// asks beyond its context.
func TestAsksAgain(t *testing.T) {
	t.Parallel()
	answers := []func(http.ResponseWriter){
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		func(w http.ResponseWriter) { fmt.Fprint(w, `{"provisional":true}`) },
		func(w http.ResponseWriter) { fmt.Fprint(w, `{"outcome":"OUTCOME_APPROVE"}`) },
	}
	asked, forever := 0, false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if forever {
			answers[2](w)
			return
		}
		answers[asked](w)
		asked++
	}))
	defer server.Close()
	a := asking{server.Client(), server.URL}
	if err := a.decide(t.Context(), nil); err != nil || asked != len(answers) {
		t.Errorf("asked %d times: %v", asked, err)
	}
	forever = true
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errStalled)
	defer cancel()
	if err := a.decide(ctx, nil); err == nil {
		t.Error("an answer that never stands was taken")
	}
}
