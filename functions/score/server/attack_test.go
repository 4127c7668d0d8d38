package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// attackPatience is until a machine that does nothing else has noticed; whoever waits longer hangs.
const attackPatience = 60 * time.Second

// victim is a running scorer, spoken to without a client's good manners.
type victim struct{ url, admin string }

func (v victim) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(attackPatience)); err != nil {
		t.Fatal(err)
	}
	return c
}

// raw sends bytes and returns the statuses of the answers until the server closes the connection, or the sender does when half.
func (v victim) raw(t *testing.T, half bool, parts ...[]byte) (statuses []int) {
	t.Helper()
	c := v.dial(t)
	written := make(chan struct{})
	go func() { // the server may answer and close before it has read everything
		defer close(written)
		for _, part := range parts {
			if _, err := c.Write(part); err != nil {
				return
			}
		}
		if half {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	in := bufio.NewReader(c)
	for {
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			if isTimeout(err) {
				t.Errorf("the connection stays open after %v", statuses)
			}
			_ = c.Close()
			<-written
			return statuses
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		statuses = append(statuses, response.StatusCode)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error) //nolint:errorlint // as the net package returns it
	return ok && e.Timeout()
}

// head is the beginning of a payment's request.
func head(headers ...string) []byte {
	return []byte("POST /v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n")
}

func whole(body []byte, headers ...string) []byte {
	return append(head(append(headers, fmt.Sprintf("Content-Length: %d", len(body)))...), body...)
}

func repeated(n int, f func(int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

// hostile are bytes that no client of good will sends, with the statuses that they may get. The connection is closed after each.
func hostile(t *testing.T) map[string]struct {
	half  bool
	parts [][]byte
	want  string
} {
	t.Helper()
	_, first := payment(t, 900)
	close, chunked := "Connection: close", "Transfer-Encoding: chunked"
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 16<<20))
	_ = z.Close()
	type attack = struct {
		half  bool
		parts [][]byte
		want  string
	}
	return map[string]attack{
		"a body that says it has a gigabyte":       {false, [][]byte{head("Content-Length: 1073741824", close)}, "[413]"},
		"a body without an end":                    {false, [][]byte{head(chunked, close), []byte(repeated(400, func(int) string { return "400\r\n" + strings.Repeat(" ", 1024) + "\r\n" }))}, "[413]"},
		"a header of a megabyte":                   {false, [][]byte{head("X: " + strings.Repeat("a", 1<<20))}, "[431]"},
		"ten thousand headers":                     {false, [][]byte{head(repeated(10_000, func(n int) string { return fmt.Sprintf("X-%d: 1\r\n", n) }) + "X: 1")}, "[431]"},
		"a payment and then garbage":               {false, [][]byte{whole(first), []byte("\x00\xff\r\n\r\n")}, "[200 400]"},
		"JSON without an end, nested":              {false, [][]byte{whole([]byte(strings.Repeat(`{"payer":`, 7000)), close)}, "[400]"},
		"lists without an end, nested":             {false, [][]byte{whole([]byte(`{"x":`+strings.Repeat(`[`, 60_000)), close)}, "[400]"},
		"a gzip bomb":                              {false, [][]byte{whole(bomb.Bytes()[:min(bomb.Len(), 60_000)], "Content-Encoding: gzip", close)}, "[415]"},
		"a chunk of no size":                       {false, [][]byte{head(chunked, close), []byte("zz\r\n{}\r\n0\r\n\r\n")}, "[503]"},
		"a chunk of a negative size":               {false, [][]byte{head(chunked, close), []byte("-1\r\n{}\r\n0\r\n\r\n")}, "[503]"},
		"a chunk larger than what is there":        {true, [][]byte{head(chunked, close), []byte("ff\r\n{}")}, "[503]"},
		"a transfer coding that there is not":      {false, [][]byte{head("Transfer-Encoding: gzip, chunked"), []byte("0\r\n\r\n")}, "[501]"},
		"two lengths":                              {false, [][]byte{head("Content-Length: 2", "Content-Length: 3"), []byte("{} ")}, "[400]"},
		"a length that is none":                    {false, [][]byte{head("Content-Length: 2x"), []byte("{}")}, "[400]"},
		"a negative length":                        {false, [][]byte{head("Content-Length: -2"), []byte("{}")}, "[400]"},
		"a length above the body":                  {true, [][]byte{head("Content-Length: 100", close), []byte("{}")}, "[503]"},
		"a length below the body":                  {false, [][]byte{head("Content-Length: 1"), []byte("{}\r\n\r\n")}, "[400 400]"},
		"a line without an end":                    {false, [][]byte{[]byte("POST /" + strings.Repeat("a", 1<<20))}, "[431]"},
		"no host":                                  {false, [][]byte{[]byte("GET /v1/decisions/x HTTP/1.1\r\n\r\n")}, "[400]"},
		"a version of the future":                  {false, [][]byte{[]byte("POST /v1/decisions HTTP/9.9\r\nHost: x\r\n\r\n")}, "[505]"},
		"the beginning of TLS":                     {false, [][]byte{{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, '\r', '\n', '\r', '\n'}}, "[400]"},
		"HTTP/2 without an agreement":              {true, [][]byte{[]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}, "[404]"},
		"a header with a line within":              {false, [][]byte{head("X: a\r\n b\x00c")}, "[400]"},
		"a method of a kilobyte":                   {false, [][]byte{[]byte(strings.Repeat("G", 1024) + " /v1/decisions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")}, "[405]"},
		"an id of seven kilobytes":                 {false, [][]byte{[]byte("GET /v1/decisions/" + strings.Repeat("E", 7000) + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")}, "[400]"},
		"headers of a slow client, then nothing":   {false, [][]byte{[]byte("POST /v1/decisions HTTP/1.1\r\nHost:")}, "[]"},
		"a budget of every digit that there is":    {false, [][]byte{whole([]byte("{}"), "Pix-Time-Budget-Ms: "+strings.Repeat("9", 6000), close)}, "[400]"},
		"an Accept of a thousand ranges":           {false, [][]byte{whole([]byte("{}"), "Accept: "+strings.Repeat("a/b;q=0.1,", 600), close)}, "[406]"},
		"an expectation that nobody can live upto": {false, [][]byte{head("Expect: the-unexpected", "Content-Length: 2", close), []byte("{}")}, "[417]"},
	}
}

// TestAttacks: whatever comes down a connection is refused in time with the status that says why, and nothing of it is felt by who
// comes after.
func TestAttacks(t *testing.T) {
	t.Parallel()
	_, url, admin := startServer(t, startCloud(t))
	v := victim{url, admin}
	t.Run("at once", func(t *testing.T) {
		for name, a := range hostile(t) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				if got := fmt.Sprint(v.raw(t, a.half, a.parts...)); got != a.want && (got != "[]" || !strings.Contains(a.want, "431")) { // cut off before it could read the answer
					t.Errorf("%s, want %s", got, a.want)
				}
			})
		}
		t.Run("protobuf of chance", func(t *testing.T) { t.Parallel(); v.chance(t) })
	})
	t.Run("idle connections", func(t *testing.T) { v.crowd(t) }) //nolint:paralleltest // after the others
	v.well(t, 999)
}

// chance sends bytes of a seeded chance as protobuf: all are refused as no payment.
func (v victim) chance(t *testing.T) {
	t.Helper()
	r := rand.New(rand.NewPCG(16, 25))
	for range 200 {
		body := make([]byte, r.IntN(2000))
		for i := range body {
			body[i] = byte(r.Uint32())
		}
		if len(body) > 0 && r.IntN(2) == 0 {
			body[0] = 0x0a // the tag of endToEndId: further in
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+"/v1/decisions", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-protobuf")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("%x: %d", body, response.StatusCode)
		}
	}
}

// crowd opens more connections than there are places and leaves them idle: others are still served.
func (v victim) crowd(t *testing.T) {
	t.Helper()
	for range 1500 {
		c, err := net.Dial("tcp", strings.TrimPrefix(v.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	v.well(t, 998)
}

// well expects that payments are decided, when places have become free.
func (v victim) well(t *testing.T, n int) {
	t.Helper()
	_, data := payment(t, n)
	status := 0
	for end := time.Now().Add(attackPatience); status != http.StatusOK && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		status, _ = send(t, v.url+"/v1/decisions", http.Header{"Connection": {"close"}}, data)
	}
	ready, _ := get(t, v.admin+"/readyz")
	if status != http.StatusOK || ready != http.StatusOK {
		t.Errorf("afterwards a payment gets %d, /readyz %d", status, ready)
	}
}
