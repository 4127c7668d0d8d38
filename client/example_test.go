package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/sentinela-pix/sentinela/client"
)

// Example shows what a caller does with each way that a call may end. The scorer is one that has no store.
func Example() {
	scorer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"endToEndId":"E12345678202611231430aB3dE5fG7hI","outcome":"OUTCOME_REVIEW",
			"decidedAt":"2026-11-23T14:30:13Z","provisional":true,"featuresMissing":true}`)
	}))
	defer scorer.Close()

	c, err := client.New(client.Config{URL: scorer.URL}) // and Tokens, where callers are verified
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second) // what the payment's path allows
	defer cancel()
	decision, err := c.Decide(ctx, "E12345678202611231430aB3dE5fG7hI", []byte(`{"endToEndId":"E12345678202611231430aB3dE5fG7hI"}`))

	var provisional *client.ProvisionalError
	var refused *client.RefusedError
	switch {
	case err == nil && decision.Outcome == client.Approve:
		fmt.Println("let it go")
	case err == nil:
		fmt.Println("do what the decision says:", decision.Outcome)
	case errors.As(err, &provisional):
		fmt.Println("do this for now, and ask again:", provisional.Outcome)
	case errors.As(err, &refused) && refused.Status == http.StatusConflict:
		fmt.Println("the id is taken: this payment needs another one")
	default: // UnansweredError, AnswerError, or another refusal
		fmt.Println("hold it, by our own rule")
	}
	// Output: do this for now, and ask again: OUTCOME_REVIEW
}
