package push_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// trickle is a body that comes in pieces and calls each before every one.
type trickle struct {
	left, piece int
	aborts      bool
	each        func(least int)
}

func (b *trickle) Read(p []byte) (int, error) {
	b.each(1)
	n := min(len(p), b.piece, b.left)
	if n == 0 {
		if b.aborts {
			return 0, io.ErrUnexpectedEOF
		}
		return 0, io.EOF
	}
	clear(p[:n])
	b.left -= n
	return n, nil
}

// TestIntakeLaw: whatever comes in at once and however it ends, no more is held than the budget, no body is held that was
// not taken for, and in the end everything is given back.
func TestIntakeLaw(t *testing.T) {
	t.Parallel()
	const limit, most = 4 << 20, 1 << 19
	rapid.Check(t, func(t *rapid.T) {
		intake := push.NewIntake(limit)
		var wrong atomic.Int64
		look := func(least int) {
			if held := intake.Held(); held > limit || held < int64(least) {
				wrong.Store(held)
			}
			runtime.Gosched()
		}
		var all sync.WaitGroup
		for range rapid.IntRange(1, 40).Draw(t, "requests") {
			size := rapid.IntRange(0, most*5/4).Draw(t, "size")
			body := &trickle{
				left: size, piece: rapid.IntRange(1<<10, 1<<18).Draw(t, "piece"), aborts: rapid.Bool().Draw(t, "aborts"),
				each: look,
			}
			length := int64(-1)
			if rapid.Bool().Draw(t, "declared") {
				length = int64(size)
			}
			panics := rapid.Bool().Draw(t, "panics")
			all.Go(func() {
				defer func() { _ = recover() }()
				r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/", body)
				r.ContentLength = length
				data, release, err := intake.Read(httptest.NewRecorder(), r, most)
				defer release()
				switch kind := pix.KindOf(err); {
				case err == nil && len(data) != size, err == nil && size > most,
					err != nil && kind != pix.Overloaded && kind != pix.TooLarge && kind != pix.Cancelled:
					wrong.Store(-1)
				}
				if err == nil {
					look(4 * size)
				}
				if panics {
					panic("a handler's")
				}
			})
		}
		all.Wait()
		if n := wrong.Load(); n != 0 {
			t.Fatalf("%d held of %d, or a wrong answer", n, limit)
		}
		if n := intake.Held(); n != 0 {
			t.Fatalf("%d still held", n)
		}
	})
}

// stuck sends a first part and no more until the test ends.
func stuck(t *testing.T, first int64) io.Reader {
	t.Helper()
	r, w := io.Pipe()
	t.Cleanup(func() { _ = w.Close() })
	return io.MultiReader(io.LimitReader(zeros{}, first), r)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestIntakeOfSlowSenders: a body that was announced and does not come holds nothing but a request's share, and bodies as
// large as may be leave room for payments.
func TestIntakeOfSlowSenders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		senders  int
		sent     int64
		refused  bool // some of them
		least    int64
		heldMost int64
	}{
		"announced": {200, 0, false, 200 << 16, 200 << 17},
		"begun":     {200, 3 << 10, false, 200 << 16, 200 << 17},
		"large":     {200, push.MaxBodyBytes / 2, true, 4 * push.MaxBodyBytes / 2, push.DefaultIntakeBytes * 3 / 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			intake := push.NewIntake(push.DefaultIntakeBytes)
			var refused atomic.Int64
			var begun sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range c.senders {
				begun.Add(1)
				reached := sync.OnceFunc(begun.Done)
				body := io.MultiReader(stuck(t, c.sent), ended{ctx.Done()})
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", &signalled{Reader: body, after: c.sent, reached: reached})
				r.ContentLength = push.MaxBodyBytes
				go func() {
					_, release, err := intake.Read(httptest.NewRecorder(), r, push.MaxBodyBytes)
					defer release()
					if pix.KindOf(err) == pix.Overloaded {
						refused.Add(1)
						reached()
					}
				}()
			}
			begun.Wait()
			if n := intake.Held(); n > c.heldMost || n < c.least {
				t.Errorf("%d bytes held, want %d to %d", n, c.least, c.heldMost)
			}
			if got := refused.Load() > 0; got != c.refused {
				t.Errorf("%d of %d refused", refused.Load(), c.senders)
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("{}"))
			_, release, err := intake.Read(httptest.NewRecorder(), r, push.MaxBodyBytes)
			defer release()
			if err != nil {
				t.Errorf("a payment beside them: %v", err)
			}
		})
	}
}

// ended is a body that ends when it is told to.
type ended struct{ done <-chan struct{} }

func (e ended) Read([]byte) (int, error) { <-e.done; return 0, io.EOF }

// signalled tells when so many bytes were read and more are asked for.
type signalled struct {
	io.Reader

	after, read int64
	reached     func()
}

func (s *signalled) Read(p []byte) (int, error) {
	if s.read >= s.after {
		s.reached()
	}
	n, err := s.Reader.Read(p[:min(int64(len(p)), max(s.after-s.read, 1))])
	s.read += int64(n)
	return n, err
}

// TestOverloadedPush: what finds no room is refused with 429 and comes back; it is neither acknowledged nor dead-lettered.
// A connection that is cut, and a body that is not complete within the server's time, give back what they took.
func TestOverloadedPush(t *testing.T) {
	t.Parallel()
	f, intake := newFixture(t, ok), push.NewIntake(push.MinIntakeBytes)
	h, err := push.New(push.Function[string]{
		Name: "test", Decode: func(e event.Envelope, _ time.Time) (string, error) { return string(e.Data), nil },
		Encode: func(string) (event.Envelope, error) { return event.Envelope{}, nil }, Handle: ok,
	}, push.Deps{Gate: pushtest.OpenGate{}, DeadLetters: &f.letters, DeadLetterTopic: "dlq", Logger: discard(), Metrics: f.registry, Intake: intake, Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(h)
	server.Config.ReadTimeout = 2 * time.Second
	server.Start()
	defer server.Close()
	large := pushBody(strings.Repeat("x", 10_000_000), 0)
	hold, cut := context.WithCancel(t.Context())
	defer cut()
	sent := make(chan struct{})
	var sender sync.WaitGroup
	sender.Go(func() {
		body := io.MultiReader(strings.NewReader(large[:len(large)-1]), told{sent}, ended{hold.Done()})
		r, err := http.NewRequestWithContext(hold, http.MethodPost, server.URL, body)
		if err != nil {
			t.Error(err)
			return
		}
		r.ContentLength = int64(len(large))
		if response, err := server.Client().Do(r); err == nil {
			_ = response.Body.Close()
		}
	})
	<-sent
	await(t, "the large body is held", func() bool { return intake.Held() > 40_000_000 })
	status, after := postTo(t, server, large)
	if status != http.StatusTooManyRequests || after == "" || len(f.letters.list) != 0 {
		t.Errorf("a second large body: %d, Retry-After %q, %d dead letters", status, after, len(f.letters.list))
	}
	if n := f.count(t, "overloaded"); n != 1 {
		t.Errorf("counted %v, want 1", n)
	}
	if status, _ := postTo(t, server, pushBody("x", 0)); status != http.StatusNoContent {
		t.Errorf("a payment beside it: %d", status)
	}
	await(t, "the server's time is over", func() bool { return intake.Held() == 0 })
	if status, _ := postTo(t, server, large); status != http.StatusNoContent {
		t.Errorf("when it comes back: %d", status)
	}
	cut()
	sender.Wait()
	await(t, "everything is given back", func() bool { return intake.Held() == 0 })
}

// told closes a channel when everything before it was taken.
type told struct{ sent chan struct{} }

func (s told) Read([]byte) (int, error) { close(s.sent); return 0, io.EOF }

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func postTo(t *testing.T, server *httptest.Server, body string) (status int, retryAfter string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode, response.Header.Get("Retry-After")
}

// TestPanicsGiveBack: whatever the handler does, its request's share comes back.
func TestPanicsGiveBack(t *testing.T) {
	t.Parallel()
	intake := push.NewIntake(push.DefaultIntakeBytes)
	h, err := push.New(push.Function[string]{
		Name: "test", Decode: func(event.Envelope, time.Time) (string, error) { panic("decode") },
		Encode: func(string) (event.Envelope, error) { panic("encode") }, Handle: ok,
	}, push.Deps{Gate: pushtest.OpenGate{}, DeadLetters: panicking{}, DeadLetterTopic: "dlq", Logger: discard(), Intake: intake, Clock: now, MaxPanics: 1})
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(pushBody("x", 0))))
		t.Error("the dead letters did not panic")
	}()
	if n := intake.Held(); n != 0 {
		t.Errorf("%d bytes still held", n)
	}
}

// TestDecodingIsBounded: what reading an envelope allocates in all is within what its body counts for, whatever it holds.
func TestDecodingIsBounded(t *testing.T) { //nolint:paralleltest // counts what the process allocates
	const size = 13_000_000
	many := func(format string) string {
		var b bytes.Buffer
		for n := 0; b.Len() < size; n++ {
			fmt.Fprintf(&b, format, n)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	plain := base64.StdEncoding.EncodeToString(make([]byte, size*3/4))
	for name, c := range map[string]struct {
		body    string
		fine    bool
		garbage bool // each part takes the place of the one before
		header  http.Header
	}{
		"the largest payload":       {`{"message":{"messageId":"1","data":"` + plain + `"}}`, true, false, nil},
		"every slash escaped":       {`{"message":{"messageId":"1","data":"` + strings.Repeat(`\/`, size/2/4*4) + `"}}`, true, false, nil},
		"not UTF-8":                 {`{"message":{"data":"` + strings.Repeat("\x80", size) + `"}}`, false, false, nil},
		"a name that is not UTF-8":  {`{"` + strings.Repeat("\x80", size) + `":1}`, false, false, nil},
		"a million attributes":      {`{"message":{"attributes":{` + many(`"%d":"",`) + `}}}`, false, false, nil},
		"an attribute of 13 MB":     {`{"message":{"attributes":{"a":"` + strings.Repeat("a", size) + `"}}}`, false, false, nil},
		"an id of 13 MB":            {`{"message":{"messageId":"` + strings.Repeat("1", size) + `"}}`, false, false, nil},
		"a number for an id":        {`{"message":{"messageId":` + strings.Repeat("1", size) + `}}`, false, false, nil},
		"a million unknown fields":  {`{"message":{"messageId":"1"},` + many(`"%d":1,`) + `}`, true, false, nil},
		"nested without end":        {strings.Repeat(`{"a":`, size/5), false, false, nil},
		"nested in the attributes":  {`{"message":{"attributes":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}}`, false, false, nil},
		"half a million messages":   {`{` + many(`"message":{"messageId":"1","attributes":{"%d":""}},`) + `}`, true, true, nil},
		"payload after payload":     {`{"message":{"messageId":"1",` + many(`"data":"AAAAAAAAAAAAAAAA%08d",`) + `}}`, true, true, nil},
		"an array of ten million 1": {`{"message":[` + strings.Repeat("1,", size/2) + `1]}`, false, false, nil},
		"a CloudEvent":              {`{"type":"` + messagePublished + `","data":{"message":{"messageId":"1","data":"` + plain[:size-100] + `"}}}`, true, false, of(structured)},
		"one in base64": {`{"type":"` + messagePublished + `","data_base64":"` + base64.StdEncoding.EncodeToString([]byte(
			`{"message":{"messageId":"1","data":"`+plain[:size*3/4/4*4]+`"}}`)) + `"}`, true, false, of(structured)},
		"a batch of one":          {`[{"type":"` + messagePublished + `","data":{"message":{"messageId":"1","data":"` + plain[:size-100] + `"}}}]`, true, false, of(batched)},
		"a batch of millions":     {`[` + many(`{"id":"%d"},`) + `]`, false, false, of(batched)},
		"unwrapped":               {plain, true, false, http.Header{"X-Goog-Pubsub-Message-Id": {"1"}}},
		"a batch, deep and empty": {strings.Repeat(`[`, size/2) + strings.Repeat(`]`, size/2), false, false, of(batched)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		found, err := push.Decode(c.header, []byte(c.body)) // the conversion stands for the body
		runtime.ReadMemStats(&after)
		if fine := err == nil && found[0].Unreadable == nil; fine != c.fine {
			t.Errorf("%s: %v, %v", name, found, err)
		}
		grown := after.TotalAlloc - before.TotalAlloc
		t.Logf("%s: %.2f of the body", name, float64(grown)/float64(len(c.body)))
		if grown > uint64(4*len(c.body)+256<<10) && !c.garbage {
			t.Errorf("%s: %d bytes for a body of %d", name, grown, len(c.body))
		}
	}
}

// panicking is a dead-letter topic that fails as badly as can be.
type panicking struct{ push.DeadLetterer }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
