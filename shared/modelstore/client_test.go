package modelstore

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/api/option"
)

// forgetful is a proxy that, once told, swallows without a word what comes through the connections that stand, as a
// firewall that forgot them; new ones pass.
type forgetful struct {
	net.Listener
	target string
	mu     sync.Mutex
	work   sync.WaitGroup
	stand  []*atomic.Bool // of each connection: swallowed
	ends   []net.Conn
}

func newForgetful(t *testing.T, target string) *forgetful {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forgetful{Listener: listener, target: target}
	f.work.Go(f.serve)
	t.Cleanup(func() {
		f.Close()
		f.mu.Lock()
		for _, end := range f.ends {
			end.Close()
		}
		f.mu.Unlock()
		f.work.Wait()
	})
	return f
}

func (f *forgetful) serve() {
	for {
		client, err := f.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", f.target)
		if err != nil {
			client.Close()
			continue
		}
		swallowed := &atomic.Bool{}
		f.mu.Lock()
		f.stand, f.ends = append(f.stand, swallowed), append(f.ends, client, server)
		f.mu.Unlock()
		f.work.Go(func() { pump(server, client, swallowed) })
		f.work.Go(func() { pump(client, server, swallowed) })
	}
}

func (f *forgetful) forget() (connections int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, swallowed := range f.stand {
		swallowed.Store(true)
	}
	return len(f.stand)
}

func pump(to, from net.Conn, swallowed *atomic.Bool) {
	defer to.Close()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if swallowed.Load() {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// TestDeadConnectionIsReplaced: an HTTP/2 connection that died without a word is found out and not taken again and
// again. It prints how long that took.
func TestDeadConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the client speaks %s", r.Proto)
		}
		w.Header().Set("X-Goog-Generation", "7")
		_, _ = io.WriteString(w, "1\n")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	proxy := newForgetful(t, server.Listener.Addr().String())
	base := newTransport()
	base.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	if pool := x509.NewCertPool(); base.TLSClientConfig.RootCAs == nil {
		pool.AddCert(server.Certificate())
		base.TLSClientConfig.RootCAs = pool
	}
	b, err := openBucket(t.Context(), "bucket", base, []option.ClientOption{
		option.WithEndpoint("https://" + proxy.Addr().String() + "/storage/v1/"), option.WithoutAuthentication(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.close() })
	read := func() error {
		_, _, err := b.pointer(context.Background(), "payer/current", maxPointerBytes)
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	if n := proxy.forget(); n != 1 {
		t.Fatalf("%d connections stood", n)
	}
	began := time.Now()
	for err := read(); err != nil; err = read() {
		if time.Since(began) > time.Minute {
			t.Fatalf("after %v the dead connection is still taken: %v", time.Since(began), err)
		}
	}
	t.Logf("an answer %v after the connection died", time.Since(began).Round(100*time.Millisecond))
}
