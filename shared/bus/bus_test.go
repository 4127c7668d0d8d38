package bus_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The SDK's metrics library starts it in an init and never ends it.
		goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"),
	)
}

const topic = "pix-transactions-v1"

// gate is a Pub/Sub that can refuse: while code is not OK every publish gets it.
type gate struct {
	code    atomic.Uint32
	forgets atomic.Bool // acknowledges one message, however many come
	calls   atomic.Int64
}

func (g *gate) set(c codes.Code) { g.code.Store(uint32(c)) }

func (g *gate) React(req any) (bool, any, error) {
	g.calls.Add(1)
	if c := codes.Code(g.code.Load()); c != codes.OK {
		first := req.(*pubsubpb.PublishRequest).GetMessages()[0]
		return true, &pubsubpb.PublishResponse{}, status.Errorf(c, "refused message %q", first.GetData())
	}
	if g.forgets.Load() {
		return true, &pubsubpb.PublishResponse{MessageIds: []string{"1"}}, nil
	}
	return false, &pubsubpb.PublishResponse{}, nil
}

// open starts a Pub/Sub with a gate in front and a bus with one topic.
func open(t *testing.T, cfg bus.Config) (*bus.Bus, *pstest.Server, *gate) {
	t.Helper()
	g := &gate{}
	server := pstest.NewServer(pstest.ServerReactorOption{FuncName: "Publish", Reactor: g})
	t.Cleanup(func() { _ = server.Close() })
	cfg.ProjectID = "test"
	b, err := bus.Open(t.Context(), cfg, option.WithEndpoint(server.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.set(codes.OK)
		_ = b.Close(context.Background())
	})
	for range 2 {
		if err := b.EnsureTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		if err := b.EnsureSubscription(t.Context(), bus.Subscription{Name: "s", Topic: topic, AckDeadline: 20 * time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	return b, server, g
}

func data(s string) event.Envelope { return event.Envelope{Data: []byte(s)} }

func TestPublishReturnsAfterTheAcknowledgement(t *testing.T) {
	t.Parallel()
	b, server, _ := open(t, bus.Config{})
	e := event.Envelope{Data: []byte("x"), Attributes: map[string]string{event.AttrEncoding: "proto"}}
	if err := b.Publish(t.Context(), topic, e); err != nil {
		t.Fatal(err)
	}
	got := server.Messages()
	if len(got) != 1 || string(got[0].Data) != "x" || got[0].Attributes[event.AttrEncoding] != "proto" {
		t.Errorf("Pub/Sub holds %v", got)
	}
	if got[0].OrderingKey != "" {
		t.Error("published with an ordering key")
	}
}

func TestSizeLimits(t *testing.T) {
	t.Parallel()
	b, _, g := open(t, bus.Config{})
	many := map[string]string{}
	for i := range bus.MaxAttributes + 1 {
		many[fmt.Sprint(i)] = ""
	}
	most := maps.Clone(many)
	delete(most, "0")
	attr := func(k, v int) event.Envelope {
		return event.Envelope{Attributes: map[string]string{strings.Repeat("k", k): strings.Repeat("v", v)}}
	}
	const room = bus.MaxMessageBytes - 1024
	for name, tc := range map[string]struct {
		envelope event.Envelope
		fits     bool
		want     pix.Kind
	}{
		"just fits":              {event.Envelope{Data: make([]byte, room)}, true, 0},
		"data too large":         {event.Envelope{Data: make([]byte, bus.MaxMessageBytes)}, false, pix.TooLarge},
		"attributes push it out": {event.Envelope{Data: make([]byte, room), Attributes: attr(1, 1024).Attributes}, false, pix.TooLarge},
		"longest key":            {attr(256, 0), true, 0},
		"key too long":           {attr(257, 0), false, pix.TooLarge},
		"longest value":          {attr(1, 1024), true, 0},
		"value too long":         {attr(1, 1025), false, pix.TooLarge},
		"as many attributes":     {event.Envelope{Attributes: most}, true, 0},
		"too many attributes":    {event.Envelope{Attributes: many}, false, pix.TooLarge},
		"empty":                  {event.Envelope{}, false, pix.Invalid},
		"empty key":              {attr(0, 1), false, pix.Invalid},
		"key not UTF-8":          {event.Envelope{Attributes: map[string]string{"\xff": "a"}}, false, pix.Invalid},
		"not UTF-8":              {event.Envelope{Attributes: map[string]string{"a": "\xff"}}, false, pix.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := bus.Check(topic, tc.envelope)
			if tc.fits {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || pix.KindOf(err) != tc.want {
				t.Errorf("got %v of kind %v, want %v", err, pix.KindOf(err), tc.want)
			}
			if published := b.Publish(t.Context(), topic, tc.envelope); published == nil || published.Error() != err.Error() {
				t.Errorf("Publish returned %v", published)
			}
			if g.calls.Load() != 0 {
				t.Error("it reached Pub/Sub, where it fails its whole batch")
			}
		})
	}
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]pix.Kind{
		codes.InvalidArgument:    pix.Unexpected,
		codes.NotFound:           pix.Unavailable,
		codes.PermissionDenied:   pix.Unavailable,
		codes.Unauthenticated:    pix.Unavailable,
		codes.FailedPrecondition: pix.Unavailable,
		codes.Canceled:           pix.Cancelled,
		codes.Unavailable:        pix.Timeout, // tried again until PublishTimeout
		codes.ResourceExhausted:  pix.Timeout,
		codes.Unimplemented:      pix.Unexpected,
	} {
		t.Run(code.String(), func(t *testing.T) {
			t.Parallel()
			patience := time.Minute
			if want == pix.Timeout { // the end of patience is what is looked at
				patience = 200 * time.Millisecond
			}
			b, _, g := open(t, bus.Config{PublishTimeout: patience})
			g.set(code)
			err := b.Publish(t.Context(), topic, data("secret payload"))
			kind := pix.KindOf(err)
			if err == nil || kind != want && (want != pix.Timeout || kind != pix.Unavailable) {
				t.Errorf("got %v of kind %v, want %v", err, kind, want)
			}
			if kind.Disposition().Ack {
				t.Error("a refusal by the service must be retried, not dead-lettered")
			}
			if kind == pix.Unexpected && strings.Contains(err.Error(), "secret payload") {
				t.Errorf("the error quotes the payload: %v", err)
			}
		})
	}
}

// TestKinds: what no service tells, and what must come again rather than go.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want pix.Kind
	}{
		{fmt.Errorf("x: %w", context.Canceled), pix.Cancelled}, {pubsub.ErrPublisherStopped, pix.Cancelled},
		{status.Error(codes.Canceled, ""), pix.Cancelled}, {fmt.Errorf("x: %w", context.DeadlineExceeded), pix.Timeout},
		{status.Error(codes.DeadlineExceeded, ""), pix.Timeout}, {pubsub.ErrOversizedMessage, pix.TooLarge},
		{status.Error(codes.Aborted, ""), pix.Unavailable}, {status.Error(codes.Internal, ""), pix.Unexpected}, {errors.New("x"), pix.Unexpected},
	} {
		if got := bus.KindOf(c.err); got != c.want {
			t.Errorf("%v is %v, want %v", c.err, got, c.want)
		}
	}
}

// TestPublishersAreBounded: the SDK's own bounds are none at all, and its delay is ten times ours. What is set is kept.
func TestPublishersAreBounded(t *testing.T) {
	t.Parallel()
	set := bus.Config{MaxOutstandingBytes: 1 << 20, MaxOutstandingMessages: 7, Delay: 3 * time.Millisecond, PublishTimeout: 9 * time.Second}
	for _, c := range []struct{ given, want bus.Config }{
		{bus.Config{}, bus.Config{MaxOutstandingBytes: 64 << 20, MaxOutstandingMessages: 10_000, Delay: time.Millisecond, PublishTimeout: 10 * time.Second}},
		{set, set},
	} {
		b, _, _ := open(t, c.given)
		got, err := bus.Settings(b, topic)
		if err != nil {
			t.Fatal(err)
		}
		flow := got.FlowControlSettings
		if diff := cmp.Diff(c.want, bus.Config{
			MaxOutstandingBytes: flow.MaxOutstandingBytes, MaxOutstandingMessages: flow.MaxOutstandingMessages, Delay: got.DelayThreshold, PublishTimeout: got.Timeout,
		}); diff != "" || flow.LimitExceededBehavior != pubsub.FlowControlBlock || got.CountThreshold != pubsub.MaxPublishRequestCount {
			t.Errorf("%+v: %s", got, diff)
		}
	}
}

// TestWhatCannotBeMadeIsTold: nobody waits for messages of a topic or a subscription that is not there.
func TestWhatCannotBeMadeIsTold(t *testing.T) {
	t.Parallel()
	b, _, _ := open(t, bus.Config{})
	if err := b.EnsureSubscription(t.Context(), bus.Subscription{Name: "s2", Topic: "no-such-topic"}); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("without a topic: %v", err)
	}
	if err := b.EnsureSubscription(t.Context(), bus.Subscription{Name: "projects/test/subscriptions/s2", Topic: "projects/test/topics/" + topic}); err != nil {
		t.Errorf("by full names: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.EnsureTopic(ctx, "other"); pix.KindOf(err) != pix.Cancelled {
		t.Errorf("without an answer: %v", err)
	}
}

func TestMissingTopicIsUnavailable(t *testing.T) {
	t.Parallel()
	b, _, _ := open(t, bus.Config{})
	if err := b.Publish(t.Context(), "no-such-topic", data("x")); pix.KindOf(err) != pix.Unavailable {
		t.Errorf("got %v of kind %v", err, pix.KindOf(err))
	}
}

func TestOutageIsRiddenOut(t *testing.T) {
	t.Parallel()
	b, server, g := open(t, bus.Config{})
	g.set(codes.Unavailable)
	result := b.PublishAsync(t.Context(), topic, data("x"))
	time.AfterFunc(300*time.Millisecond, func() { g.set(codes.OK) })
	if err := result.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(server.Messages()); n != 1 || g.calls.Load() < 2 {
		t.Errorf("%d messages after %d calls", n, g.calls.Load())
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b, _, g := open(t, bus.Config{})
	g.set(codes.Unavailable)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.Publish(ctx, topic, data("x")); pix.KindOf(err) != pix.Timeout {
		t.Errorf("got %v of kind %v", err, pix.KindOf(err))
	}
}

// While Pub/Sub is away a publisher blocks at the limit, so memory is bounded; when it is back everything arrives.
func TestFlowControlBlocks(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	for name, cfg := range map[string]bus.Config{
		"bytes":    {MaxOutstandingBytes: 8 * (size + 8), PublishTimeout: time.Minute},
		"messages": {MaxOutstandingMessages: 8, PublishTimeout: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, server, g := open(t, cfg)
			g.set(codes.Unavailable)
			var accepted atomic.Int64
			results := make(chan *bus.Result, 64)
			go func() {
				defer close(results)
				for range cap(results) {
					results <- b.PublishAsync(t.Context(), topic, event.Envelope{Data: make([]byte, size)})
					accepted.Add(1)
				}
			}()
			deadline := time.Now().Add(300 * time.Millisecond)
			for time.Now().Before(deadline) {
				runtime.Gosched()
				if n := accepted.Load(); n > 8 {
					t.Fatalf("%d messages accepted during the outage, limit 8", n)
				}
			}
			if n := accepted.Load(); n != 8 {
				t.Errorf("%d messages accepted, want 8", n)
			}
			g.set(codes.OK)
			for r := range results {
				if err := r.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if n := len(server.Messages()); n != cap(results) {
				t.Errorf("%d messages arrived, want %d", n, cap(results))
			}
		})
	}
}

func TestBlockedPublishEndsWithItsContext(t *testing.T) {
	t.Parallel()
	b, _, g := open(t, bus.Config{MaxOutstandingMessages: 1, PublishTimeout: time.Minute})
	g.set(codes.Unavailable)
	_ = b.PublishAsync(t.Context(), topic, data("fills the limit"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.PublishAsync(ctx, topic, data("x")).Wait(t.Context()); pix.KindOf(err) != pix.Timeout {
		t.Errorf("got %v of kind %v", err, pix.KindOf(err))
	}
}

func TestCloseSendsWhatIsQueued(t *testing.T) {
	t.Parallel()
	b, server, _ := open(t, bus.Config{Delay: 100 * time.Millisecond})
	var results []*bus.Result
	for range 10 {
		results = append(results, b.PublishAsync(t.Context(), topic, data("x")))
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if err := r.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if n := len(server.Messages()); n != len(results) {
		t.Errorf("%d messages arrived, want %d", n, len(results))
	}
	for _, topic := range []string{topic, "another"} { // for which a publisher would be started that nobody stops
		if err := b.Publish(t.Context(), topic, data("x")); pix.KindOf(err) != pix.Cancelled || !strings.Contains(err.Error(), "bus is closed") {
			t.Errorf("publish after close: %v", err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Errorf("second close: %v", err)
	}
}

// The SDK's Stop waits as long as Pub/Sub is away; Close must not, also with publishers blocked at the limit.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	b, _, g := open(t, bus.Config{MaxOutstandingMessages: 2, PublishTimeout: time.Hour})
	g.set(codes.Unavailable)
	blocked := make(chan error, 1)
	results := []*bus.Result{b.PublishAsync(t.Context(), topic, data("a")), b.PublishAsync(t.Context(), topic, data("b"))}
	go func() { blocked <- b.Publish(context.Background(), topic, data("c")) }()
	time.Sleep(50 * time.Millisecond)

	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	err := b.Close(ctx)
	if took := time.Since(started); took > 3*time.Second {
		t.Errorf("Close took %v with a deadline of 200ms", took)
	}
	if !errors.Is(err, context.DeadlineExceeded) || pix.KindOf(err) != pix.Timeout {
		t.Errorf("Close returned %v", err)
	}
	for _, r := range results {
		if err := r.Wait(t.Context()); err == nil {
			t.Error("a message that was never sent counts as acknowledged")
		}
	}
	if err := <-blocked; err == nil {
		t.Error("the blocked message counts as acknowledged")
	}
}
