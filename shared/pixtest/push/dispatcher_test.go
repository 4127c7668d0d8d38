package push_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

func TestEnvelope(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy push.Policy
		want   received
		header map[string]string
	}{
		"push": {
			want: received{
				ID: "m0", Data: "body", Attributes: map[string]string{"k": "v"}, Subscription: subscription,
			},
			header: map[string]string{"Content-Type": "application/json", "Ce-Id": "", "Authorization": ""},
		},
		"with a token": {
			policy: push.Policy{Token: func() (string, error) { return "t", nil }},
			want: received{
				ID: "m0", Data: "body", Attributes: map[string]string{"k": "v"}, Subscription: subscription,
			},
			header: map[string]string{"Authorization": "Bearer t"},
		},
		"eventarc": {
			policy: push.Policy{CloudEvents: true},
			want: received{
				ID: "m0", Data: "body", Attributes: map[string]string{"k": "v"}, Subscription: subscription,
			},
			header: map[string]string{
				"Content-Type": "application/json", "Ce-Id": "m0", "Ce-Specversion": "1.0",
				"Ce-Type":   "google.cloud.pubsub.topic.v1.messagePublished",
				"Ce-Source": "//pubsub.googleapis.com/" + topic,
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, e := newFixture(t), newEndpoint(t, always(http.StatusNoContent))
			f.start(t, e.URL, tc.policy)
			f.server.Publish(topic, []byte("body"), map[string]string{"k": "v"})
			eventually(t, "acknowledged", func() bool { return f.acks("m0") == 1 })
			got := e.seen()[0]
			ignore := cmp.FilterPath(func(p cmp.Path) bool {
				return p.Last().String() == ".at" || p.Last().String() == ".header" || p.Last().String() == ".published"
			}, cmp.Ignore())
			if diff := cmp.Diff(tc.want, got, ignore); diff != "" {
				t.Error(diff)
			}
			if age := time.Since(got.published); age < 0 || age > time.Minute {
				t.Errorf("published %s ago", age)
			}
			for k, want := range tc.header {
				if v := got.header.Get(k); v != want {
					t.Errorf("header %s = %q, want %q", k, v, want)
				}
			}
		})
	}
}

func TestRetriesWithExponentialBackoff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var calls int
	e := newEndpoint(t, func(received) int {
		calls++
		if calls < 5 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	d := f.start(t, e.URL, push.Policy{
		Concurrency: 1, MinBackoff: 20 * time.Millisecond, MaxBackoff: 80 * time.Millisecond,
	})
	f.server.Publish(topic, []byte("x"), nil)
	eventually(t, "acknowledged", func() bool { return f.acks("m0") == 1 })
	seen := e.seen()
	for i, least := range []time.Duration{20 * time.Millisecond, 40 * time.Millisecond, 80 * time.Millisecond, 80 * time.Millisecond} {
		if wait := seen[i+1].at.Sub(seen[i].at); wait < least {
			t.Errorf("attempt %d came after %v, want at least %v", i+2, wait, least)
		}
	}
	want := push.Stats{Posted: 5, Acked: 1, Failed: 4}
	if diff := cmp.Diff(want, d.Stats()); diff != "" {
		t.Error(diff)
	}
	if deliveries := f.server.Message("m0").Deliveries; deliveries != 1 {
		t.Errorf("pulled %d times, want 1: retries must not go through Pub/Sub", deliveries)
	}
}

func TestDeadlineIsAFailure(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hang := make(chan struct{})
	var once sync.Once
	e := newEndpoint(t, func(received) int {
		first := false
		once.Do(func() { first = true })
		if first {
			<-hang
		}
		return http.StatusOK
	})
	t.Cleanup(func() { close(hang) })
	d := f.start(t, e.URL, push.Policy{AckDeadline: 50 * time.Millisecond, MinBackoff: time.Millisecond})
	f.server.Publish(topic, []byte("x"), nil)
	eventually(t, "acknowledged", func() bool { return f.acks("m0") == 1 })
	s := d.Stats() // on a busy machine more than the first may expire
	want := push.Stats{Posted: s.Expired + 1, Acked: 1, Failed: s.Expired, Expired: max(1, s.Expired)}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

// TestRetentionDropsWhatIsOlder: without a dead-letter policy a message that is never acknowledged is tried for as long as it
// is kept, and then lost without a word.
func TestRetentionDropsWhatIsOlder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age  time.Duration
		lost bool
	}{"younger": {7*24*time.Hour - time.Hour, false}, "older": {7*24*time.Hour + time.Second, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, e := newFixture(t), newEndpoint(t, always(http.StatusInternalServerError))
			f.server.SetTimeNowFunc(func() time.Time { return time.Now().Add(-c.age) })
			d := f.start(t, e.URL, push.Policy{MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond})
			f.server.Publish(topic, []byte("x"), nil)
			if c.lost {
				eventually(t, "dropped", func() bool { return d.Stats().Dropped == 1 && d.Outstanding() == 0 })
				if n := len(e.seen()); n != 0 {
					t.Errorf("posted %d times", n)
				}
				return
			}
			eventually(t, "more attempts than any policy allows", func() bool { return len(e.seen()) > 100 })
			if f.acks("m0") != 0 || d.Stats().Dropped != 0 {
				t.Error("a message that could be kept is lost")
			}
			if seen := e.seen(); seen[0].published != seen[100].published || seen[100].Attempt != 0 {
				t.Errorf("published %s and %s, attempt %d", seen[0].published, seen[100].published, seen[100].Attempt)
			}
		})
	}
}

// TestADeadLetterPolicyIsRefused: it would kill by count and forward messages as they came.
func TestADeadLetterPolicyIsRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.server.GServer.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: subscription + "2", Topic: topic, AckDeadlineSeconds: 10,
		DeadLetterPolicy: &pubsubpb.DeadLetterPolicy{DeadLetterTopic: topic, MaxDeliveryAttempts: 5},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := push.Start(t.Context(), push.Config{Conn: f.conn, Subscription: subscription + "2", URL: "http://x"}); err == nil {
		t.Error("a subscription with a dead-letter policy was taken")
	}
}

// TestFaultsRepeatBySeed checks the injected duplicates: which messages are hit depends on the seed alone.
func TestFaultsRepeatBySeed(t *testing.T) {
	t.Parallel()
	const n = 200
	deliveries := func() map[string]int {
		f, e := newFixture(t), newEndpoint(t, always(http.StatusOK))
		d := f.start(t, e.URL, push.Policy{Faults: push.Faults{
			Seed: 7, LoseAcks: 0.2, Republish: 0.1, Delay: 0.3, MaxDelay: 5 * time.Millisecond,
		}})
		for i := range n {
			f.server.Publish(topic, fmt.Appendf(nil, "%d", i), nil)
		}
		eventually(t, "all done", func() bool {
			s := d.Stats()
			return d.Outstanding() == 0 && s.Acked == n+s.Republished
		})
		counts := map[string]int{}
		for _, r := range e.seen() {
			counts[r.ID]++
		}
		return counts
	}
	first, second := deliveries(), deliveries()
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("two runs of one seed differ: %s", diff)
	}
	same, other := 0, 0
	for id, count := range first {
		if count > 1 {
			same++
		}
		if len(id) > 6 {
			other++
		}
	}
	if same < n/10 || other < n/20 {
		t.Errorf("%d of %d delivered twice under one id, %d under another: too few", same, n, other)
	}
}

func TestOutstandingAndConcurrencyAreBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	release := make(chan struct{})
	var mu sync.Mutex
	inFlight, most := 0, 0
	e := newEndpoint(t, func(received) int {
		mu.Lock()
		inFlight++
		most = max(most, inFlight)
		mu.Unlock()
		<-release
		mu.Lock()
		inFlight--
		mu.Unlock()
		return http.StatusOK
	})
	d := f.start(t, e.URL, push.Policy{Concurrency: 4, MaxOutstanding: 10})
	for range 50 {
		f.server.Publish(topic, []byte("x"), nil)
	}
	eventually(t, "4 in flight", func() bool { return len(e.seen()) == 4 })
	time.Sleep(50 * time.Millisecond) // would take more, were it not bounded
	if held := d.Outstanding(); held != 10 {
		t.Errorf("%d messages held, want 10", held)
	}
	close(release)
	eventually(t, "all done", func() bool { return d.Stats().Acked == 50 })
	if most != 4 {
		t.Errorf("%d requests at once, want 4", most)
	}
}

// TestStopDrains checks that a stop lets a request in flight end and be acknowledged, and gives the rest back at once.
func TestStopDrains(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	release := make(chan struct{})
	e := newEndpoint(t, func(received) int { <-release; return http.StatusOK })
	d := f.start(t, e.URL, push.Policy{Concurrency: 1})
	for range 3 {
		f.server.Publish(topic, []byte("x"), nil)
	}
	eventually(t, "one in flight, two held", func() bool { return len(e.seen()) == 1 && d.Outstanding() == 3 })
	time.AfterFunc(20*time.Millisecond, func() { close(release) })
	if err := d.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if acks := f.acks(e.seen()[0].ID); acks != 1 {
		t.Errorf("the request in flight was acknowledged %d times, want 1", acks)
	}
	rest, err := f.server.GServer.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: subscription})
	if err != nil || len(rest.GetReceivedMessages()) != 2 {
		t.Errorf("%d messages given back, want 2: %v", len(rest.GetReceivedMessages()), err)
	}
}

// TestSlowRequestKeepsItsMessage checks that a message whose lease is short is neither posted again while its request
// runs nor left unacknowledged after it.
func TestSlowRequestKeepsItsMessage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		leaseSeconds   int32
		request        time.Duration
		wantDeliveries int
	}{
		"extended in time":       {leaseSeconds: 6, request: 7 * time.Second, wantDeliveries: 1},
		"pulled again meanwhile": {leaseSeconds: 1, request: 1500 * time.Millisecond, wantDeliveries: 2},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixtureWithLease(t, tc.leaseSeconds)
			e := newEndpoint(t, func(received) int { time.Sleep(tc.request); return http.StatusOK })
			d := f.start(t, e.URL, push.Policy{})
			f.server.Publish(topic, []byte("x"), nil)
			eventually(t, "acknowledged", func() bool { return f.acks("m0") == 1 })
			if posted := d.Stats().Posted; posted != 1 {
				t.Errorf("posted %d times, want 1", posted)
			}
			if got := f.server.Message("m0").Deliveries; got != tc.wantDeliveries {
				t.Errorf("pulled %d times, want %d", got, tc.wantDeliveries)
			}
		})
	}
}

// BenchmarkDeliver is the whole way of a message: publish, pull, POST over a real connection, acknowledge.
func BenchmarkDeliver(b *testing.B) {
	f := newFixture(b)
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	b.Cleanup(endpoint.Close)
	body := make([]byte, 600)
	for range b.N {
		f.server.Publish(topic, body, nil)
	}
	b.ResetTimer()
	began := time.Now()
	d := f.start(b, endpoint.URL, push.Policy{})
	for d.Stats().Acked < int64(b.N) {
		time.Sleep(time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "deliveries/s")
}
