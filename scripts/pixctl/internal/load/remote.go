package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sentinela-pix/sentinela/client"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// What a call may come to beside a decision that stands and a status.
const (
	failureHTTP    = "http"        // no answer
	failureToken   = "token"       // no token to ask with
	provisional    = "provisional" // an answer without a decision
	shed           = "status_429"
	maxAnswer      = 1 << 20
	answerTimeout  = 10 * time.Second
	provisionalTag = `"provisional":true` // the scorer's own writer leaves no space, and inside a text quotes are escaped
)

// remote asks a running scorer over HTTP.
type remote struct {
	url    string
	header http.Header
	client *http.Client
	tokens client.TokenSource // nil sends none
	supply *supply
}

// fixed is a token that does not change.
type fixed string

// Token returns it.
func (f fixed) Token(context.Context) (string, error) { return string(f), nil }

// newRemote asks at a URL.
func newRemote(o *options, url string, supply *supply) *remote {
	r := &remote{supply: supply, url: url + "/v1/decisions", header: http.Header{
		"Content-Type": {"application/json"},
		// of a week that is over: the caller needs the role
		score.ReplayHeader: {event.ReplayTrue},
	}, client: &http.Client{
		Timeout: answerTimeout,
		// Unbounded it opens more than there are calls under way, and the scorer refuses those above its own bound.
		Transport: &http.Transport{MaxConnsPerHost: o.inFlight, MaxIdleConnsPerHost: o.inFlight, DisableCompression: true},
	}}
	switch {
	case o.tokenFile != "":
		r.tokens = client.TokenFile(o.tokenFile)
	case o.token != "":
		r.tokens = fixed(o.token)
	}
	return r
}

// openRemote asks a scorer that runs, once it has seen that something answers at the address at all.
func openRemote(ctx context.Context, o *options) (*remote, error) {
	r := newRemote(o, o.url, newSupply(o.seed, o.most()))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+"/healthz", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("-url: %w", err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("nothing answers at -url: %w", err)
	}
	_ = response.Body.Close()
	return r, nil
}

func (r *remote) close(context.Context) error {
	r.client.CloseIdleConnections()
	return nil
}

// prepare makes the next n payments, as an authorisation path sends them.
func (r *remote) prepare(n int) error {
	return r.supply.next(n, func(s *pix.Submission) ([]byte, error) { return event.EncodeSubmissionJSON(s) })
}

// call asks for one decision. The failure names no payload.
func (r *remote) call(ctx context.Context, i int) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.supply.payments.at(i)))
	if err != nil {
		return failureHTTP
	}
	request.Header = r.header.Clone()
	if r.tokens != nil {
		token, err := r.tokens.Token(ctx)
		if err != nil {
			return failureToken
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return failureHTTP
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	switch {
	case err != nil:
		return failureHTTP
	case response.StatusCode != http.StatusOK:
		return "status_" + strconv.Itoa(response.StatusCode)
	case bytes.Contains(body, []byte(provisionalTag)):
		return provisional
	default:
		return ""
	}
}
