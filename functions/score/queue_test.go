package score_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// The answer does not wait for the bus, and a full queue loses nothing but time.
func TestHTTPDoesNotWaitForTheBus(t *testing.T) {
	t.Parallel()
	f := &fake{hold: make(chan struct{})}
	s, _ := newService(t, f)
	const n = 1200 // more than the queue and its workers hold
	for i := range n {
		body := bytes.Replace(payment(t), []byte("aB3dE5fG7hI"), fmt.Appendf(nil, "%011d", i), 1)
		if w := post(t, s, "/v1/decisions", "application/json", body); w.Code != http.StatusOK {
			t.Fatalf("payment %d: status %d", i, w.Code)
		}
	}
	close(f.hold)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.published(); got < 1024 || got >= n {
		t.Errorf("%d published, want a full queue at least and fewer than %d", got, n)
	}
}

// Callers that ask again while the bus is slow add no publications; one that owes an event of its own is not left out.
func TestHTTPQueuesAPaymentOnce(t *testing.T) {
	t.Parallel()
	f := &fake{hold: make(chan struct{})}
	s, _ := newService(t, f)
	for range 40 { // more than there are workers
		if w := post(t, s, "/v1/decisions", "application/json", payment(t)); w.Code != http.StatusOK {
			t.Fatalf("status %d", w.Code)
		}
	}
	for _, d := range f.stands {
		owing := *d
		owing.Unrecorded = true
		f.stands[d.ID()] = &owing
	}
	post(t, s, "/v1/decisions", "application/json", payment(t))
	close(f.hold)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.published(); got != 2 {
		t.Errorf("sent %d times, want once, and once for the event that is owed", got)
	}
}

// A publication that failed is tried again when its caller asks again, once whoever made the decision has had its time.
func TestHTTPQueuesAgainAfterAFailure(t *testing.T) {
	t.Parallel()
	f := &fake{}
	s, _ := newService(t, f)
	failed := make(chan struct{})
	f.fail(func() error {
		close(failed) // at a second attempt of the same question this panics
		return pix.E(pix.Unavailable, "publish", errors.New("away"))
	})
	post(t, s, "/v1/decisions", "application/json", payment(t))
	<-failed
	f.fail(nil)
	post(t, s, "/v1/decisions", "application/json", payment(t)) // publishes nothing, as TestAskedOfAnotherProcess shows
	for _, d := range f.stands {
		old := *d
		old.DecidedAt = clock().Add(-time.Minute)
		f.stands[d.ID()] = &old
	}
	for deadline := time.Now().Add(time.Minute); f.published() == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		post(t, s, "/v1/decisions", "application/json", payment(t))
	}
	if f.published() == 0 {
		t.Error("never published")
	}
}

func TestCloseLeavesTheRestToTheSweep(t *testing.T) {
	t.Parallel()
	f := &fake{hold: make(chan struct{})}
	s, _ := newService(t, f)
	post(t, s, "/v1/decisions", "application/json", payment(t))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v, want its deadline", err)
	}
}
