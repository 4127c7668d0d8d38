package score_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// TestBudgetOfAHangingStore: a store that takes calls and says nothing costs a caller its budget and not DECISION_TIMEOUT,
// which is so long here that no slow machine comes near it.
func TestBudgetOfAHangingStore(t *testing.T) {
	t.Parallel()
	const timeout = 10 * time.Minute
	r := newReloadable(t, func(c *score.Config) {
		c.Timeout, c.DecisionTimeout, c.StoreDeadline = timeout, timeout, timeout/2
	})
	r.decide(t) // connects
	r.faults.Delay("*", 2*timeout)
	body := r.next(t)
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/decisions", bytes.NewReader(body))
	request.Header.Set(score.BudgetHeader, "100")
	w := httptest.NewRecorder()
	began := time.Now()
	r.ServeHTTP(w, request)
	if took := time.Since(began); took > timeout/10 {
		t.Errorf("answered after %v", took)
	}
	var a answer
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || w.Code != http.StatusOK || !a.Provisional || a.Outcome == "OUTCOME_APPROVE" {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	r.faults.Restore("*")
	tx, err := event.DecodeTransaction(event.Envelope{Data: body}, tokenizer(t), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if standing, err := r.store.Decision(t.Context(), tx.ID); standing != nil || err != nil {
		t.Errorf("a caller in a hurry made a decision stand: %v, %v", standing, err)
	}
	if again := r.decideOn(t, body); again.Provisional || again.FeaturesMissing {
		t.Errorf("without haste: %+v", again)
	}
}

// slowly passes time while it is read.
type slowly struct {
	io.Reader
	pass func()
}

func (s slowly) Read(p []byte) (int, error) {
	s.pass()
	return s.Reader.Read(p[:min(len(p), 500)])
}

// TestBudgetCountsFromTheHeader: with a budget or without, what the body took is gone, and one that took it all leaves the fallback.
func TestBudgetCountsFromTheHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		header            string
		each, least, most time.Duration
	}{
		{"100", 0, 100 * time.Millisecond, 100 * time.Millisecond},
		{"100", 5 * time.Millisecond, time.Millisecond, 95 * time.Millisecond},
		{"100", time.Second, 1, 1},
		{"", 0, score.DefaultMaxBudget, score.DefaultMaxBudget},
		{"", time.Second, 1, 1},
	} {
		f := &fake{}
		now := clock()
		s, _ := newServiceAt(t, f, func() time.Time { return now })
		body := slowly{bytes.NewReader(payment(t)), func() { now = now.Add(c.each) }}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/decisions", body)
		if c.header != "" {
			r.Header.Set(score.BudgetHeader, c.header)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK || len(f.budgets) != 1 || f.budgets[0] < c.least || f.budgets[0] > c.most {
			t.Errorf("%q, %v for each read: status %d, budgets %v", c.header, c.each, w.Code, f.budgets)
		}
	}
}
