package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of Config. The budget is the scorer's DECISION_TIMEOUT as shipped.
const (
	defaultDeadline    = time.Second
	defaultBudget      = 300 * time.Millisecond
	defaultNetwork     = 50 * time.Millisecond
	defaultConnections = 64
)

// leastBudget is the least that a scorer is given: below it an attempt is only load.
const leastBudget = 10 * time.Millisecond

// decisionsPath is where decisions are asked for.
const decisionsPath = "/v1/decisions"

// TokenSource gives the OpenID Connect token that a request carries. It is asked for every request, from many goroutines,
// and keeps what it has for as long as it is valid.
type TokenSource interface {
	Token(ctx context.Context) (string, error)
}

// Config says how a scorer is asked. Zero fields have their defaults.
type Config struct {
	// URL is the scorer's, as https://scorer.bank.example. Required.
	URL string
	// Tokens are sent as bearer tokens; nil sends none.
	Tokens TokenSource
	// Deadline bounds a call, with its retries, whose context has no deadline of its own; default 1 s.
	Deadline time.Duration
	// Budget is how long the scorer may take for one answer; default 300 ms. It refuses more than its DECISION_TIMEOUT.
	Budget time.Duration
	// Network is what the way there and back may take beside that; default 50 ms.
	Network time.Duration
	// Connections bounds what is open at once, and so, over HTTP/1.1, the calls under way; default 64.
	Connections int
	// Transport makes the requests, for example with a client's certificate; nil is one of the client's own.
	Transport http.RoundTripper
}

// Client asks one scorer. It may be used by many goroutines and should be kept: it keeps its connections.
type Client struct {
	config  Config
	http    *http.Client
	retries *retries
}

// New returns a client. Its error names every field that is wrong.
func New(c Config) (*Client, error) {
	c.URL = strings.TrimSuffix(c.URL, "/")
	u, err := url.Parse(c.URL)
	var problems []error
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		problems = append(problems, errors.New("a URL is required, as https://host or https://host/prefix")) // the parser's error would repeat it
	}
	if c.Deadline < 0 || c.Budget < 0 || c.Network < 0 || c.Connections < 0 {
		problems = append(problems, errors.New("no duration and no bound may be negative"))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	c.Deadline, c.Budget = orDefault(c.Deadline, defaultDeadline), orDefault(c.Budget, defaultBudget)
	c.Network, c.Connections = orDefault(c.Network, defaultNetwork), orDefault(c.Connections, defaultConnections)
	if c.Transport == nil {
		c.Transport = transport(c.Connections)
	}
	return &Client{config: c, retries: newRetries(), http: &http.Client{
		Transport: c.Transport,
		// A redirect would carry payment and token to wherever an answer says.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// transport keeps its connections for less time than a load balancer or the scorer does: whoever closes one that the other
// is about to use loses a request.
func transport(connections int) *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: time.Second}).DialContext,
		TLSHandshakeTimeout:    time.Second,
		ForceAttemptHTTP2:      true,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // a few kilobytes, and what they unpack to would have to be bounded
	}
}

// Close ends the connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Decide asks for the decision on a payment: id is its EndToEndId and payment the whole of it, as docs/contract.md says, in
// JSON. To ask again is safe: there is one decision for an EndToEndId, and whoever asks again gets it.
//
// It returns the decision that stands. A provisional answer is a ProvisionalError, and no reason to ask again within the
// deadline: what it says holds until the decision is made.
func (c *Client) Decide(ctx context.Context, id string, payment []byte) (*Decision, error) {
	return c.ask(ctx, question{method: http.MethodPost, path: decisionsPath, id: id, body: payment})
}

// Standing looks up the decision that stands for an EndToEndId, and makes none: where none stands it is a RefusedError with
// status 404 and kind not_decided. Any other 404, as of a proxy, says nothing of the payment and is an AnswerError. The caller
// needs the role read.
func (c *Client) Standing(ctx context.Context, id string) (*Decision, error) {
	return c.ask(ctx, question{method: http.MethodGet, path: decisionsPath + "/" + url.PathEscape(id), id: id})
}

// ask makes attempts until one gives an answer, or no other one fits into the deadline or the retries' budget.
func (c *Client) ask(ctx context.Context, q question) (*Decision, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.config.Deadline)
		defer cancel()
	}
	c.retries.earn()
	if !c.fits(ctx, 0) {
		return nil, &UnansweredError{Err: orTooLate(ctx)}
	}
	for n := 1; ; n++ {
		d, err := c.attempt(ctx, q)
		var lost *lostError
		if !errors.As(err, &lost) {
			return d, err
		}
		unanswered := &UnansweredError{Attempts: n, RetryAfter: lost.retryAfter, Err: lost.cause}
		if ctx.Err() != nil {
			unanswered.Err = errors.Join(ctx.Err(), lost.cause)
			return nil, unanswered
		}
		wait := pause(n, lost.retryAfter)
		if lost.final || !c.fits(ctx, wait) || !c.retries.spend() {
			return nil, unanswered
		}
		if !sleep(ctx, wait) {
			unanswered.Err = errors.Join(ctx.Err(), lost.cause)
			return nil, unanswered
		}
	}
}

// fits says whether an attempt that begins after the wait can still be answered.
func (c *Client) fits(ctx context.Context, wait time.Duration) bool {
	deadline, _ := ctx.Deadline()
	return ctx.Err() == nil && time.Until(deadline)-wait >= c.config.Network+leastBudget
}

// orTooLate is why a call makes no attempt at all.
func orTooLate(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err //nolint:wrapcheck // UnansweredError wraps it
	}
	return errors.New("the deadline leaves no time for an answer")
}
