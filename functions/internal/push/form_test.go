package push_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

const (
	messagePublished = "google.cloud.pubsub.topic.v1.messagePublished"
	structured       = "application/cloudevents+json"
	batched          = "application/cloudevents-batch+json"
)

func of(media string) http.Header { return http.Header{"Content-Type": {media}} }

// documented returns a request of testdata, in a form that Google or CloudEvents documents:
// https://cloud.google.com/pubsub/docs/push, …/payload-unwrapping, https://cloud.google.com/eventarc/docs/cloudevents,
// https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md.
func documented(tb testing.TB, file string) (http.Header, []byte) {
	tb.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	in := bufio.NewReader(bytes.NewReader(data))
	header, err := textproto.NewReader(in).ReadMIMEHeader()
	if err != nil {
		tb.Fatal(err)
	}
	body, err := io.ReadAll(in)
	if err != nil {
		tb.Fatal(err)
	}
	return http.Header(header), body
}

func forms(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 6 {
		tb.Fatalf("%v: %v", files, err)
	}
	return files
}

// TestDocumentedForms: each gives the same message, with its schema, its id and its publish time.
func TestDocumentedForms(t *testing.T) {
	t.Parallel()
	for _, file := range forms(t) {
		header, body := documented(t, file)
		found, err := push.Decode(header, body)
		if err != nil || len(found) == 0 || found[0].Unreadable != nil {
			t.Errorf("%s: %+v, %v", file, found, err)
			continue
		}
		got := found[0].Message
		delete(got.Attributes, "key") // not ours; a header of this name is not taken
		want := push.Message{
			Envelope: event.Envelope{Data: []byte("hello"), Attributes: map[string]string{"schema": "pix.v1.Status"}},
			ID:       "2070443601311540", Published: time.Date(2126, 11, 30, 10, 0, 0, 749_000_000, time.UTC),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
		var handled []string
		f := newFixture(t, func(_ context.Context, s string) error { handled = append(handled, s); return nil })
		if status := f.request(t, header, body).Code; status != http.StatusNoContent || len(handled) != len(found) {
			t.Errorf("%s: status %d, handled %q", file, status, handled)
		}
	}
}

// request posts with headers of several values, and looks into the log.
func (f *fixture) request(t *testing.T, header http.Header, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	if strings.Contains(f.log.String()+w.Body.String(), secret) {
		t.Errorf("the log or the answer holds the payload: %s %s", f.log.String(), w.Body)
	}
	return w
}

func TestTracesAndAgesAreRead(t *testing.T) {
	t.Parallel()
	event := fmt.Sprintf(`{"type":%q,"data":%s}`, messagePublished, pushBody("hello", 2*time.Second))
	for name, c := range map[string]struct {
		header map[string]string
		body   string
	}{
		"wrapped": {nil, pushBody("hello", 2*time.Second)},
		"event":   {map[string]string{"Content-Type": structured}, event},
		"batch":   {map[string]string{"Content-Type": batched}, "[" + event + "]"},
		"unwrapped": {map[string]string{
			"X-Goog-Pubsub-Message-Id": "42", "X-Goog-Pubsub-Publish-Time": now().Add(-2 * time.Second).Format(time.RFC3339Nano),
			"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "End_to_end_id": payment,
		}, "hello"},
	} {
		var got, trace string
		f := newFixture(t, func(ctx context.Context, s string) error { got, trace = s, obs.TraceID(ctx); return nil })
		if status := f.post(t, c.header, c.body); status != http.StatusNoContent || got != "hello" {
			t.Errorf("%s: status %d, message %q", name, status, got)
		}
		if trace != "0af7651916cd43dd8448eb211c80319c" {
			t.Errorf("%s: trace %q was not continued", name, trace)
		}
		for _, part := range []string{payment, `"age_ms":2`, `"message_id":"42"`} {
			if !strings.Contains(f.log.String(), part) {
				t.Errorf("%s: log line %s", name, f.log.String())
			}
		}
	}
}

// gzipped is a push as a sender compresses it.
func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

// unreadables are requests of wrong configurations, with the reason that each is counted under.
func unreadables() map[string]struct {
	header http.Header
	body   string
	status int
	reason string
} {
	event := func(s string) string { return fmt.Sprintf(`{"type":%q,%s}`, messagePublished, s) }
	return map[string]struct {
		header http.Header
		body   string
		status int
		reason string
	}{
		"empty":                     {nil, "", 400, "no_json"},
		"no JSON":                   {nil, secret + "x", 400, "no_json"},
		"a number":                  {nil, secret, 400, "malformed"},
		"trailing bytes":            {nil, pushBody("x", 0) + "x", 400, "no_json"},
		"a payload that is no text": {nil, "\x0a\x20E" + "\xff", 400, "no_json"},
		"an unwrapped payment":      {nil, `{"endToEndId":"` + payment + `","payer":{"document":"` + secret + `"}}`, 400, "no_message"},
		"unwrapped, another type":   {of("application/octet-stream"), secret, 415, "media_type"},
		"unwrapped, as proto":       {of("application/x-protobuf"), secret, 415, "media_type"},
		"a form":                    {of("application/x-www-form-urlencoded"), "message=" + secret, 415, "media_type"},
		"another charset":           {of("application/json; charset=utf-16"), pushBody("x", 0), 415, "media_type"},
		"two types":                 {http.Header{"Content-Type": {"application/json", "text/plain"}}, pushBody("x", 0), 415, "media_type"},
		"gzip":                      {http.Header{"Content-Encoding": {"gzip"}}, gzipped(pushBody("x", 0)), 415, "content_encoding"},
		"a bomb":                    {http.Header{"Content-Encoding": {"gzip"}}, gzipped(strings.Repeat(" ", 64<<20)), 415, "content_encoding"},
		"gzip, not declared":        {nil, gzipped(pushBody("x", 0)), 400, "no_json"},
		"no message":                {nil, `{"subscription":"s"}`, 400, "no_message"},
		"an array":                  {nil, `[` + pushBody("x", 0) + `]`, 400, "malformed"},
		"a message that is a text":  {nil, `{"message":"` + secret + `"}`, 400, "malformed"},
		"no id":                     {nil, `{"message":{"data":"aGVsbG8="}}`, 400, "malformed"},
		"an empty message":          {nil, `{"message":{}}`, 400, "malformed"},
		"data as a number":          {nil, `{"message":{"messageId":"1","data":7}}`, 400, "malformed"},
		"data as an object":         {nil, `{"message":{"messageId":"1","data":{"cpf":"` + secret + `"}}}`, 400, "malformed"},
		"data as an array":          {nil, `{"message":{"messageId":"1","data":["` + secret + `"]}}`, 400, "malformed"},
		"data as text":              {nil, `{"message":{"messageId":"1","data":"` + secret + `"}}`, 400, "malformed"},
		"loose base64":              {nil, `{"message":{"messageId":"1","data":"aGVsbG9="}}`, 400, "malformed"},
		"line breaks":               {nil, `{"message":{"messageId":"1","data":"aGVs\nbG8="}}`, 400, "malformed"},
		"attributes as an array":    {nil, `{"message":{"messageId":"1","attributes":["` + secret + `"]}}`, 400, "malformed"},
		"attributes that nest":      {nil, `{"message":{"messageId":"1","attributes":{"a":{"b":"` + secret + `"}}}}`, 400, "malformed"},
		"an id that is a number":    {nil, `{"message":{"messageId":` + secret + `}}`, 400, "malformed"},
		"another event":             {http.Header{"Ce-Type": {"google.cloud.storage.object.v1.finalized"}}, pushBody("x", 0), 400, "other_event"},
		"structured, no type":       {of(structured), `{"data":{}}`, 400, "other_event"},
		"structured, another":       {of(structured), `{"type":"a.b","data":"` + secret + `"}`, 400, "other_event"},
		"structured, no data":       {of(structured), event(`"id":"1"`), 400, "no_message"},
		"structured, no message":    {of(structured), event(`"data":{"cpf":"` + secret + `"}`), 400, "no_message"},
		"structured, data as text":  {of(structured), event(`"data":"` + secret + `"`), 400, "malformed"},
		"structured, a batch":       {of(structured), `[` + event(`"data":`+pushBody("x", 0)) + `]`, 400, "malformed"},
		"base64, no JSON":           {of(structured), event(`"data_base64":"` + base64.StdEncoding.EncodeToString([]byte(secret+"x")) + `"`), 400, "no_json"},
		"base64, none":              {of(structured), event(`"data_base64":"` + secret + `"`), 400, "malformed"},
		"a batch that is one event": {of(batched), event(`"data":` + pushBody("x", 0)), 400, "malformed"},
		"an empty batch":            {of(batched), `[]`, 400, "batch_size"},
		"no batch":                  {of(batched), `null`, 400, "batch_size"},
		"a batch of many":           {of(batched), `[` + strings.Repeat("{},", 100) + `{}]`, 400, "batch_size"},
		"a batch of nothing":        {of(batched), `[null]`, 400, "other_event"},
		"too large":                 {nil, `{"message":{"data":"` + strings.Repeat("A", push.MaxBodyBytes) + `"}}`, 413, "too_large"},
	}
}

// TestUnreadablePushes: what is no push comes again, with a remedy, a line in the log and a count for an alarm; nothing
// is handled, acknowledged or dead-lettered.
func TestUnreadablePushes(t *testing.T) {
	t.Parallel()
	for name, c := range unreadables() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, func(context.Context, string) error { t.Error("it was handled"); return nil })
			if c.header == nil {
				c.header = http.Header{}
			}
			w := f.request(t, c.header, []byte(c.body))
			var p struct{ Kind, Detail string }
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || p.Kind != c.reason || p.Detail == "" || len(f.letters.list) != 0 {
				t.Errorf("status %d, %+v, %d dead letters; want %d %s", w.Code, p, len(f.letters.list), c.status, c.reason)
			}
			if n := f.total(t, "pix_push_unreadable_total", "test", c.reason); n != 1 || f.count(t, "unreadable") != 1 {
				t.Errorf("counted %v and %v", n, f.count(t, "unreadable"))
			}
			if !strings.Contains(f.log.String(), `"reason":"`+c.reason+`"`) {
				t.Errorf("the log does not say %s: %s", c.reason, f.log.String())
			}
		})
	}
}

// TestUnwrappedWithoutMetadata says the one thing that is to be mended.
func TestUnwrappedWithoutMetadata(t *testing.T) {
	t.Parallel()
	const sentence = "without it a status cannot be told from a payment"
	for name, c := range map[string]struct {
		header http.Header
		body   string
	}{
		"JSON":  {of("application/json"), `{"endToEndId":"` + payment + `"}`},
		"proto": {http.Header{}, "\x0a\x20" + payment + "\xff"},
		"typed": {of("application/octet-stream"), payment},
	} {
		f := newFixture(t, ok)
		w := f.request(t, c.header, []byte(c.body))
		if w.Code/100 != 4 || !strings.Contains(w.Body.String(), sentence) || !strings.Contains(f.log.String(), sentence) {
			t.Errorf("%s: status %d: %s; log %s", name, w.Code, w.Body, f.log.String())
		}
	}
}

// TestBatches: a batch is acknowledged if each of its messages may be. One that fails or cannot be read keeps none of the
// others from being handled.
func TestBatches(t *testing.T) {
	t.Parallel()
	element := func(id, data string) string {
		return fmt.Sprintf(`{"type":%q,"data":%s}`, messagePublished, pushBodyOf(id, data, now()))
	}
	for name, c := range map[string]struct {
		elements []string
		status   int
		handled  []string
		letters  int
	}{
		"all fine":             {[]string{element("1", "a"), element("2", "b")}, 204, []string{"a", "b"}, 0},
		"one comes again":      {[]string{element("1", "away"), element("2", "b")}, 503, []string{"away", "b"}, 0},
		"one is dead":          {[]string{element("1", "bad"), element("2", "b")}, 204, []string{"b"}, 1},
		"dead and again":       {[]string{element("1", "bad"), element("2", "away"), element("3", "c")}, 503, []string{"away", "c"}, 1},
		"one cannot be read":   {[]string{element("1", "a"), `{"type":"other"}`, element("3", "c")}, 400, []string{"a", "c"}, 0},
		"one is no event":      {[]string{`7`, element("3", "c")}, 400, []string{"c"}, 0},
		"one panics":           {[]string{element("1", "panic"), element("3", "c")}, 500, []string{"panic", "c"}, 0},
		"as many as there may": {slices.Repeat([]string{element("1", "a")}, 100), 204, slices.Repeat([]string{"a"}, 100), 0},
	} {
		var handled []string
		f := newFixture(t, func(_ context.Context, s string) error {
			handled = append(handled, s)
			switch s {
			case "away":
				return pix.E(pix.Unavailable, "op", errors.New("away"))
			case "panic":
				panic(s)
			}
			return nil
		})
		w := f.request(t, of(batched), []byte("["+strings.Join(c.elements, ",")+"]"))
		if diff := cmp.Diff(c.handled, handled); w.Code != c.status || diff != "" || len(f.letters.list) != c.letters {
			t.Errorf("%s: status %d, %d dead letters (-want +got handled):\n%s", name, w.Code, len(f.letters.list), diff)
		}
	}
}

// TestABatchHasOneDeadline: its messages share the time until the acknowledgement deadline.
func TestABatchHasOneDeadline(t *testing.T) {
	t.Parallel()
	var deadlines []time.Time
	f := newFixture(t, func(ctx context.Context, _ string) error {
		d, _ := ctx.Deadline()
		deadlines = append(deadlines, d)
		return nil
	})
	header, body := documented(t, "testdata/cloudevents_batch.txt")
	if f.request(t, header, body); len(deadlines) != 2 || deadlines[0].IsZero() || !deadlines[0].Equal(deadlines[1]) {
		t.Errorf("deadlines %v", deadlines)
	}
}

// TestNothingRawInAttributes puts a canary in every place of a push that holds a text, and looks into the log, the answer
// and what a dead letter is made from.
func TestNothingRawInAttributes(t *testing.T) {
	t.Parallel()
	places := []string{"schema", "encoding", "end_to_end_id", "traceparent", "tracestate", "outcome", "cpf", "dlq_message_id", "dlq_detail"}
	attributes := map[string]string{}
	header := http.Header{"X-Goog-Pubsub-Message-Id": {secret}, "X-Goog-Pubsub-Publish-Time": {secret}}
	for _, name := range places {
		attributes[name] = secret
		header.Set(name, secret)
	}
	text, err := json.Marshal(map[string]any{"message": map[string]any{
		"data": "YmFk", "attributes": attributes, "messageId": secret, "publishTime": secret, "orderingKey": secret,
	}, "subscription": secret})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		header http.Header
		body   string
	}{"wrapped": {http.Header{}, string(text)}, "unwrapped": {header, "bad"}} {
		f, server := newFixture(t, ok), pstest.NewServer()
		defer server.Close()
		pubsub := openBus(t, server)
		spans := tracetest.NewSpanRecorder()
		tracing := obs.RecordTracing(obs.Service{Name: "test"}, spans)
		h, err := push.New(push.Function[string]{
			Name: "test", Encode: func(string) (event.Envelope, error) { return event.Envelope{}, nil }, Handle: ok,
			Decode: func(event.Envelope, time.Time) (string, error) {
				return "", pix.E(pix.Invalid, "decode", errors.New("amount: required"))
			},
		}, push.Deps{Gate: pushtest.OpenGate{}, DeadLetters: pubsub, DeadLetterTopic: "dlq", Logger: slog.New(slog.NewJSONHandler(&f.log, nil)), Clock: now, Tracer: tracing.Tracer("test")})
		if err != nil {
			t.Fatal(err)
		}
		f.handler = h
		if w := f.request(t, c.header, []byte(c.body)); w.Code != http.StatusNoContent {
			t.Errorf("%s: status %d", name, w.Code)
		}
		letters := server.Messages()
		if len(letters) != 1 || len(spans.Ended()) != 1 {
			t.Fatalf("%s: %d letters, %d spans", name, len(letters), len(spans.Ended()))
		}
		span := spans.Ended()[0]
		seen := fmt.Sprintf("%q %q %v %v %v", letters[0].Data, letters[0].Attributes, span.Name(), span.Attributes(), span.SpanContext().TraceState())
		if strings.Contains(seen, secret) {
			t.Errorf("%s: the letter or the span holds a canary: %s", name, seen)
		}
	}
}

// openBus returns a bus with the topic dlq.
func openBus(t *testing.T, server *pstest.Server) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{ProjectID: "test"}, option.WithEndpoint(server.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	if err := b.EnsureTopic(t.Context(), "dlq"); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOnlyPost(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut} {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost {
			t.Errorf("%s: status %d, want 405", method, w.Code)
		}
	}
}

// TestOnlyItsPaths: a path that is not a push's is not found, and not sent elsewhere.
func TestOnlyItsPaths(t *testing.T) {
	t.Parallel()
	f := newFixture(t, ok)
	for path, want := range map[string]int{
		"/": 204, "/push": 204, "/push?token=x": 204, "/push/": 404, "//push": 404, "/v1/decisions": 404, "/Push": 404, "/push/../": 404, "//": 404,
	} {
		w := httptest.NewRecorder()
		f.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(pushBody("x", 0))))
		if w.Code != want {
			t.Errorf("%s: status %d, want %d", path, w.Code, want)
		}
	}
	if n := f.total(t, "pix_push_unreadable_total", "not_found"); n != 6 || len(f.letters.list) != 0 {
		t.Errorf("counted %v, %d dead letters", n, len(f.letters.list))
	}
	if log := f.log.String(); strings.Contains(log, `"level":"ERROR"`) || !strings.Contains(log, `"reason":"not_found"`) {
		t.Errorf("whoever reaches the port can fill the log: %s", log)
	}
}

// FuzzPush holds every form to one law: a request is acknowledged only when each of its messages was handled or has its
// dead letter, and whatever else it is, it is answered as a problem.
func FuzzPush(f *testing.F) {
	for _, file := range forms(f) {
		header, body := documented(f, file)
		f.Add(header.Get("Content-Type"), header.Get("Ce-Type"), header.Get("X-Goog-Pubsub-Message-Id"), "", body)
	}
	for _, c := range unreadables() {
		if len(c.body) < 1<<16 {
			f.Add(c.header.Get("Content-Type"), c.header.Get("Ce-Type"), "", c.header.Get("Content-Encoding"), []byte(c.body))
		}
	}
	f.Fuzz(func(t *testing.T, media, kind, id, coding string, body []byte) {
		handled := 0
		fix := newFixture(t, func(context.Context, string) error { handled++; return nil })
		header := http.Header{"Content-Type": {media}, "Ce-Type": {kind}, "X-Goog-Pubsub-Message-Id": {id}, "Content-Encoding": {coding}}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		fix.handler.ServeHTTP(w, r)
		samePush(t, media, body)
		found, err := push.Decode(header, body)
		outcomes := handled + len(fix.letters.list)
		switch {
		case w.Code == http.StatusNoContent && (err != nil || outcomes == 0 || outcomes != len(found)):
			t.Fatalf("acknowledged with %d outcomes of %d messages, %v", outcomes, len(found), err)
		case w.Code != http.StatusNoContent && w.Header().Get("Content-Type") != "application/problem+json":
			t.Fatalf("status %d without a problem", w.Code)
		}
		if whole := string(body); len(whole) > 24 && strings.Contains(w.Body.String(), whole) {
			t.Fatal("the answer quotes the body")
		}
	})
}
