package load

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// A slow client sends one byte of a request in this time, and comes back after it when it was cut.
const slowPause = 100 * time.Millisecond

// slowClients are connections that send a request a byte at a time.
type slowClients struct {
	cancel  context.CancelFunc
	work    sync.WaitGroup
	clients int
	opened  atomic.Int64
	ended   atomic.Int64 // by the server
}

// slowReport is what became of them.
type slowReport struct {
	Clients int   `json:"clients"`
	Opened  int64 `json:"connections"`
	Ended   int64 `json:"ended_by_server"`
}

func startSlow(ctx context.Context, target string, n int) (*slowClients, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("-url: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &slowClients{cancel: cancel, clients: n}
	for range n {
		s.work.Go(func() {
			for ctx.Err() == nil {
				s.send(ctx, u)
				rest(ctx, slowPause)
			}
		})
	}
	return s, nil
}

func (s *slowClients) stop() *slowReport {
	s.cancel()
	s.work.Wait()
	return &slowReport{Clients: s.clients, Opened: s.opened.Load(), Ended: s.ended.Load()}
}

// send sends one request until the server ends it. Its body is never complete.
func (s *slowClients) send(ctx context.Context, u *url.URL) {
	conn, err := dial(ctx, u)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	s.opened.Add(1)
	request := fmt.Sprintf("POST %s/v1/decisions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n", u.Path, u.Host)
	for i := 0; ctx.Err() == nil; i++ {
		b := byte(' ')
		if i < len(request) {
			b = request[i]
		}
		if _, err := conn.Write([]byte{b}); err != nil {
			s.ended.Add(1)
			return
		}
		rest(ctx, slowPause)
	}
}

func dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: answerTimeout}
	address, port := u.Host, u.Port()
	if u.Scheme == "https" {
		if port == "" {
			address = net.JoinHostPort(u.Hostname(), "443")
		}
		conn, err := (&tls.Dialer{NetDialer: dialer}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("dial: %w", err)
		}
		return conn, nil
	}
	if port == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	return conn, nil
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
