package score_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/pix"
	pushtest "github.com/sentinela-pix/sentinela/shared/pixtest/push"
)

// TestOneBudget: pushed payments and those of HTTP callers take from one budget, until they are answered.
func TestOneBudget(t *testing.T) {
	t.Parallel()
	f := &fake{hold: make(chan struct{}), stands: map[pix.EndToEndID]*pix.Decision{}}
	intake := push.NewIntake(100 << 10) // one request's
	d := score.Deps{Engine: f, Outbox: f, Marker: f, Tokenizer: tokenizer(t), Clock: clock, Callers: pushtest.OpenGate{}}
	d.Push = push.Deps{Gate: pushtest.OpenGate{}, DeadLetters: f, DeadLetterTopic: "dlq", Logger: slog.New(slog.DiscardHandler), Intake: intake}
	s, err := score.New(d)
	if err != nil {
		t.Fatal(err)
	}
	var first sync.WaitGroup
	first.Go(func() {
		if w := post(t, s, "/push", "application/json", pushed(payment(t), 0)); w.Code != http.StatusNoContent {
			t.Errorf("the first: status %d", w.Code)
		}
	})
	for deadline := time.Now().Add(time.Minute); intake.Held() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing is held")
		}
	}
	for path, body := range map[string][]byte{"/v1/decisions": payment(t), "/push": pushed(payment(t), 0)} {
		w := post(t, s, path, "application/json", body)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: status %d, %v", path, w.Code, w.Header())
		}
	}
	close(f.hold)
	first.Wait()
	for path, c := range map[string]struct {
		body []byte
		want int
	}{
		"/push": {pushed(payment(t), 0), http.StatusNoContent}, "/v1/decisions": {payment(t), http.StatusOK},
	} {
		if w := post(t, s, path, "application/json", c.body); w.Code != c.want {
			t.Errorf("%s afterwards: status %d", path, w.Code)
		}
	}
	f.panics = true
	post(t, s, "/v1/decisions", "application/json", payment(t))
	aborted := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/decisions", io.MultiReader(failing{}))
	s.ServeHTTP(httptest.NewRecorder(), aborted)
	if n := intake.Held(); n != 0 {
		t.Errorf("%d bytes still held", n)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// failing is the body of a caller that has gone.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
