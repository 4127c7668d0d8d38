package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// BudgetHeader tells the scorer in milliseconds how long its answer may take: inside them it gives the declared fallback
// where the decision takes longer.
const BudgetHeader = "Pix-Time-Budget-Ms"

// notDecided is the kind of the problem that says that no decision stands.
const notDecided = "not_decided"

// maxAnswer bounds what is read of an answer. One has a few kilobytes.
const maxAnswer = 1 << 20

// question is what every attempt of a call asks.
type question struct {
	method, path string
	id           string // the EndToEndId that an answer must be for
	body         []byte
}

// lostError is an attempt that got no answer of the scorer's own, or one that says to come back.
type lostError struct {
	cause      error
	retryAfter time.Duration // what the answer asked for; zero when it did not
	final      bool          // another attempt would meet the same
}

// Error implements error.
func (e *lostError) Error() string { return e.cause.Error() }

// attempt asks once, within what the deadline leaves and the budget allows. It has its token before it counts: what a token
// takes is the caller's time, and the scorer would spend it again.
func (c *Client) attempt(ctx context.Context, q question) (*Decision, error) {
	token, err := c.token(ctx)
	if err != nil {
		return nil, &lostError{cause: err, final: true}
	}
	if !c.fits(ctx, 0) {
		return nil, &lostError{cause: orTooLate(ctx), final: true}
	}
	deadline, _ := ctx.Deadline()
	limit := min(time.Until(deadline), c.config.Budget+c.config.Network)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := c.request(ctx, q, token, limit-c.config.Network)
	if err != nil {
		return nil, &lostError{cause: err, final: true}
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, &lostError{cause: withoutURL(err)}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, &lostError{cause: fmt.Errorf("read answer: %w", err)}
	}
	return judge(response, body, q.id)
}

// token is what a request carries, empty for none.
func (c *Client) token(ctx context.Context) (string, error) {
	if c.config.Tokens == nil {
		return "", nil
	}
	token, err := c.config.Tokens.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("get token: %w", err)
	}
	return token, nil
}

func (c *Client) request(ctx context.Context, q question, token string, budget time.Duration) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, q.method, c.config.URL+q.path, bytes.NewReader(q.body))
	if err != nil {
		return nil, fmt.Errorf("build request: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	if q.method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set(BudgetHeader, strconv.FormatInt(max(budget.Milliseconds(), 1), 10))
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// withoutURL is the cause of a failed exchange: the address is the caller's own.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("exchange: %w", err)
}

// judge tells what a whole response means.
func judge(response *http.Response, body []byte, id string) (*Decision, error) {
	switch status := response.StatusCode; {
	case status == http.StatusOK && len(body) > maxAnswer:
		return nil, &AnswerError{Reason: "longer than a megabyte"}
	case status == http.StatusOK:
		if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != "application/json" {
			return nil, &AnswerError{Reason: "not JSON by its Content-Type"}
		}
		return readAnswer(body, id)
	case comesBack(status):
		return nil, &lostError{
			cause: fmt.Errorf("status %d", status), retryAfter: parseRetryAfter(response.Header.Get("Retry-After"), time.Now()),
		}
	case status < http.StatusMultipleChoices:
		return nil, &AnswerError{Reason: fmt.Sprintf("status %d", status)}
	default:
		refused := refusal(response, body)
		if status == http.StatusNotFound && refused.Kind != notDecided {
			return nil, &AnswerError{Reason: "status 404 that does not say " + notDecided} // a proxy's, or of another path
		}
		return nil, refused
	}
}

// comesBack says of which statuses the same request may be sent again.
func comesBack(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// refusal reads a problem (RFC 9457); what is none leaves the status alone.
func refusal(response *http.Response, body []byte) *RefusedError {
	refused := &RefusedError{Status: response.StatusCode}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || media != "application/problem+json" || len(body) > maxAnswer {
		return refused
	}
	var problem struct {
		Kind   string         `json:"kind"`
		Detail string         `json:"detail"`
		Errors []FieldProblem `json:"errors"`
	}
	if json.Unmarshal(body, &problem) == nil {
		refused.Kind, refused.Detail, refused.Errors = problem.Kind, problem.Detail, problem.Errors
	}
	return refused
}
