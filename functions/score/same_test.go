package score

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// entrance is one way in, with everything behind it, in a world of its own whose clock stands at the payment.
type entrance struct {
	service *Service
	now     time.Time

	mu   sync.Mutex
	sent map[pix.EndToEndID][]byte // decisions as they were published
}

// Send keeps what is published.
func (e *entrance) Send(_ context.Context, d *pix.Decision) error {
	out, err := event.EncodeDecision(d)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent[d.ID()] = out.Data
	return err
}

// DeadLetter and Status are never asked for in this test.
func (e *entrance) DeadLetter(context.Context, string, bus.Letter) error { return nil }
func (e *entrance) Status(context.Context, *pix.Status) error            { return nil }

func newEntrance(t *testing.T, f *forger) *entrance {
	t.Helper()
	in := &entrance{sent: map[pix.EndToEndID][]byte{}}
	clock := func() time.Time { return in.now }
	decider, err := engine.New(engine.Deps{Store: memory.New(clock), Models: f.champions, Policies: f.policies, Features: f.features, Clock: clock, ExplainShare: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: keytest.Key("k")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := Deps{Engine: decider, Outbox: in, Marker: in, Tokenizer: tokenizer, Clock: clock, Callers: pushtest.OpenGate{}}
	d.Push.Gate, d.Push.DeadLetters, d.Push.DeadLetterTopic, d.Push.Logger = pushtest.OpenGate{}, in, "dlq", slog.New(slog.DiscardHandler)
	if in.service, err = New(d); err != nil {
		t.Fatal(err)
	}
	return in
}

// take sends one payment in and waits until its decision is published.
func (e *entrance) take(t *testing.T, path, media string, body []byte, now time.Time) {
	t.Helper()
	e.now = now
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", media)
	r.Header.Set("Traceparent", parent)
	w := httptest.NewRecorder()
	e.service.ServeHTTP(w, r)
	if w.Code != http.StatusOK && w.Code != http.StatusNoContent {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// inMessage is what a push subscription of the transactions topic posts.
func inMessage(n int, payment []byte, now time.Time) []byte {
	return fmt.Appendf(nil, `{"message":{"data":%q,"messageId":"%d","publishTime":%q,"attributes":{"traceparent":%q}}}`,
		base64.StdEncoding.EncodeToString(payment), n, now.Format(time.RFC3339Nano), parent)
}

// TestEveryDoorDecidesAlike: the same payments, pushed to the function and asked of the scorer in JSON and in proto, each from
// a clean store, are published as the same decisions, byte for byte: nothing is declared to differ but what clocks and traces
// say, and these are the same here.
func TestEveryDoorDecidesAlike(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	push, root, text, packed := newEntrance(t, f), newEntrance(t, f), newEntrance(t, f), newEntrance(t, f)
	w := world.New(world.Params{Seed: 7, Accounts: 400, Days: 3, FraudBoost: 500})
	const payments = 200
	for n := range payments {
		e, ok := w.Next()
		if !ok {
			t.Fatalf("the world ends after %d payments", n)
		}
		s := e.Submission
		if n%5 == 0 { // what rules and models stop
			s.Amount = []pix.Money{77777, 9_000_000}[n/5%2]
			s.Device.RemoteAccess, s.Direction = pix.Some(true), pix.Internal
		}
		body, err := event.EncodeSubmissionJSON(&s)
		if err != nil {
			t.Fatal(err)
		}
		var m pixv1.Transaction
		if err := protojson.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		wire, err := proto.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		now := s.EventTime.Add(time.Second)
		push.take(t, "/push", mediaJSON, inMessage(n, body, now), now)
		root.take(t, "/", mediaJSON, inMessage(n, body, now), now)
		text.take(t, decisionsPath, mediaJSON, body, now)
		packed.take(t, decisionsPath, mediaProto, wire, now)
	}
	for _, in := range []*entrance{push, root, text, packed} {
		if err := in.service.Close(t.Context()); err != nil { // HTTP's decisions are published behind the answer
			t.Fatal(err)
		}
	}
	outcomes := map[pixv1.Outcome]int{}
	for id, data := range push.sent {
		outcomes[decided(t, data).Outcome]++
		for name, other := range map[string]*entrance{"the function's root": root, "JSON": text, "proto": packed} {
			if !bytes.Equal(data, other.sent[id]) {
				t.Fatalf("payment %s over %s:\n%s", id, name, cmp.Diff(decided(t, data), decided(t, other.sent[id]), protocmp.Transform()))
			}
		}
	}
	t.Logf("%v", outcomes)
	if len(push.sent) != payments || len(outcomes) < 3 || outcomes[pixv1.Outcome_OUTCOME_APPROVE] == 0 {
		t.Errorf("%d decisions, %v: the test shows too little", len(push.sent), outcomes)
	}
}

func decided(t *testing.T, data []byte) *pixv1.Decision {
	t.Helper()
	m := &pixv1.Decision{}
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatal(err)
	}
	return m
}
