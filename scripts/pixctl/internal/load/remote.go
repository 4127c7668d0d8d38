package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// failureHTTP is the failure of a call that got no answer.
const failureHTTP = "http"

// maxAnswer bounds what is read of an answer.
const maxAnswer = 1 << 20

// remote asks a running scorer over HTTP.
type remote struct {
	url      string
	header   http.Header
	client   *http.Client
	payments payments
}

// openRemote prepares the payments, once it has seen that something answers at the address at all.
func openRemote(ctx context.Context, o *options) (*remote, error) {
	r := &remote{url: o.url + "/v1/decisions", header: http.Header{
		"Content-Type": {"application/json"},
		// of a week that is over: the caller needs the role
		score.ReplayHeader: {event.ReplayTrue},
	}, client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: o.inFlight, DisableCompression: true},
	}}
	if o.token != "" {
		r.header.Set("Authorization", "Bearer "+o.token)
	}
	if err := r.reach(ctx, o.url); err != nil {
		return nil, err
	}
	if err := generate(o.seed, o.calls(), r.payments.raw); err != nil {
		return nil, fmt.Errorf("generate payments: %w", err)
	}
	return r, nil
}

// reach is an error when nothing answers. What it answers is the calls' matter.
func (r *remote) reach(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/healthz", http.NoBody)
	if err != nil {
		return fmt.Errorf("-url: %w", err)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return fmt.Errorf("nothing answers at -url: %w", err)
	}
	_ = response.Body.Close()
	return nil
}

func (r *remote) close(context.Context) error {
	r.client.CloseIdleConnections()
	return nil
}

// call asks for one decision. The failure names no payload: it is failureHTTP or the status.
func (r *remote) call(ctx context.Context, i int) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url, bytes.NewReader(r.payments.at(i)))
	if err != nil {
		return failureHTTP
	}
	request.Header = r.header.Clone()
	response, err := r.client.Do(request)
	if err != nil {
		return failureHTTP
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)); err != nil {
		return failureHTTP
	}
	if response.StatusCode != http.StatusOK {
		return "status_" + strconv.Itoa(response.StatusCode)
	}
	return ""
}
