package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// ServerConfig bounds what one HTTP client can take. A zero field means its default.
type ServerConfig struct {
	ReadHeaderTimeout time.Duration // default 5 s
	ReadTimeout       time.Duration // whole request; default 15 s
	WriteTimeout      time.Duration // from the end of the request's header to the end of the answer; default 60 s
	IdleTimeout       time.Duration // default 120 s, above the 60 s of Google's load balancers
	MaxHeaderBytes    int           // default 64 KiB
	MaxBodyBytes      int64         // default 16 MiB: a Pub/Sub push of 10 MB grows by a third as base64
}

func (c ServerConfig) withDefaults() ServerConfig {
	c.ReadHeaderTimeout = orDefault(c.ReadHeaderTimeout, 5*time.Second)
	c.ReadTimeout = orDefault(c.ReadTimeout, 15*time.Second)
	c.WriteTimeout = orDefault(c.WriteTimeout, 60*time.Second)
	c.IdleTimeout = orDefault(c.IdleTimeout, 120*time.Second)
	c.MaxHeaderBytes = orDefault(c.MaxHeaderBytes, 64<<10)
	c.MaxBodyBytes = orDefault(c.MaxBodyBytes, 16<<20)
	return c
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// NewServer returns a server whose time and memory per request are bounded. Reading more than MaxBodyBytes gives the
// handler an *http.MaxBytesError.
func NewServer(handler http.Handler, c ServerConfig) *http.Server {
	c = c.withDefaults()
	return &http.Server{
		Handler:           http.MaxBytesHandler(handler, c.MaxBodyBytes),
		ReadHeaderTimeout: c.ReadHeaderTimeout,
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    c.MaxHeaderBytes,
	}
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
