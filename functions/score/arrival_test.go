package score_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestArrivals: whose word counts for when a payment came, and for that it is not live.
func TestArrivals(t *testing.T) {
	t.Parallel()
	tx, err := event.DecodeTransaction(event.Envelope{Data: payment(t)}, tokenizer(t), clock())
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	published, stamped := clock().Add(-time.Hour), clock().Add(-3*time.Hour)
	stamps := map[string]string{event.AttrArrivedAt: event.FormatArrival(stamped)}
	for name, c := range map[string]struct {
		bridged bool
		attrs   map[string]string
		roles   []identity.Role
		want    pix.Arrival
	}{
		"a direct publisher":                {false, nil, nil, pix.Arrival{At: published}},
		"a direct publisher's own stamp":    {false, stamps, nil, pix.Arrival{At: published}},
		"a broker's stamp":                  {true, stamps, nil, pix.Arrival{At: stamped}},
		"no broker's stamp":                 {true, nil, nil, pix.Arrival{At: published, Waited: true}},
		"a stamp that is none":              {true, map[string]string{event.AttrArrivedAt: "yesterday"}, nil, pix.Arrival{At: published, Waited: true}},
		"a stamp after its publication":     {true, map[string]string{event.AttrArrivedAt: event.FormatArrival(clock())}, nil, pix.Arrival{At: published, Waited: true}},
		"a replay without the role":         {true, map[string]string{event.AttrReplay: "true"}, []identity.Role{identity.Push}, pix.Arrival{At: published, Waited: true}},
		"a replay":                          {true, map[string]string{event.AttrReplay: "true"}, []identity.Role{identity.Replay}, pix.Arrival{At: published, Waited: true, Replay: true}},
		"a person's replay":                 {false, map[string]string{event.AttrReplay: "true"}, []identity.Role{identity.Replay}, pix.Arrival{At: published, Replay: true}},
		"a role, and a payment that is now": {false, map[string]string{event.AttrReplay: "1"}, []identity.Role{identity.Replay}, pix.Arrival{At: published}},
	} {
		f := &fake{}
		s, _ := newService(t, f)
		e := event.Envelope{Data: payment(t), Attributes: map[string]string{}}
		if c.bridged {
			e = event.Envelope{Data: tokens.Data, Attributes: map[string]string{event.AttrSchema: event.SchemaTransaction, event.AttrEncoding: event.EncodingProto}}
		}
		for k, v := range c.attrs {
			e.Attributes[k] = v
		}
		if w := as(t, s, c.roles, "/push", "", pushedEnvelope(e, time.Hour)); w.Code != http.StatusNoContent || len(f.arrivals) != 1 {
			t.Fatalf("%s: status %d, asked %d times", name, w.Code, len(f.arrivals))
		}
		if diff := cmp.Diff(c.want, f.arrivals[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestReplayOverHTTP needs the role.
func TestReplayOverHTTP(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		roles  []identity.Role
		header string
		status int
		want   []pix.Arrival
	}{
		"live":             {nil, "", http.StatusOK, []pix.Arrival{{}}},
		"without the role": {[]identity.Role{identity.Decide, identity.Detail, identity.Push}, "true", http.StatusForbidden, nil},
		"with the role":    {[]identity.Role{identity.Replay}, "true", http.StatusOK, []pix.Arrival{{Replay: true}}},
		"misspelt":         {[]identity.Role{identity.Replay}, "1", http.StatusBadRequest, nil},
		"role and live":    {[]identity.Role{identity.Replay}, "", http.StatusOK, []pix.Arrival{{}}},
	} {
		f := &fake{}
		s, _ := newService(t, f)
		if w := as(t, s, c.roles, "/v1/decisions", c.header, payment(t)); w.Code != c.status {
			t.Errorf("%s: status %d: %s", name, w.Code, w.Body)
		}
		if diff := cmp.Diff(c.want, f.arrivals); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// as posts as a caller with roles.
func as(t *testing.T, s http.Handler, roles []identity.Role, path, replay string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(identity.With(t.Context(), identity.Caller{Roles: roles}), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if replay != "" {
		r.Header.Set(score.ReplayHeader, replay)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// TestTooOldAtTheDoors: refused over HTTP with what to mend, and dead-lettered from a subscription, with the broker's stamp,
// so that a replayed letter is as old as it was.
func TestTooOldAtTheDoors(t *testing.T) {
	t.Parallel()
	tx, err := event.DecodeTransaction(event.Envelope{Data: payment(t)}, tokenizer(t), clock())
	if err != nil {
		t.Fatal(err)
	}
	e, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	var problems pix.Problems
	problems.Add("eventTime", "more than 24h0m0s before the payment came")
	f := &fake{err: pix.E(pix.TooOld, "decide", &problems)}
	s, _ := newService(t, f)
	if w := post(t, s, "/v1/decisions", "", payment(t)); w.Code != http.StatusUnprocessableEntity || !bytes.Contains(w.Body.Bytes(), []byte("eventTime")) ||
		!bytes.Contains(w.Body.Bytes(), []byte("too_old")) || w.Header().Get("Retry-After") != "" {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	e.Attributes[event.AttrArrivedAt] = event.FormatArrival(clock())
	if w := post(t, s, "/push", "", pushedEnvelope(e, 0)); w.Code != http.StatusNoContent || len(f.letters) != 1 {
		t.Fatalf("status %d, %d letters", w.Code, len(f.letters))
	}
	if l := f.letters[0]; l.Reason != "too_old" || l.Envelope.Attributes[event.AttrArrivedAt] != event.FormatArrival(clock()) || !event.FromBridge(l.Envelope) {
		t.Errorf("letter %+v", l)
	}
	own := event.Envelope{Data: payment(t), Attributes: e.Attributes}
	own.Attributes[event.AttrEncoding] = event.EncodingJSON
	if w := post(t, s, "/push", "", pushedEnvelope(own, 0)); w.Code != http.StatusNoContent || len(f.letters) != 2 {
		t.Fatalf("status %d, %d letters", w.Code, len(f.letters))
	}
	if l := f.letters[1]; l.Envelope.Attributes[event.AttrArrivedAt] != "" {
		t.Errorf("a direct publisher's own stamp is on the letter as if it were the bridge's: %v", l.Envelope.Attributes)
	}
}
