package fault_test

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
)

// echo is a server that answers what it is told.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			work.Go(func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		work.Wait()
	})
	return listener.Addr().String()
}

// says sends a word and tells whether it comes back.
func says(t *testing.T, c net.Conn) bool {
	t.Helper()
	if _, err := c.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	answer := make([]byte, 4)
	_, err := io.ReadFull(c, answer)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection was closed instead of lost: %v", err)
	}
	return err == nil
}

func TestProxyBreaksWithoutAWord(t *testing.T) {
	t.Parallel()
	for name, loss := range map[string]fault.Loss{"swallow": fault.Swallow, "deaf": fault.Deaf} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, err := fault.NewProxy(echo(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = proxy.Close() })
			connect := func() net.Conn {
				c, err := net.Dial("tcp", proxy.Addr())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				return c
			}
			works := func(c net.Conn) {
				t.Helper()
				for deadline := time.Now().Add(30 * time.Second); !says(t, c); {
					if time.Now().After(deadline) {
						t.Fatal("no answer")
					}
				}
			}
			first := connect()
			works(first)
			proxy.Break(loss)
			second := connect()
			works(second)
			proxy.Isolate(loss)
			third := connect()
			proxyOpened(t, proxy, 3)
			for i, c := range []net.Conn{first, second, third} {
				if says(t, c) {
					t.Errorf("connection %d answers although it is lost", i+1)
				}
			}
			proxy.Heal()
			works(connect())
			if says(t, first) {
				t.Error("a lost connection answers again")
			}
			if loss == fault.Deaf {
				takes(t, first, 64<<20)
			}
		})
	}
}

func proxyOpened(t *testing.T, p *fault.Proxy, n int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); p.Opened() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections, want %d", p.Opened(), n)
		}
	}
}

// takes checks that more bytes are taken than any buffer on the way holds.
func takes(t *testing.T, c net.Conn, bytes int) {
	t.Helper()
	_ = c.SetWriteDeadline(time.Now().Add(60 * time.Second))
	if _, err := c.Write(make([]byte, bytes)); err != nil {
		t.Errorf("a deaf end does not take what it is sent: %v", err)
	}
}
