package push_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

const (
	topic        = "projects/p/topics/t"
	subscription = "projects/p/subscriptions/s"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a Pub/Sub with one topic and one subscription.
type fixture struct {
	conn   *grpc.ClientConn
	server *pstest.Server
}

func newFixture(tb testing.TB) *fixture {
	tb.Helper()
	return newFixtureWithLease(tb, 10)
}

func newFixtureWithLease(tb testing.TB, seconds int32) *fixture {
	tb.Helper()
	server := pstest.NewServerWithAddress("127.0.0.1:0")
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		conn.Close()
		server.Close()
		server.Wait()
	})
	if _, err := server.GServer.CreateTopic(tb.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		tb.Fatal(err)
	}
	_, err = server.GServer.CreateSubscription(tb.Context(), &pubsubpb.Subscription{
		Name: subscription, Topic: topic, AckDeadlineSeconds: seconds,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &fixture{conn: conn, server: server}
}

func (f *fixture) start(tb testing.TB, url string, policy push.Policy) *push.Dispatcher {
	tb.Helper()
	d, err := push.Start(tb.Context(), push.Config{Conn: f.conn, Subscription: subscription, URL: url, Policy: policy})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := d.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func (f *fixture) acks(id string) int { return f.server.Message(id).Acks }

// received is one push request as the endpoint saw it.
type received struct {
	ID, Data     string
	Attributes   map[string]string
	Subscription string
	Attempt      int
	published    time.Time
	at           time.Time
	header       http.Header
}

// endpoint records requests and answers what answer says.
type endpoint struct {
	*httptest.Server
	mu       sync.Mutex
	requests []received
}

func newEndpoint(tb testing.TB, answer func(r received) int) *endpoint {
	tb.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Message struct {
				Attributes  map[string]string
				Data        []byte
				MessageID   string
				PublishTime time.Time
			}
			Subscription    string
			DeliveryAttempt int // must never come
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(raw, &body) != nil {
			tb.Errorf("bad push body %q: %v", raw, err)
		}
		got := received{
			ID: body.Message.MessageID, Data: string(body.Message.Data), Attributes: body.Message.Attributes,
			Subscription: body.Subscription, Attempt: body.DeliveryAttempt, published: body.Message.PublishTime, at: time.Now(), header: r.Header,
		}
		e.mu.Lock()
		e.requests = append(e.requests, got)
		e.mu.Unlock()
		w.WriteHeader(answer(got))
	}))
	tb.Cleanup(e.Close)
	return e
}

func (e *endpoint) seen() []received {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.requests)
}

func always(status int) func(received) int { return func(received) int { return status } }

func eventually(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			tb.Fatalf("never happened: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
