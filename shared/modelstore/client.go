package modelstore

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
	htransport "google.golang.org/api/transport/http"
)

// An HTTP/2 connection on which nothing has come in for pingAfter is asked for a sign of life, and is closed when none
// comes within pingWait. A connection can die without a word, behind a firewall that forgot it; requests that give up
// leave it in the pool and the next one takes it again, for as long as the system's TCP goes on sending: a quarter of an
// hour. The client's own transport asks after 31 s and waits 15 s.
const (
	pingAfter = 5 * time.Second
	pingWait  = 5 * time.Second
)

// newTransport returns a transport that notices dead connections.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: callTimeout,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingWait},
	}
}

// newClient returns a Cloud Storage client over base. The SDK does not authenticate a client whose transport is given,
// so that is done here, by its rules.
func newClient(ctx context.Context, base *http.Transport, opts []option.ClientOption) (*storage.Client, error) {
	transport, err := htransport.NewTransport(ctx, base, opts...)
	if err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	client, err := storage.NewClient(ctx, append(opts, option.WithHTTPClient(&http.Client{Transport: transport}))...)
	if err != nil {
		return nil, fmt.Errorf("new client: %w", err)
	}
	return client, nil
}
