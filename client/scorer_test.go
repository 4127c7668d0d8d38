package client_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sentinela-pix/sentinela/client"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

func TestMain(m *testing.M) {
	// The Pub/Sub client links a metrics library that starts one worker per process and never stops it.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// exampleID is the id of the documented example.
const exampleID = "E12345678202611231430aB3dE5fG7hI"

// clock is soon after the example.
func clock() time.Time { return time.Date(2026, 11, 23, 14, 30, 20, 0, time.UTC) }

// payment is the documented example under another id.
func payment(t *testing.T, id string) []byte {
	t.Helper()
	data, err := os.ReadFile("../shared/event/testdata/transaction.json")
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.ReplaceAll(string(data), exampleID, id))
}

// wary is a model that finds fraud, and whatever else nobody looks at.
type wary struct{}

func (wary) Version() string                                      { return "wary" }
func (wary) Score([]float64) (raw, p float64, err error)          { return 9, 0.9999, nil }
func (wary) Explain([]float64, int) ([]pix.Contribution, error)   { return nil, nil }
func (wary) Model(pix.Role) (engine.Model, error)                 { return wary{}, nil }
func (wary) PublishDecision(context.Context, *pix.Decision) error { return nil }
func (wary) DeadLetter(context.Context, string, bus.Letter) error {
	return errors.New("nothing is pushed")
}

// store is the memory's, which may be away.
type store struct {
	engine.Store
	away atomic.Bool
}

func (s *store) err() error {
	if s.away.Load() {
		return pix.E(pix.Unavailable, "store", errors.New("away"))
	}
	return nil
}

func (s *store) Record(ctx context.Context, tx *pix.Transaction) error {
	return errors.Join(s.err(), s.Store.Record(ctx, tx))
}

func (s *store) Commit(ctx context.Context, d *pix.Decision) (*pix.Decision, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Commit(ctx, d)
}

// scorer is the real service on the real engine, with the store in memory.
type scorer struct {
	url   string
	store *store

	connections atomic.Int64 // opened

	mu       sync.Mutex
	requests []http.Header
}

func startScorer(t *testing.T) *scorer {
	t.Helper()
	s := &scorer{store: &store{Store: memory.New(clock)}}
	features, err := feature.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	policies, err := policy.NewSet(policy.Shipped(), features.Names())
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Deps{Store: s.store, Models: wary{}, Policies: policies, Features: features, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	outbox, err := engine.NewOutbox(engine.OutboxDeps{Store: s.store, Publisher: wary{}})
	if err != nil {
		t.Fatal(err)
	}
	marker, err := engine.NewMarker(s.store)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: keytest.Key("k")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := score.Deps{Engine: e, Outbox: outbox, Marker: marker, Tokenizer: tokens, Clock: clock, Callers: pushtest.OpenGate{}}
	d.Push.Gate, d.Push.DeadLetters, d.Push.DeadLetterTopic = pushtest.OpenGate{}, wary{}, "dlq"
	d.Push.Logger = slog.New(slog.DiscardHandler)
	service, err := score.New(d)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Header.Clone())
		s.mu.Unlock()
		service.ServeHTTP(w, r)
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.connections.Add(1)
		}
	}
	server.Start()
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		if err := service.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// asked are the headers of all requests so far.
func (s *scorer) asked() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// patient is a client that a busy test machine does not hurry.
func patient(t *testing.T, url string, change ...func(*client.Config)) *client.Client {
	t.Helper()
	config := client.Config{URL: url, Deadline: time.Minute, Network: 20 * time.Second}
	for _, f := range change {
		f(&config)
	}
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}
