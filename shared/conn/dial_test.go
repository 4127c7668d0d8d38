package conn

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTunnel(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		proxy, answer, authorization string
		refused                      bool
	}{
		"open":          {"http://proxy:3128", "HTTP/1.1 200 OK\r\n\r\n", "", false},
		"with password": {"http://me:secret@proxy:3128", "HTTP/1.1 200 OK\r\n\r\n", "Basic bWU6c2VjcmV0", false},
		"refused":       {"http://proxy:3128", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := net.Pipe()
			t.Cleanup(func() { near.Close(); far.Close() })
			asked := make(chan []string, 1)
			go func() {
				r, err := http.ReadRequest(bufio.NewReader(far))
				if err != nil {
					asked <- []string{err.Error()}
					return
				}
				asked <- []string{r.Method, r.Host, r.Header.Get("Proxy-Authorization"), r.Header.Get("Authorization")}
				_, _ = io.WriteString(far, tc.answer)
			}()
			proxy, err := url.Parse(tc.proxy)
			if err != nil {
				t.Fatal(err)
			}
			if err := tunnel(near, proxy, "pubsub.googleapis.com:443"); (err != nil) != tc.refused {
				t.Errorf("tunnel = %v", err)
			}
			want := []string{"CONNECT", "pubsub.googleapis.com:443", tc.authorization, ""}
			if diff := cmp.Diff(want, <-asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}
