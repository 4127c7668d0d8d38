package stack_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/keyring"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// spelling is a payment that is written otherwise.
type spelling struct {
	name, old, new string
	read           bool // as what it says; else it is refused
}

const (
	flag   = `"registered":false`
	amount = `"amountCentavos":125000`
)

func spellings() []spelling {
	return []spelling{
		{"misspelt flag", flag, `"registredd":false`, false},
		{"flag in capitals", flag, `"Registered":false`, false},
		{"another flag", flag, `"is_registered":false`, false},
		{"flag twice", flag, flag + `,"registered":true`, false},
		{"flag as text", flag, `"registered":"false"`, false},
		{"misspelt signal", `"remoteAccess":false`, `"remoteAcess":true`, false},
		{"both spellings of a signal", `"remoteAccess":false`, `"remoteAccess":false,"remote_access":true`, false},
		{"amount twice", amount, amount + `,"amountCentavos":1`, false},
		{"both spellings, the smaller last", amount, amount + `,"amount_centavos":1`, false},
		{"both spellings, the smaller first", amount, `"amount_centavos":1,` + amount, false},
		{"misspelt amount beside a small one", amount, `"amount_centavo":125000,"amountCentavos":1`, false},
		{"device twice", `"device":`, `"device":{},"device":`, false},
		{"devices", `"device":`, `"devices":`, false},
		{"trust in both spellings", `"payer":{`, `"payer":{"trustedPayee":false,"trusted_payee":true,`, false},
		{"a token beside", `"payer":{`, `"payer":{"accountToken":{"current":"acct.1.AAAAAAAAAAAAAAAAAAAAAA"},`, false},
		{"snake_case", amount, `"amount_centavos":125000`, true},
		{"snake_case, another number", amount, `"amount_centavos":1.25e5`, true},
		{"snake_case of a signal", `"remoteAccess":false`, `"remote_access":true`, true},
		{"a number for a code", `"DIRECTION_OUTBOUND"`, `1`, true},
		{"short codes", `"DIRECTION_OUTBOUND"`, `"OUTBOUND"`, true},
	}
}

// spellings come in by every door. What is read is decided as what it says, and the rest is not decided.
func (g *siege) spellings() {
	g.t.Helper()
	buried := g.seen.buried()
	waiting := map[pix.EndToEndID]string{}
	check := func(what string, id pix.EndToEndID, s *spelling) {
		d := g.standing(id)
		g.try("spelt otherwise, "+what, s.name, s.read != (d != nil) || d != nil && d.Outcome != pix.Reject)
	}
	for _, s := range spellings() {
		form := strings.Replace(unregistered, s.old, s.new, 1)
		id, body := g.payment(form, 0)
		if status, answer := g.ask(body); (status == http.StatusOK) != s.read || !s.read && status != http.StatusBadRequest {
			g.t.Errorf("%s over HTTP: %d %s", s.name, status, answer)
		}
		check("over HTTP", id, &s)
	}
	type sent struct {
		door string
		id   pix.EndToEndID
		s    spelling
	}
	var all []sent
	for _, s := range spellings() {
		form := strings.Replace(unregistered, s.old, s.new, 1)
		for door, send := range map[string]func(string, ...string){"pushed": g.publish, "from Kafka": g.produce} {
			id, body := g.payment(form, 0)
			send(body)
			all = append(all, sent{door, id, s})
			if s.read {
				waiting[id] = s.name
			} else {
				buried++
			}
		}
	}
	await(g.t, "dead letters", func() bool { return g.seen.buried() >= buried })
	for id := range waiting {
		g.decided(id)
	}
	g.still()
	for _, one := range all {
		check(one.door, one.id, &one.s)
	}
}

// headers of a record are its producer's words: they decide neither how its payment is read nor when it came.
func (g *siege) headers() {
	g.t.Helper()
	type sent struct {
		name   string
		id     pix.EndToEndID
		honest pix.Outcome
	}
	var all []sent
	for name, headers := range map[string][]string{
		"a status by its schema": {event.AttrSchema, event.SchemaStatus}, "a decision by its schema": {event.AttrSchema, event.SchemaDecision},
		"proto": {event.AttrEncoding, event.EncodingProto}, "another encoding": {event.AttrEncoding, "avro"},
		"an outcome": {event.AttrOutcome, string(pix.Approve)}, "another id": {event.AttrEventID, "E12345678202611231430aB3dE5fG7hI"},
		"a replay": {event.AttrReplay, event.ReplayTrue},
	} {
		id, body := g.payment(unregistered, 0)
		g.produce(body, headers...)
		all = append(all, sent{name, id, pix.Reject})
	}
	buried := g.seen.buried()
	var old pix.EndToEndID
	for _, ago := range []time.Duration{30 * time.Minute, 11 * time.Hour, 30 * time.Hour} {
		id, body := g.payment(registered(), ago)
		g.produce(body, event.AttrArrivedAt, event.FormatArrival(time.Now().Add(-ago)), event.AttrReplay, event.ReplayTrue)
		if ago > 24*time.Hour {
			old = id
			continue
		}
		all = append(all, sent{fmt.Sprintf("an arrival and a replay, %s old", ago), id, pix.Review})
	}
	for _, one := range all {
		g.milder("headers of Kafka's records", one.name, g.decided(one.id), one.honest)
	}
	await(g.t, "the dead letter of the one that is too old", func() bool { return g.seen.buried() > buried })
	g.still()
	g.try("headers of Kafka's records", "too old, and decided", g.standing(old) != nil)
}

// dates over HTTP: an older payment is not approved, and no date makes a rejection milder.
func (g *siege) dates() {
	g.t.Helper()
	for form, honest := range map[string]pix.Outcome{registered(): pix.Approve, unregistered: pix.Reject} {
		for _, ago := range []time.Duration{-4 * time.Minute, time.Minute, 11 * time.Minute, 3 * time.Hour, 23 * time.Hour, 25 * time.Hour, 72 * time.Hour} {
			least := honest
			if ago > 10*time.Minute && least == pix.Approve {
				least = pix.Review
			}
			id, body := g.payment(form, ago)
			status, answer := g.ask(body, event.AttrArrivedAt, event.FormatArrival(time.Now().Add(-ago)))
			want := http.StatusOK
			if ago > 24*time.Hour {
				want = http.StatusUnprocessableEntity
			}
			if status != want {
				g.t.Errorf("%s old: %d %s", ago, status, answer)
			}
			g.milder("dates over HTTP", ago.String(), g.standing(id), least)
			g.try("dates over HTTP", "too old, and decided", want != http.StatusOK && g.standing(id) != nil)
			if status, _ := g.ask(body, score.ReplayHeader, "true"); status != http.StatusForbidden {
				g.t.Errorf("a replay without the role: %d", status)
			}
		}
	}
}

// arrivals as a direct publisher states them: Pub/Sub's own stamp counts, and no replay without the role.
func (g *siege) arrivals() {
	g.t.Helper()
	buried := g.seen.buried()
	var late, old []pix.EndToEndID
	for _, ago := range []time.Duration{30 * time.Minute, 20 * time.Hour, 25 * time.Hour, 72 * time.Hour} {
		arrived := []string{event.AttrArrivedAt, event.FormatArrival(time.Now().Add(-ago))}
		for _, attributes := range [][]string{nil, arrived, {event.AttrReplay, event.ReplayTrue}, append(arrived, event.AttrReplay, event.ReplayTrue)} {
			id, body := g.payment(registered(), ago)
			g.publish(body, attributes...)
			if ago > 24*time.Hour {
				old = append(old, id)
				buried++
			} else {
				late = append(late, id)
			}
		}
		id, body := g.payment(registered(), ago) // in the bridge's form, without a broker's stamp
		sub, err := event.DecodeSubmissionJSON([]byte(body))
		if err != nil {
			g.t.Fatal(err)
		}
		tx := g.stack.Tokenizer.Tokenize(&sub)
		e, err := event.EncodeTransaction(&tx)
		if err != nil {
			g.t.Fatal(err)
		}
		g.publish(string(e.Data), event.AttrEncoding, event.EncodingProto, event.AttrReplay, event.ReplayTrue)
		late = append(late, id)
	}
	await(g.t, "dead letters", func() bool { return g.seen.buried() >= buried })
	for _, id := range late {
		g.milder("arrivals of direct publishers", string(id), g.decided(id), pix.Review)
	}
	g.still()
	for _, id := range old {
		g.try("arrivals of direct publishers", "too old, and decided", g.standing(id) != nil)
	}
}

// standingDecision: what was decided stands, however old it is when it is asked for again, and for nothing else.
func (g *siege) standingDecision() {
	g.t.Helper()
	id, body := g.payment(unregistered, 30*time.Hour)
	headers := g.bearer(g.issuer.Of(archive, askAudience, time.Now()))
	headers.Set(score.ReplayHeader, "true")
	if status, answer := g.send(g.stack.ScorerURL+"/v1/decisions", headers, body); status != http.StatusOK {
		g.t.Fatalf("a replay with the role: %d %s", status, answer)
	}
	first := g.decided(id)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"the same":         {body, http.StatusOK},
		"registered now":   {strings.Replace(body, flag, `"registered":true`, 1), http.StatusOK},
		"of one centavo":   {strings.Replace(body, "125000", "1", 1), http.StatusConflict},
		"to somebody else": {strings.Replace(body, `"account":"2`, `"account":"3`, 1), http.StatusConflict},
	} {
		if status, answer := g.ask(c.body); status != c.status || status == http.StatusOK && !strings.Contains(answer, string(pix.Reject)) {
			g.t.Errorf("%s: %d %s", name, status, answer)
		}
		g.try("decisions that stand", name, !g.standing(id).DecidedAt.Equal(first.DecidedAt) || g.standing(id).Outcome != first.Outcome)
	}
}

// askedThrice asks two scorers for the same payment, three times each, and then has it pushed to the second: it is decided,
// published, audited and alerted once.
func (g *siege) askedThrice() {
	g.t.Helper()
	second, err := score.Open(g.t.Context(), &score.Config{
		Config: host.Config{ProjectID: stack.ProjectID, LogLevel: slog.LevelError, DeadLetterTopic: stack.DeadLetterTopic,
			Timeout: 8 * time.Second, Identity: g.identity()},
		StoreConfig: host.StoreConfig{BigtableInstance: stack.Instance, BigtableTable: stack.Table}, DecisionsTopic: stack.DecisionsTopic,
		ReloadEvery: time.Second, DecisionTimeout: 5 * time.Second, StoreDeadline: 4 * time.Second, ShadowWait: time.Second, MaxInFlight: 64,
		Callers: g.callers(), Keys: keyring.Config{TokenKey: []byte(keyring.DemoKey), TokenKeyVersion: 1, AllowDemoTokenKey: true},
	}, host.Env{PubSub: g.stack.Cloud.PubSubOptions(), Bigtable: g.stack.Cloud.BigtableOptions()})
	if err != nil {
		g.t.Fatal(err)
	}
	server := httptest.NewServer(second)
	defer server.Close()
	asked := map[string]pix.Outcome{}
	for form, outcome := range map[string]pix.Outcome{unregistered: pix.Reject, registered(): pix.Approve} {
		for range 5 {
			id, body := g.payment(form, 0)
			asked[string(id)] = outcome
			answers := map[string]int{}
			for range 3 {
				for _, url := range []string{g.stack.ScorerURL, server.URL} {
					status, answer := g.send(url+"/v1/decisions", g.asks, body)
					answers[fmt.Sprint(status, answer)]++
				}
			}
			g.try("one payment asked for six times", string(id), len(answers) != 1)
			await(g.t, "that the decision is known to be published", func() bool { d := g.standing(id); return d != nil && d.Published })
			if status, answer := g.send(server.URL+"/push", g.pushes, posted(event.Envelope{Data: []byte(body)})); status != http.StatusNoContent {
				g.t.Errorf("the same payment pushed: %d %s", status, answer)
			}
		}
	}
	if err := second.Close(g.t.Context()); err != nil {
		g.t.Error(err)
	}
	for id := range asked {
		g.decided(pix.EndToEndID(id))
	}
	await(g.t, "audit rows", func() bool { return len(g.rowsOf("decisions", asked)) >= len(asked) })
	g.still()
	alerts := g.rowsOf("alerts", asked)
	for id, n := range g.rowsOf("decisions", asked) {
		wanted := 0
		if asked[id] != pix.Approve {
			wanted = 1
		}
		g.try("one payment asked for six times", fmt.Sprintf("%s: %d audit rows, %d alerts", id, n, alerts[id]), n != 1 || alerts[id] != wanted)
	}
}

// rowsOf counts a view's rows of payments.
func (g *siege) rowsOf(view string, of map[string]pix.Outcome) map[string]int {
	g.t.Helper()
	n := map[string]int{}
	for _, id := range column(g.t, g.stack, view, "end_to_end_id") {
		if _, ok := of[id]; ok {
			n[id]++
		}
	}
	return n
}
