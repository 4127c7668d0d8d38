package store_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigtable/bttest"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// relay is a TCP server in front of the store that can be cut and come back on the same address.
type relay struct {
	t      *testing.T
	target string
	addr   string
	mu     sync.Mutex
	listen net.Listener
	conns  []net.Conn
	work   sync.WaitGroup
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	r := &relay{t: t, target: target, addr: "127.0.0.1:0"}
	r.start()
	t.Cleanup(r.cut)
	return r
}

func (r *relay) start() {
	r.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", r.addr)
	must(r.t, err)
	r.mu.Lock()
	r.listen, r.addr = l, l.Addr().String()
	r.mu.Unlock()
	r.work.Go(func() {
		for {
			in, err := l.Accept()
			if errors.Is(err, net.ErrClosed) || err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", r.target)
			if err != nil {
				_ = in.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, in, out)
			r.mu.Unlock()
			r.work.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
			r.work.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
		}
	})
}

func (r *relay) cut() {
	r.mu.Lock()
	_ = r.listen.Close()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.work.Wait()
}

// The store goes away and comes back with its data: calls fail or wait, then everything is as it was.
func TestRestartOfTheStore(t *testing.T) {
	t.Parallel()
	server, err := bttest.NewServer("127.0.0.1:0", pixtest.OneWriter()...)
	must(t, err)
	t.Cleanup(server.Close)
	r := newRelay(t, server.Addr)
	m := newMerchant(t, small())
	m.opts = reach(r.addr)
	s := m.process(0, option.WithGRPCConnectionPool(1))
	m.warm()
	for range 3 {
		m.flow(30, time.Second)
		r.cut()
		tx := m.payment(m.clock.at(0)())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := s.Record(ctx, &tx); err == nil {
			t.Fatal("a store that is away took a payment")
		}
		_ = s.Tend(ctx)
		cancel()
		r.start()
		must(t, s.Record(t.Context(), &tx)) // the client connects again by itself
		m.record(&tx)
		m.flow(30, time.Second)
		m.rest()
	}
}
