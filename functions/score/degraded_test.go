package score_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/functions/internal/push"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestProvisionalAnswer: while the store is away who waits gets an answer that says what it is, and nothing is
// published; what was pushed comes back.
func TestProvisionalAnswer(t *testing.T) {
	t.Parallel()
	f := &fake{away: true}
	s, log := newService(t, f)
	w := post(t, s, "/v1/decisions", "application/json", payment(t))
	var body struct {
		Provisional, FeaturesMissing bool
		Outcome                      string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if w.Code != http.StatusOK || !body.Provisional || !body.FeaturesMissing || strings.Contains(body.Outcome, "APPROVE") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	if w := post(t, s, "/push", "", pushed(payment(t), 0)); w.Code != http.StatusServiceUnavailable {
		t.Errorf("pushed: status %d, want 503", w.Code)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f.published() != 0 || len(f.letters) != 0 || !strings.Contains(log.String(), `"provisional":true`) {
		t.Errorf("%d published, %d dead letters, log %s", f.published(), len(f.letters), log)
	}
}

// TestNoPlace: a payment for which there is no place is refused before anybody looks at what it is.
func TestNoPlace(t *testing.T) {
	t.Parallel()
	f := &fake{full: true}
	s, _ := newService(t, f)
	for _, body := range [][]byte{payment(t), []byte("{")} {
		w := post(t, s, "/v1/decisions", "application/json", body)
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"overloaded"`) {
			t.Errorf("status %d, %v: %s", w.Code, w.Header(), w.Body)
		}
	}
	f.full = false
	if w := post(t, s, "/v1/decisions", "application/json", []byte("{")); w.Code != http.StatusBadRequest {
		t.Errorf("with room: status %d", w.Code)
	}
}

func status(t *testing.T, id pix.EndToEndID) event.Envelope {
	t.Helper()
	e, err := event.EncodeStatus(&pix.Status{ID: id, EventTime: clock().Add(-time.Minute), State: pix.Settled, OccurredAt: clock().Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// tooOld is the age of a message whose failure is its last.
const tooOld = push.DefaultMaxAge + time.Minute

func pushedEnvelope(e event.Envelope, age time.Duration) []byte {
	attributes, _ := json.Marshal(e.Attributes)
	return fmt.Appendf(nil, `{"message":{"data":%q,"attributes":%s,"messageId":"1","publishTime":%q}}`,
		base64.StdEncoding.EncodeToString(e.Data), attributes, clock().Add(-age).Format(time.RFC3339Nano))
}

// TestStatuses come on the payments' topic, told apart by their schema: one that overtook its payment comes back until
// it is too old, and a redelivered one is applied again.
func TestStatuses(t *testing.T) {
	t.Parallel()
	f := &fake{}
	s, _ := newService(t, f)
	tx, err := event.DecodeTransaction(event.Envelope{Data: payment(t)}, tokenizer(t), clock())
	if err != nil {
		t.Fatal(err)
	}
	settled := status(t, tx.ID)
	if w := post(t, s, "/push", "", pushedEnvelope(settled, time.Hour)); w.Code != http.StatusServiceUnavailable || len(f.letters) != 0 {
		t.Errorf("before its payment: status %d, %d dead letters; want 503 and none", w.Code, len(f.letters))
	}
	if w := post(t, s, "/push", "", pushedEnvelope(settled, tooOld)); w.Code != http.StatusNoContent || len(f.letters) != 1 {
		t.Errorf("too old: status %d, %d dead letters; want 204 and one", w.Code, len(f.letters))
	}
	if diff := cmp.Diff(settled, f.letters[0].Envelope); diff != "" {
		t.Errorf("the dead letter cannot be replayed (-sent +kept):\n%s", diff)
	}
	post(t, s, "/push", "", pushed(payment(t), 0))
	for range 2 {
		if w := post(t, s, "/push", "", pushedEnvelope(settled, 2*time.Hour)); w.Code != http.StatusNoContent {
			t.Errorf("after its payment: status %d, want 204", w.Code)
		}
	}
	if len(f.marked) != 2 || f.marked[0].ID != tx.ID || f.marked[0].State != pix.Settled || f.published() != 1 {
		t.Errorf("marked %v, %d published", f.marked, f.published())
	}
	bad := settled
	bad.Data = bytes.Repeat([]byte{0xff}, 8)
	if w := post(t, s, "/push", "", pushedEnvelope(bad, 0)); w.Code != http.StatusNoContent || len(f.letters) != 2 || f.letters[1].Envelope.Data != nil {
		t.Errorf("malformed: status %d, dead letters %+v", w.Code, f.letters)
	}
	if w := post(t, s, "/v1/decisions", "application/x-protobuf", settled.Data); w.Code != http.StatusBadRequest {
		t.Errorf("over HTTP: status %d, want 400: a status is no payment", w.Code)
	}
}

// TestASlowClockMakesPaymentsWait: what servers stamped lies in our future, so it is our clock that cannot judge. Payments
// come back over both ways in, none is dead-lettered as being in the future, and a clock set right lets them through.
func TestASlowClockMakesPaymentsWait(t *testing.T) {
	t.Parallel()
	f := &fake{}
	now := clock().Add(-6 * time.Minute)
	s, _ := newServiceAt(t, f, func() time.Time { return now })
	for i := range 200 {
		e := event.Envelope{Data: payment(t), Attributes: map[string]string{}}
		body := bytes.Replace(pushedEnvelope(e, 0), []byte(`"messageId":"1"`), fmt.Appendf(nil, `"messageId":"%d"`, i), 1)
		if w := post(t, s, "/push", "", body); w.Code != http.StatusServiceUnavailable {
			t.Fatalf("payment %d: status %d, want 503", i, w.Code)
		}
	}
	if w := post(t, s, "/v1/decisions", "application/json", payment(t)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("over HTTP: status %d, want 503: %s", w.Code, w.Body)
	}
	if len(f.letters) != 0 || len(f.stands) != 0 {
		t.Errorf("%d dead letters, %d decisions of a clock that is wrong", len(f.letters), len(f.stands))
	}
	now = clock()
	if w := post(t, s, "/push", "", pushed(payment(t), 0)); w.Code != http.StatusNoContent || len(f.stands) != 1 {
		t.Errorf("set right: status %d, %d decisions", w.Code, len(f.stands))
	}
	if w := post(t, s, "/v1/decisions", "application/json", payment(t)); w.Code != http.StatusOK {
		t.Errorf("set right, over HTTP: status %d", w.Code)
	}
}
