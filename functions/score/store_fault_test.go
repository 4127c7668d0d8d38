package score_test

import (
	"encoding/json"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Deadlines that a busy test machine keeps while the store is well.
const (
	decisionTimeout = 2 * time.Second
	storeDeadline   = time.Second
	slack           = 2 * time.Second // until the machine notices that a deadline has passed
)

func deadlines(c *score.Config) {
	c.DecisionTimeout, c.StoreDeadline, c.MaxInFlight = decisionTimeout, storeDeadline, 40
}

// TestStoreFaults meets a real client with a store that is slow, away or failing in part: an answer comes within the
// deadline, is no approval and says what it lacks, and afterwards everything is as if nothing had happened.
func TestStoreFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		breakIt     func(r *reloadable)
		provisional bool
	}{
		"slow writes":    {func(r *reloadable) { r.faults.Delay("MutateRows", 50*storeDeadline) }, false},
		"slow reads":     {func(r *reloadable) { r.faults.Delay("ReadRows", 50*storeDeadline) }, false},
		"refused writes": {func(r *reloadable) { r.faults.Down("MutateRows") }, false},
		"refused reads":  {func(r *reloadable) { r.faults.Refuse("ReadRows", codes.PermissionDenied, -1) }, false},
		"quota":          {func(r *reloadable) { r.faults.Refuse("MutateRows", codes.ResourceExhausted, -1) }, false},
		"slow":           {func(r *reloadable) { r.faults.Delay("*", 50*storeDeadline) }, true},
		"away":           {func(r *reloadable) { r.faults.Down("*") }, true},
		"no decisions":   {func(r *reloadable) { r.faults.Down("CheckAndMutateRow") }, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReloadable(t, deadlines)
			r.decide(t) // connects
			tc.breakIt(r)
			body := r.next(t)
			began := time.Now()
			a := r.decideOn(t, body)
			if took := time.Since(began); took > decisionTimeout+slack {
				t.Errorf("answered after %v", took)
			}
			if a.Outcome == "OUTCOME_APPROVE" || !a.FeaturesMissing || a.Provisional != tc.provisional {
				t.Errorf("%+v", a)
			}
			tx, err := event.DecodeTransaction(event.Envelope{Data: body}, tokenizer(t), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			standing, err := r.store.Decision(t.Context(), tx.ID)
			if err != nil || (standing == nil) != tc.provisional {
				t.Errorf("standing %v: %v", standing, err)
			}
			for _, m := range []string{"MutateRows", "ReadRows", "CheckAndMutateRow", "*"} {
				r.faults.Restore(m)
			}
			again := r.decideOn(t, body)
			if again.Provisional || again.FeaturesMissing == tc.provisional {
				t.Errorf("once it is well: %+v", again)
			}
			r.await(t, "the event", func() bool { return r.events(t, &tx) == 2 })
		})
	}
}

// events counts the payments in the payer's row.
func (r *reloadable) events(t *testing.T, tx *pix.Transaction) int {
	t.Helper()
	h, _, err := r.store.Read(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	return len(h.Payer.Out.Events)
}

// TestSlowStoreAddsNoGoroutines: many callers at once, and once they have their answers nothing of them is left.
//
//nolint:paralleltest // it counts goroutines
func TestSlowStoreAddsNoGoroutines(t *testing.T) {
	r := newReloadable(t, func(c *score.Config) {
		deadlines(c)
		c.DecisionTimeout, c.StoreDeadline = 200*time.Millisecond, 100*time.Millisecond
	})
	for range 20 {
		r.decideOn(t, r.next(t)) // connects
	}
	before := runtime.NumGoroutine()
	r.faults.Delay("*", 50*time.Second)
	var refused atomic.Int64
	for range 5 {
		var callers sync.WaitGroup
		for range 200 {
			body := r.next(t)
			callers.Go(func() {
				w := post(t, r, "/v1/decisions", "application/json", body)
				if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") != "" {
					refused.Add(1)
				} else if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"provisional":true`) || strings.Contains(w.Body.String(), "OUTCOME_APPROVE") {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
			})
		}
		callers.Wait()
	}
	if r.metric(t, "pix_decisions_degraded_total", "overload") == 0 || refused.Load() == 0 || refused.Load() == 5*200 {
		t.Errorf("200 callers with room for 40: %d of 1000 refused", refused.Load())
	}
	r.faults.Restore("*")
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before+10; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

// TestStoreBreaker meets a real client with a store that is away: after a few payments nobody waits for it, what is logged
// of them all is a handful of lines, and it is in use again by itself.
func TestStoreBreaker(t *testing.T) {
	t.Parallel()
	r := newReloadable(t, func(c *score.Config) {
		deadlines(c)
		c.DecisionTimeout, c.StoreDeadline = 400*time.Millisecond, 200*time.Millisecond
	})
	r.decide(t) // connects
	if r.metric(t, "pix_store_breaker_open") != 0 {
		t.Error("open before anything failed")
	}
	r.faults.Down("*")
	r.await(t, "an open breaker", func() bool {
		var callers sync.WaitGroup
		for range 20 {
			body := r.next(t)
			callers.Go(func() {
				if a, err := r.tryDecide(t, body); err != nil || !a.Provisional || a.Outcome == "OUTCOME_APPROVE" {
					t.Errorf("%+v: %v", a, err)
				}
			})
		}
		callers.Wait()
		return r.metric(t, "pix_store_breaker_open") == 1
	})
	const more = 300
	calls := r.faults.Calls("CheckAndMutateRow")
	for range more {
		if a := r.decide(t); !a.Provisional || a.Outcome == "OUTCOME_APPROVE" {
			t.Errorf("%+v", a)
		}
	}
	if n := r.faults.Calls("CheckAndMutateRow") - calls; n > more/2 {
		t.Errorf("%d payments asked for %d decisions to be stored", more, n)
	}
	if n := r.metric(t, "pix_decisions_degraded_total", "commit"); n < more {
		t.Errorf("%v of %d failures counted", n, more)
	}
	r.faults.Restore("*")
	r.await(t, "a store in use", func() bool {
		a := r.decide(t)
		return !a.Provisional && !a.FeaturesMissing && r.metric(t, "pix_store_breaker_open") == 0
	})
	if r.metric(t, "pix_store_breaker_openings_total") == 0 {
		t.Error("no opening counted")
	}
	if err := r.Close(t.Context()); err != nil { // writes what the log held back
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	lines, stand := 0, 0
	for line := range strings.Lines(r.log.String()) {
		var warning struct {
			Message  string
			Part     string
			Repeated int
		}
		if json.Unmarshal([]byte(line), &warning) == nil && warning.Message == "degraded" && warning.Part == "commit" {
			lines++
			stand += max(warning.Repeated, 1)
		}
	}
	if lines == 0 || lines > stand/10 || stand < more {
		t.Errorf("%d lines for %d failures", lines, stand)
	}
}
