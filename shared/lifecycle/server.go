package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// ServerConfig bounds what one HTTP client can take. A zero field means its default.
type ServerConfig struct {
	ReadHeaderTimeout time.Duration // default 5 s
	ReadTimeout       time.Duration // whole request; default 15 s
	WriteTimeout      time.Duration // from the end of the request's header to the end of the answer; default 60 s
	IdleTimeout       time.Duration // default 120 s, above the 60 s of Google's load balancers
	MaxHeaderBytes    int           // default 4 KiB, to which net/http adds as much: as objects it may be 15 times as large
	MaxBodyBytes      int64         // default 16 MiB: a Pub/Sub push of 10 MB grows by a third as base64
	MaxConnections    int           // open at once, with and without a request; default 512: each may hold such a header
}

func (c ServerConfig) withDefaults() ServerConfig {
	c.ReadHeaderTimeout = orDefault(c.ReadHeaderTimeout, 5*time.Second)
	c.ReadTimeout = orDefault(c.ReadTimeout, 15*time.Second)
	c.WriteTimeout = orDefault(c.WriteTimeout, 60*time.Second)
	c.IdleTimeout = orDefault(c.IdleTimeout, 120*time.Second)
	c.MaxHeaderBytes = orDefault(c.MaxHeaderBytes, 4<<10)
	c.MaxBodyBytes = orDefault(c.MaxBodyBytes, 16<<20)
	c.MaxConnections = orDefault(c.MaxConnections, 512)
	return c
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// NewServer returns a server whose time and memory per request and whose connections are bounded. Reading more than
// MaxBodyBytes gives the handler an *http.MaxBytesError. A connection above MaxConnections is refused with 429, and those
// that wait for their next request are closed with it: a place that nobody uses must not keep out a probe.
func NewServer(handler http.Handler, c ServerConfig) *http.Server {
	c = c.withDefaults()
	server := &http.Server{
		Handler:           http.MaxBytesHandler(handler, c.MaxBodyBytes),
		ReadHeaderTimeout: c.ReadHeaderTimeout,
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    c.MaxHeaderBytes,
	}
	server.ConnState = bound(server, int64(c.MaxConnections))
	return server
}

// refusal is the whole answer on a connection for which there is no place: a new one takes it without waiting.
const refusal = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

// bound counts connections and refuses those above most.
func bound(server *http.Server, most int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > most {
				_, _ = io.WriteString(conn, refusal)
				_ = conn.Close() // its goroutine finds it closed and uncounts it
				server.SetKeepAlivesEnabled(false)
				server.SetKeepAlivesEnabled(true)
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		default:
		}
	}
}

// ServeProbes is Serve for probes and scrapers: when it stops it cuts them, and takes no time from the parts that others
// depend on.
func ServeProbes(name string, listener net.Listener, server *http.Server) Component {
	c := Serve(name, listener, server)
	c.Stop = func(context.Context) error {
		if err := server.Close(); err != nil {
			return fmt.Errorf("close: %w", err)
		}
		return nil
	}
	return c
}

// Serve is the component that serves HTTP on a listener. When it stops it takes no new request, lets those in flight
// end, and cuts the rest at the deadline.
func Serve(name string, listener net.Listener, server *http.Server) Component {
	return Component{
		Name: name,
		Run: func(context.Context) error {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serve: %w", err)
			}
			return nil
		},
		Stop: func(ctx context.Context) error {
			if err := server.Shutdown(ctx); err != nil {
				return errors.Join(fmt.Errorf("drain: %w", err), server.Close())
			}
			return nil
		},
	}
}
