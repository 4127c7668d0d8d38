package stack_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
)

// TestTheDoorsHold attacks a whole stack that verifies everybody: nothing that a stranger sends gets in, nothing that is
// forged, back-dated or spelt wrongly gets a payment a milder decision, and what is sent honestly meanwhile is decided and
// audited, each once.
func TestTheDoorsHold(t *testing.T) {
	t.Parallel()
	g := besiege(t)
	honest := g.flow(40)
	g.askedThrice()
	g.strangers(honest[0])
	g.wrongPaths()
	g.attemptsStated()
	g.spellings()
	g.headers()
	g.dates()
	g.arrivals()
	g.standingDecision()
	g.report()
	g.audited(honest)
}

// flow sends payments as they should come and returns their ids, the first of which is rejected.
func (g *siege) flow(n int) []pix.EndToEndID {
	g.t.Helper()
	var sent []pix.EndToEndID
	for i := range n {
		form := unregistered
		if i%2 == 1 {
			form = registered()
		}
		id, body := g.payment(form, 0)
		sent = append(sent, id)
		if i%3 != 0 {
			g.produce(body)
		} else if status, answer := g.ask(body); status != http.StatusOK {
			g.t.Fatalf("an honest payment: %d %s", status, answer)
		}
	}
	for i, id := range sent {
		if got, want := g.decided(id).Outcome, []pix.Outcome{pix.Reject, pix.Approve}[i%2]; got != want {
			g.t.Fatalf("an honest payment is decided as %s, want %s: the test shows too little", got, want)
		}
	}
	g.still()
	return sent
}

// audited waits for the row of every decision that was published, and looks for what is lost and what is doubled.
func (g *siege) audited(honest []pix.EndToEndID) {
	g.t.Helper()
	g.still()
	published := g.told(stack.DecisionsTopic)
	lost, doubled := 0, len(decidedTwice(g.t, g.stack))
	for _, id := range honest {
		if published[string(id)] == 0 {
			lost++
		}
	}
	for _, n := range published {
		doubled += n - 1
	}
	await(g.t, "audit rows", func() bool {
		return len(column(g.t, g.stack, "decisions_latest", "end_to_end_id")) == len(published)
	})
	g.t.Logf("%d decisions audited, lost %d, doubled %d", len(published), lost, doubled)
	if lost+doubled > 0 {
		g.t.Errorf("lost %d, doubled %d", lost, doubled)
	}
}

// posted is a message as a subscription posts it, with a number of attempts that nobody may believe.
func posted(e event.Envelope) string {
	attributes, _ := json.Marshal(e.Attributes) // a map of texts
	return fmt.Sprintf(`{"message":{"data":%q,"attributes":%s,"messageId":"99","publishTime":%q},"deliveryAttempt":99}`,
		base64.StdEncoding.EncodeToString(e.Data), attributes, time.Now().UTC().Format(time.RFC3339Nano))
}

// forgeries are messages that would do harm, by the function that they are for.
func (g *siege) forgeries(victim *pix.Decision, next string) map[string][]string {
	g.t.Helper()
	forged := *victim
	forged.Outcome, forged.DecidedAt = pix.Approve, time.Now().UTC()
	tx := &victim.Transaction
	_, another := g.payment(strings.Replace(unregistered, "1NUMBER", "10000001", 1), 0) // the victim's account
	messages := map[string][]string{"score": {
		posted(event.Envelope{Data: []byte(next)}), posted(event.Envelope{Data: []byte(another)}),
		posted(event.Envelope{Data: []byte(next), Attributes: map[string]string{event.AttrReplay: event.ReplayTrue}}),
	}}
	add := func(function string, e event.Envelope, err error) {
		if err != nil {
			g.t.Fatal(err)
		}
		messages[function] = append(messages[function], posted(e))
	}
	e, err := event.EncodeStatus(&pix.Status{ID: tx.ID, EventTime: tx.EventTime, State: pix.Returned, OccurredAt: tx.EventTime.Add(time.Second),
		ReturnID: "D99000001202601010000" + string(tx.ID[21:]), Returned: tx.Amount})
	add("score", e, err)
	e, err = event.EncodeTransaction(tx)
	add("score", e, err)
	e, err = event.EncodeDecision(&forged)
	add("audit", e, err)
	add("alert", e, err)
	e, err = event.EncodeLabel(&pix.Label{ID: tx.ID, EventTime: tx.EventTime, ArrivedAt: tx.EventTime.Add(time.Minute), Source: "MED", Amount: tx.Amount})
	add("label", e, err)
	return messages
}

// strangers try every message and question without the right token. Nothing may change; then the real payment comes, whose
// id they had used first.
func (g *siege) strangers(victim pix.EndToEndID) {
	g.t.Helper()
	other, err := issuer.Start()
	if err != nil {
		g.t.Fatal(err)
	}
	defer other.Close()
	elsewhere, err := other.Mint(other.Of(pusher, pushAudience, time.Now()).With("iss", g.issuer.URL()))
	if err != nil {
		g.t.Fatal(err)
	}
	now, right := time.Now(), g.pushes.Get("Authorization")
	nobody := map[string]http.Header{
		"nobody": nil, "a wrong token": {"Authorization": {"Bearer junk"}},
		"another issuer's": {"Authorization": {"Bearer " + elsewhere}},
		"unsigned":         {"Authorization": {right[:strings.LastIndex(right, ".")+1] + "SIGNATURE_REMOVED_BY_GOOGLE"}},
		"another account":  g.bearer(g.issuer.Of("other@p.iam.gserviceaccount.com", pushAudience, now)),
	}
	pushing := map[string]http.Header{"the core's": g.asks, "the core's for this door": g.bearer(g.issuer.Of(core, pushAudience, now))}
	asking := map[string]http.Header{"the subscription's": g.pushes, "the subscription's for this door": g.bearer(g.issuer.Of(pusher, askAudience, now))}
	for who, headers := range nobody {
		pushing[who], asking[who] = headers, headers
	}
	id, real := g.payment(unregistered, 0)
	next := strings.Replace(real, `"registered":false`, `"registered":true`, 1)
	messages := g.forgeries(g.decided(victim), next)
	before := g.memory()
	refused := func(what, who, url string, headers http.Header, body string) {
		status, answer := g.send(url, headers, body)
		g.try("strangers: "+what, who, status != http.StatusUnauthorized && status != http.StatusForbidden || !strings.Contains(answer, `"kind"`))
	}
	for who, headers := range pushing {
		for function, bodies := range messages {
			for _, body := range bodies {
				refused("pushes to "+function, who, g.stack.FunctionsURL+"/"+function+"/push", headers, body)
				refused("pushes to "+function, who, g.stack.FunctionsURL+"/"+function+"/", headers, body)
			}
		}
		refused("pushes to the scorer", who, g.stack.ScorerURL+"/push", headers, messages["score"][0])
	}
	for who, headers := range asking {
		refused("questions", who, g.stack.ScorerURL+"/v1/decisions", headers, next)
	}
	g.still()
	if diff := cmp.Diff(before, g.memory()); diff != "" {
		g.t.Errorf("strangers changed something:\n%.2000s", diff)
	}
	g.produce(real)
	g.milder("an id that strangers used first", "registered", g.decided(id), pix.Reject)
}

// wrongPaths are no success for who may come either.
func (g *siege) wrongPaths() {
	g.t.Helper()
	_, body := g.payment(registered(), 0)
	message := posted(event.Envelope{Data: []byte(body)})
	before := g.memory()
	for _, base := range []string{g.stack.ScorerURL, g.stack.FunctionsURL + "/score"} {
		for _, path := range []string{"/v2/decisions", "/v1/decisions/", "/v1", "/V1/decisions", "/push/", "/Push", "/push/x", "/v1/decisions%2f", "/decisions"} {
			for _, headers := range []http.Header{nil, g.asks, g.pushes} {
				for _, sent := range []string{body, message} {
					status, _ := g.send(base+path, headers, sent)
					g.try("wrong paths", path, status != http.StatusNotFound)
				}
			}
		}
		for _, path := range []string{"/", "/push"} { // a question is no message
			status, _ := g.send(base+path, g.pushes, body)
			g.try("wrong paths", path, status != http.StatusBadRequest)
		}
	}
	g.still()
	if diff := cmp.Diff(before, g.memory()); diff != "" {
		g.t.Errorf("wrong paths changed something:\n%.2000s", diff)
	}
}

// attemptsStated: that a message was tried ninety-nine times is its sender's word, and buries nothing.
func (g *siege) attemptsStated() {
	g.t.Helper()
	at := time.Now().UTC().Truncate(time.Millisecond)
	id := pix.EndToEndID("E12345678" + at.Format("200601021504") + "00000neverX")
	e, err := event.EncodeStatus(&pix.Status{ID: id, EventTime: at, State: pix.Settled, OccurredAt: at})
	if err != nil {
		g.t.Fatal(err)
	}
	before := g.memory()
	for range 3 {
		status, _ := g.send(g.stack.ScorerURL+"/push", g.pushes, posted(e))
		g.try("deliveryAttempt: 99", "a status before its payment", status != http.StatusServiceUnavailable)
	}
	g.still()
	if diff := cmp.Diff(before, g.memory()); diff != "" {
		g.t.Errorf("stated attempts changed something:\n%.2000s", diff)
	}
}
