package lifecycle_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/lifecycle"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// serve runs a server until the returned function stops it.
func serve(t *testing.T, handler http.Handler, c lifecycle.ServerConfig, grace time.Duration) (
	url string, stop func() error,
) {
	t.Helper()
	listener := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- lifecycle.Run(ctx, grace, lifecycle.Serve("http", listener, lifecycle.NewServer(handler, c)))
	}()
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return "http://" + listener.Addr().String(), func() error { cancel(); return <-result }
}

// post returns the status of a request, 0 when there was no answer.
func post(t *testing.T, url, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0
	}
	return response.StatusCode
}

func TestServeDrainsRequestsInFlight(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	url, stop := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-release
	}), lifecycle.ServerConfig{}, 10*time.Second)
	status := make(chan int, 1)
	go func() { status <- post(t, url, "") }()
	<-entered
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := <-status; got != http.StatusOK {
		t.Errorf("the request in flight got %d", got)
	}
	if got := post(t, url, ""); got != 0 {
		t.Errorf("a request after the stop got %d", got)
	}
}

func TestServeCutsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	url, stop := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}), lifecycle.ServerConfig{}, 50*time.Millisecond)
	status := make(chan int, 1)
	go func() { status <- post(t, url, "") }()
	<-entered
	if err := stop(); err == nil {
		t.Error("a cut request was not reported")
	}
	if got := <-status; got != 0 {
		t.Errorf("the cut request got %d", got)
	}
}

func TestServerBoundsTheBody(t *testing.T) {
	t.Parallel()
	url, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var tooLarge *http.MaxBytesError
		if _, err := io.Copy(io.Discard, r.Body); errors.As(err, &tooLarge) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}), lifecycle.ServerConfig{MaxBodyBytes: 10}, time.Second)
	for body, want := range map[string]int{"0123456789": 200, "0123456789x": 413} {
		if got := post(t, url, body); got != want {
			t.Errorf("%d bytes got %d, want %d", len(body), got, want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestServerCutsSlowClients sends half a header, or half a body, and waits to be cut off.
func TestServerCutsSlowClients(t *testing.T) {
	t.Parallel()
	for half, c := range map[string]lifecycle.ServerConfig{
		"GET / HTTP/1.1\r\nHost:": {ReadHeaderTimeout: 50 * time.Millisecond},
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf":              {ReadTimeout: 50 * time.Millisecond},
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf": {ReadTimeout: 50 * time.Millisecond},
	} {
		cutOff(t, half, c)
	}
}

func cutOff(t *testing.T, half string, c lifecycle.ServerConfig) {
	t.Helper()
	reads := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	url, stop := serve(t, reads, c, time.Second)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(half)); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(60 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		t.Errorf("%q: the connection stayed open: %v", half, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestServeReportsABrokenListener(t *testing.T) {
	t.Parallel()
	listener := listen(t)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	server := lifecycle.NewServer(http.NotFoundHandler(), lifecycle.ServerConfig{})
	if err := lifecycle.Run(t.Context(), time.Second, lifecycle.Serve("http", listener, server)); err == nil {
		t.Error("no error")
	}
}

func TestServerDefaultsAreBounded(t *testing.T) {
	t.Parallel()
	s := lifecycle.NewServer(http.NotFoundHandler(), lifecycle.ServerConfig{})
	if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.WriteTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
		t.Errorf("a bound is missing: %+v", s)
	}
}

// TestServerBoundsConnections: those that wait for nothing give way to a new one, those with a request do not.
func TestServerBoundsConnections(t *testing.T) {
	t.Parallel()
	const most = 3
	entered, release := make(chan struct{}, most), make(chan struct{})
	url, stop := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			entered <- struct{}{}
			<-release
		}
	}), lifecycle.ServerConfig{MaxConnections: most}, 30*time.Second)
	ask := func(path string) (conn net.Conn, answered bool) {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil || path == "/long" {
			return conn, false
		}
		answer := make([]byte, 12)
		_, err = io.ReadFull(conn, answer)
		return conn, err == nil && string(answer) == "HTTP/1.1 200"
	}
	until := func(what string) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			if _, answered := ask("/"); answered {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	for range 10 * most {
		until("connections that wait for nothing keep out new ones")
	}
	for range most {
		for taken := false; !taken; {
			ask("/long")
			select {
			case <-entered:
				taken = true
			case <-time.After(50 * time.Millisecond): // refused for connections that are only closing now
			}
		}
	}
	for range 10 {
		if _, answered := ask("/"); answered {
			t.Error("a connection above the bound was served")
		}
	}
	close(release)
	until("connections are not uncounted")
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestServeProbesTakesNoTime: a scraper that hangs is cut at once, however long the grace time is.
func TestServeProbesTakesNoTime(t *testing.T) {
	t.Parallel()
	listener, inside := listen(t), make(chan struct{})
	hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(inside)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- lifecycle.Run(ctx, time.Hour, lifecycle.Component{Name: "after"},
			lifecycle.ServeProbes("probes", listener, lifecycle.NewServer(hang, lifecycle.ServerConfig{})))
	}()
	answered := make(chan int, 1)
	go func() { answered <- post(t, "http://"+listener.Addr().String(), "") }()
	<-inside
	cancel()
	select {
	case err := <-result:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the stop waits for a scraper")
	}
	if status := <-answered; status != 0 {
		t.Errorf("the scraper got %d", status)
	}
}
