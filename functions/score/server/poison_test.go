package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
)

// large is a payload just below what Pub/Sub takes.
const large = 9_900_000

// phase is one thing that must not end the process; run says what was answered.
type phase struct {
	name string
	run  func(t *testing.T, s *scorer) string
}

func phases() []phase {
	return []phase{
		{"60 pushes of 13 MB at once", func(t *testing.T, s *scorer) string {
			return s.together(t, 60, "/push", pushed("big", bytes.Repeat([]byte{0xa7}, large)))
		}},
		{"60 pushes of 13 MB at once, in chunks", func(t *testing.T, s *scorer) string {
			return s.chunked(t, 60, pushed("big", bytes.Repeat([]byte("x"), large)))
		}},
		{"payloads nested without end", func(t *testing.T, s *scorer) string {
			return s.together(t, 20, "/push", pushed("deep", bytes.Repeat([]byte(`{"a":`), large/5)))
		}},
		{"envelopes nested without end", func(t *testing.T, s *scorer) string {
			return s.together(t, 20, "/push", bytes.Repeat([]byte(`{"a":`), 13_000_000/5))
		}},
		{"payloads of a million keys", func(t *testing.T, s *scorer) string {
			return s.together(t, 20, "/push", pushed("wide", object(large, "{", "}")))
		}},
		{"payloads of a million unknown fields", func(t *testing.T, s *scorer) string {
			return s.together(t, 8, "/push", pushed("wide", object(large, `{"endToEndId":"\ud83d\ude00",`, "}")))
		}},
		{"unknown fields within one of a long name", func(t *testing.T, s *scorer) string {
			return s.together(t, 4, "/push", pushed("long", object(large, `{"endToEndId":"\ud83d\ude00","`+strings.Repeat("n", large/2)+`":{`, "}}")))
		}},
		{"a million attributes", func(t *testing.T, s *scorer) string {
			return s.together(t, 20, "/push", object(13_000_000, `{"message":{"attributes":{`, "}}}"))
		}},
		{"10 MB of attributes", func(t *testing.T, s *scorer) string {
			return s.together(t, 20, "/push", []byte(`{"message":{"attributes":{"a":"`+strings.Repeat("a", large)+`"}}}`))
		}},
		{"text that is not UTF-8", func(t *testing.T, s *scorer) string {
			return s.together(t, 20, "/push", []byte(`{"message":{"data":"`+strings.Repeat("\x80", 13_000_000)+`"}}`))
		}},
		{"requests of 1 MB over HTTP", func(t *testing.T, s *scorer) string {
			return s.together(t, 300, "/v1/decisions", object(1<<20, "{", "}"))
		}},
		{"requests of 60 KB over HTTP", func(t *testing.T, s *scorer) string {
			return s.together(t, 300, "/v1/decisions", object(60_000, `{"endToEndId":"\ud83d\ude00",`, "}"))
		}},
		{"200 connections that trickle", func(t *testing.T, s *scorer) string { return s.trickle(t, 200, 64<<10, "") }},
		{"200 connections that stop at 6 MB", func(t *testing.T, s *scorer) string { return s.trickle(t, 200, 6_000_000, "") }},
		{"3,000 connections with the largest headers", func(t *testing.T, s *scorer) string {
			var header strings.Builder
			for n := 0; header.Len() < 7<<10; n++ {
				fmt.Fprintf(&header, "%x:\r\n", n)
			}
			return s.trickle(t, 3000, 100, header.String())
		}},
		{"many times capacity over HTTP", func(t *testing.T, s *scorer) string {
			return fmt.Sprint(crowd(t, 1000, 5*time.Second, s.payer("/v1/decisions")))
		}},
		{"many times capacity pushed", func(t *testing.T, s *scorer) string {
			return fmt.Sprint(crowd(t, 1000, 5*time.Second, s.payer("/push")))
		}},
		{"the store silent for 30 s", func(t *testing.T, s *scorer) string {
			s.store.Isolate(fault.Swallow)
			defer restore(s.store)
			return s.both(t, 30*time.Second)
		}},
		{"Pub/Sub silent for 20 s", func(t *testing.T, s *scorer) string {
			s.bus.Isolate(fault.Swallow)
			defer restore(s.bus)
			return s.both(t, 20*time.Second)
		}},
		{"Pub/Sub and the store silent, with 13 MB", func(t *testing.T, s *scorer) string {
			s.bus.Isolate(fault.Swallow)
			s.store.Isolate(fault.Swallow)
			defer restore(s.bus)
			defer restore(s.store)
			body := pushed("big", bytes.Repeat([]byte{0xa7}, large))
			poison := make(chan map[int]int, 1)
			go func() {
				poison <- crowd(t, 30, 15*time.Second, func(ctx context.Context) int { return s.send(ctx, "/push", bytes.NewReader(body)) })
			}()
			return s.both(t, 15*time.Second) + fmt.Sprint(" poison ", <-poison)
		}},
	}
}

// restore ends an outage. Connections to an emulator are not watched by package conn, so the far end closes those it lost.
func restore(p *fault.Proxy) {
	p.Heal()
	p.Reset()
}

// object is JSON of about so many bytes with many keys.
func object(size int, begin, end string) []byte {
	b := bytes.NewBufferString(begin)
	for n := 0; b.Len() < size-20; n++ {
		fmt.Fprintf(b, `"%x":"",`, n)
	}
	b.Truncate(b.Len() - 1)
	b.WriteString(end)
	return b.Bytes()
}

// together posts one body many times at once, each until it is answered, with payments beside them.
func (s *scorer) together(t *testing.T, n int, path string, body []byte) string {
	t.Helper()
	var mu sync.Mutex
	counts, attempts := map[int]int{}, 0
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			status, tried := s.stubborn(t, path, body)
			mu.Lock()
			defer mu.Unlock()
			counts[status]++
			attempts += tried
		})
	}
	beside := crowd(t, 4, 2*time.Second, s.payer("/v1/decisions"))
	all.Wait()
	if answered := counts[http.StatusNoContent] + counts[http.StatusBadRequest] + counts[http.StatusRequestEntityTooLarge]; answered != n {
		t.Errorf("%d bodies of %d were answered: %v", answered, n, counts)
	}
	return fmt.Sprintf("%v in %d attempts, payments beside them %v", counts, attempts, beside)
}

// chunked is together for bodies that do not say how long they are.
func (s *scorer) chunked(t *testing.T, n int, body []byte) string {
	t.Helper()
	return fmt.Sprint(crowd(t, n, 5*time.Second, func(ctx context.Context) int {
		return s.send(ctx, "/push", struct{ *bytes.Reader }{bytes.NewReader(body)})
	}))
}

// trickle opens connections that announce 13 MB, send a part and then a byte now and then, until the server cuts them off.
func (s *scorer) trickle(t *testing.T, n, first int, header string) string {
	t.Helper()
	begun := "POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: 13000000\r\n" + header + "\r\n" + strings.Repeat(" ", first)
	var all sync.WaitGroup
	for range n {
		conn := s.dial(t)
		all.Go(func() {
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			_, err := conn.Write([]byte(begun))
			for err == nil {
				time.Sleep(200 * time.Millisecond)
				_, err = conn.Write([]byte(" "))
			}
		})
	}
	beside := crowd(t, 4, 5*time.Second, s.payer("/push"))
	all.Wait()
	return fmt.Sprint("payments beside them ", beside)
}

// payer sends payments one after the other.
func (s *scorer) payer(path string) func(ctx context.Context) int {
	return func(ctx context.Context) int {
		_, status := s.pay(ctx, path)
		if status != http.StatusOK && status != http.StatusNoContent {
			time.Sleep(20 * time.Millisecond)
		}
		return status
	}
}

// both sends payments by both ways in.
func (s *scorer) both(t *testing.T, during time.Duration) string {
	t.Helper()
	over := make(chan map[int]int, 1)
	go func() { over <- crowd(t, 300, during, s.payer("/push")) }()
	asked := crowd(t, 100, during, s.payer("/v1/decisions"))
	return fmt.Sprint("over HTTP ", asked, ", pushed ", <-over)
}
