package push_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/event"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// delivery is a request of so many small messages.
type delivery struct {
	name, media, body string
	messages          int
}

// deliveries are what a push subscription posts and a batch of CloudEvents, each with messages of the size of a payment.
func deliveries() []delivery {
	one := pushBodyOf("2070443601311540", strings.Repeat("p", 460), time.Now())
	event := fmt.Sprintf(`{"specversion":"1.0","id":"1","source":"//pubsub.googleapis.com/projects/p/topics/t","type":%q,"datacontenttype":"application/json","time":"2026-11-23T14:05:00Z","data":%s}`,
		"google.cloud.pubsub.topic.v1.messagePublished", one)
	return []delivery{
		{"one", "application/json", one, 1},
		{"batch_of_100", "application/cloudevents-batch+json", "[" + strings.Repeat(event+",", 99) + event + "]", 100},
	}
}

// BenchmarkPush is what an endpoint pays for a message whose handling costs nothing.
func BenchmarkPush(b *testing.B) {
	h, err := push.New(push.Function[int]{
		Name:   "bench",
		Decode: func(e event.Envelope, _ time.Time) (int, error) { return len(e.Data), nil },
		Encode: func(int) (event.Envelope, error) { return event.Envelope{}, errors.New("not asked") },
		Handle: func(context.Context, int) error { return nil },
	}, push.Deps{
		Gate: pushtest.OpenGate{}, DeadLetters: &letters{}, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler),
		Metrics: prometheus.NewRegistry(), Timeout: time.Minute,
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range deliveries() {
		b.Run(d.name, func(b *testing.B) { d.run(b, h, http.StatusNoContent) })
	}
}

// BenchmarkBarePush is what the endpoint is compared with: read the body, unpack it with encoding/json, answer.
func BenchmarkBarePush(b *testing.B) {
	type message struct {
		Message struct {
			Data        []byte            `json:"data"`
			Attributes  map[string]string `json:"attributes"`
			MessageID   string            `json:"messageId"`
			PublishTime time.Time         `json:"publishTime"`
		} `json:"message"`
	}
	unpack := func(r *http.Request) error {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		if data[0] == '{' {
			return json.Unmarshal(data, &message{})
		}
		return json.Unmarshal(data, &[]struct {
			Type string  `json:"type"`
			Data message `json:"data"`
		}{})
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if unpack(r) != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	for _, d := range deliveries() {
		b.Run(d.name, func(b *testing.B) { d.run(b, h, http.StatusOK) })
	}
}

// run posts the delivery until b.N messages are handled.
func (d delivery) run(b *testing.B, h http.Handler, want int) {
	b.Helper()
	b.ReportAllocs()
	for n := 0; n < b.N; n += d.messages {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/push", strings.NewReader(d.body))
		r.Header.Set("Content-Type", d.media)
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != want {
			b.Fatalf("answered %d: %s", w.Code, w.Body)
		}
	}
}
