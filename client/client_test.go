package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/client"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
)

// TestDecides: against the real service, a payment is decided once however often it is asked for, and another one under its
// id is refused.
func TestDecides(t *testing.T) {
	t.Parallel()
	s := startScorer(t)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := patient(t, s.url+"/", func(c *client.Config) { c.Tokens = client.TokenFile(file) })
	first, err := c.Decide(t.Context(), exampleID, payment(t, exampleID))
	if err != nil || first.Outcome == client.Approve || len(first.Reasons) == 0 || first.PolicyVersion == "" || first.DecidedAt.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	if err := os.WriteFile(file, []byte("second"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := c.Decide(t.Context(), exampleID, payment(t, exampleID))
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Errorf("%v (-first +again):\n%s", err, diff)
	}
	var refused *client.RefusedError
	other := bytes.Replace(payment(t, exampleID), []byte("125000"), []byte("125001"), 1)
	if d, err := c.Decide(t.Context(), exampleID, other); d != nil || !errors.As(err, &refused) || refused.Status != http.StatusConflict || refused.Kind != "conflict" {
		t.Errorf("another payment under the id: %+v, %v", d, err)
	}
	bad := bytes.Replace(payment(t, exampleID), []byte("125000"), []byte("-1"), 1)
	if _, err := c.Decide(t.Context(), exampleID, bad); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest ||
		len(refused.Errors) != 1 || refused.Errors[0].Field != "amountCentavos" || refused.Detail == "" {
		t.Errorf("%+v", err)
	}
	var tokens []string
	for _, h := range s.asked() {
		tokens = append(tokens, h.Get("Authorization"))
		if budget := h.Get(client.BudgetHeader); budget != "300" {
			t.Errorf("budget %q", budget)
		}
	}
	if diff := cmp.Diff([]string{"Bearer first", "Bearer second", "Bearer second", "Bearer second"}, tokens); diff != "" {
		t.Errorf("tokens, and one request each (-want +got):\n%s", diff)
	}
}

// TestProvisionalIsNoDecision: while the real service's store is away there is no decision to be had, and once it is back the
// same call gets the one that stands.
func TestProvisionalIsNoDecision(t *testing.T) {
	t.Parallel()
	s := startScorer(t)
	c := patient(t, s.url)
	s.store.away.Store(true)
	var provisional *client.ProvisionalError
	d, err := c.Decide(t.Context(), exampleID, payment(t, exampleID))
	if d != nil || !errors.As(err, &provisional) || provisional.Outcome == client.Approve || provisional.EndToEndID != exampleID {
		t.Fatalf("%+v, %v", d, err)
	}
	if n := len(s.asked()); n != 1 {
		t.Errorf("asked %d times: a scorer without its store is asked once", n)
	}
	s.store.away.Store(false)
	if d, err := c.Decide(t.Context(), exampleID, payment(t, exampleID)); err != nil || d.Outcome == "" {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestTheAnswerIsTheContracts: what the client reads are the members that the scorer writes, and its outcomes are those of
// the wire.
func TestTheAnswerIsTheContracts(t *testing.T) {
	t.Parallel()
	fields := func(v any) map[string]bool {
		out := map[string]bool{}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			out[f.Name] = true
		}
		return out
	}
	written := fields(event.Answer{})
	delete(written, "Provisional") // its type
	if diff := cmp.Diff(written, fields(client.Decision{})); diff != "" {
		t.Errorf("(-event.Answer +client.Decision):\n%s", diff)
	}
	if diff := cmp.Diff(fields(event.AnswerReason{}), fields(client.Reason{})); diff != "" {
		t.Errorf("(-event.AnswerReason +client.Reason):\n%s", diff)
	}
	mine := map[string]bool{string(client.Approve): true, string(client.Review): true, string(client.Block): true, string(client.Reject): true}
	for number, name := range pixv1.Outcome_name {
		if mine[name] == (number == 0) {
			t.Errorf("outcome %s", name)
		}
	}
}

// TestTheBudgetIsTheScorers: the header has one name on both sides, and a client that is told nothing gives what a scorer takes.
func TestTheBudgetIsTheScorers(t *testing.T) {
	t.Parallel()
	if client.BudgetHeader != score.BudgetHeader {
		t.Errorf("%s, the scorer reads %s", client.BudgetHeader, score.BudgetHeader)
	}
	var told string
	c := patient(t, hostile(t, func(w http.ResponseWriter, r *http.Request) {
		told = r.Header.Get(client.BudgetHeader)
		answers(good())(w, r)
	}))
	if _, err := c.Decide(t.Context(), exampleID, nil); err != nil {
		t.Fatal(err)
	}
	field, _ := reflect.TypeFor[score.Config]().FieldByName("DecisionTimeout")
	if shipped := field.Tag.Get("env"); !strings.HasSuffix(shipped, "default="+told+"ms") {
		t.Errorf("gives %s ms, the scorer has %q", told, shipped)
	}
}

func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "scorer:8080", "ftp://host", "http://user:secret@host", "https://host?x=1", "https://host#x", "http://", ":"} {
		if _, err := client.New(client.Config{URL: url}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := client.New(client.Config{URL: "https://host", Budget: -1}); err == nil {
		t.Error("a negative budget")
	}
}

// TestNoToken: without its token nothing is sent, and nothing of the file is told.
func TestNoToken(t *testing.T) {
	t.Parallel()
	s := startScorer(t)
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "\n", "two": "secret token", "long": strings.Repeat("secret", 4096)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"empty", "two", "long", "missing"} {
		c := patient(t, s.url, func(c *client.Config) { c.Tokens = client.TokenFile(filepath.Join(dir, name)) })
		var unanswered *client.UnansweredError
		_, err := c.Decide(t.Context(), exampleID, payment(t, exampleID))
		if !errors.As(err, &unanswered) || unanswered.Attempts != 1 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(s.asked()); n != 0 {
		t.Errorf("%d requests without a token", n)
	}
}

// TestCallerGoes: a caller that goes ends its call, whatever time was left.
func TestCallerGoes(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := patient(t, hostile(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	var unanswered *client.UnansweredError
	began := time.Now()
	if _, err := c.Decide(ctx, exampleID, nil); !errors.As(err, &unanswered) || !errors.Is(err, context.Canceled) || time.Since(began) > 20*time.Second {
		t.Errorf("%v", err)
	}
}

// TestManyAtOnce: calls beyond the connections wait for one, inside their own deadline, and all of them are decided.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := startScorer(t)
	c := patient(t, s.url, func(c *client.Config) { c.Connections = 4 })
	var calls sync.WaitGroup
	for n := range 200 {
		calls.Go(func() {
			id := fmt.Sprintf("E12345678202611231430%011d", n)
			if d, err := c.Decide(t.Context(), id, payment(t, id)); err != nil || d.EndToEndID != id {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
	calls.Wait()
	if open := s.connections.Load(); open > 4 {
		t.Errorf("%d connections", open)
	}
}
