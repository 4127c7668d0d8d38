package stack_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/functions/host"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
)

// Who comes, and for what a token may be.
const (
	pushAudience = "https://push.example"
	askAudience  = "https://ask.example"
	pusher       = "push@p.iam.gserviceaccount.com"
	core         = "core@bank.example"
	archive      = "archive@bank.example"
)

// Payments of an attack. What is said of the device decides: without it the first is held and not rejected.
const (
	unregistered = `{"endToEndId":"ID","eventTime":"AT","direction":"DIRECTION_OUTBOUND","amountCentavos":125000,"initiation":"INITIATION_DICT",` +
		`"payer":{"ispb":"12345678","branch":"0001","account":"1NUMBER","accountOpenedAt":"2019-03-02T12:00:00Z"},` +
		`"payee":{"ispb":"A1B2C3D4","branch":"0001","account":"2NUMBER","key":"lojaNUMBER@exemplo.com.br"},` +
		`"device":{"id":"android-NUMBER","registered":false,"remoteAccess":false}}`
)

// registered is the same payment from a device that the institution knows, of so little that nothing stops it.
func registered() string {
	return strings.NewReplacer(`"registered":false`, `"registered":true`, "125000", "5000").Replace(unregistered)
}

// siege is a stack that verifies everybody, and who attacks it.
type siege struct {
	t        *testing.T
	stack    *stack.Stack
	issuer   *issuer.Issuer
	kafka    producer
	seen     *collector
	asks     http.Header // what may ask
	pushes   http.Header // what may push
	number   int
	attempts map[string]int
	won      map[string][]string // what an attack achieved
}

func besiege(t *testing.T) *siege {
	t.Helper()
	i, err := issuer.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	g := &siege{t: t, issuer: i, seen: newCollector(), attempts: map[string]int{}, won: map[string][]string{}}
	g.asks, g.pushes = g.bearer(i.Of(core, askAudience, time.Now())), g.bearer(i.Of(pusher, pushAudience, time.Now()))
	watch := map[string]http.Handler{}
	for _, topic := range []string{stack.DecisionsTopic, stack.AlertsTopic, stack.DeadLetterTopic} {
		watch[topic] = g.seen.handler(topic)
	}
	g.stack = start(t, stack.Options{Live: true, Watch: watch, Identity: g.identity(), Callers: g.callers(), PushToken: func() (string, error) {
		return strings.TrimPrefix(g.pushes.Get("Authorization"), "Bearer "), nil
	}})
	g.kafka = newProducer(t, g.stack)
	return g
}

func (g *siege) identity() host.IdentityConfig {
	return host.IdentityConfig{VerifyCallers: "on", PushIssuer: g.issuer.URL(), PushAudience: pushAudience, PushServiceAccounts: pusher}
}

func (g *siege) callers() host.CallersConfig {
	return host.CallersConfig{Issuer: g.issuer.URL(), Audience: askAudience, Callers: core + "=decide," + archive + "=decide+replay"}
}

func (g *siege) bearer(c issuer.Claims) http.Header {
	g.t.Helper()
	raw, err := g.issuer.Mint(c)
	if err != nil {
		g.t.Fatal(err)
	}
	return http.Header{"Authorization": {"Bearer " + raw}}
}

// payment writes a payment of people and devices of its own, sent so long ago.
func (g *siege) payment(form string, ago time.Duration) (pix.EndToEndID, string) {
	g.number++
	at, number := time.Now().UTC().Add(-ago), fmt.Sprintf("%07d", g.number)
	id := fmt.Sprintf("E12345678%s%011d", at.Format("200601021504"), g.number)
	return pix.EndToEndID(id), strings.NewReplacer("ID\"", id+"\"", "AT\"", at.Format("2006-01-02T15:04:05.000Z")+"\"", "NUMBER", number).Replace(form)
}

// send posts a body and returns the answer.
func (g *siege) send(url string, headers http.Header, body string) (int, string) {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	if headers != nil {
		request.Header = headers.Clone()
	}
	if request.Header.Get("Content-Type") == "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		g.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

// ask asks for a decision as the core, with more headers.
func (g *siege) ask(body string, more ...string) (int, string) {
	g.t.Helper()
	headers := g.asks.Clone()
	for i := 0; i < len(more); i += 2 {
		headers.Set(more[i], more[i+1])
	}
	return g.send(g.stack.ScorerURL+"/v1/decisions", headers, body)
}

// publish puts a message on the transactions topic as a direct publisher does.
func (g *siege) publish(data string, attributes ...string) {
	g.t.Helper()
	e := event.Envelope{Data: []byte(data), Attributes: map[string]string{}}
	for i := 0; i < len(attributes); i += 2 {
		e.Attributes[attributes[i]] = attributes[i+1]
	}
	if err := g.stack.Bus.Publish(g.t.Context(), stack.TransactionsTopic, e); err != nil {
		g.t.Fatal(err)
	}
}

// produce writes a record with headers.
func (g *siege) produce(data string, headers ...string) {
	g.t.Helper()
	r := &kgo.Record{Value: []byte(data)}
	for i := 0; i < len(headers); i += 2 {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: headers[i], Value: []byte(headers[i+1])})
	}
	g.kafka.raw(g.t, r)
}

// standing is the decision that stands, nil when there is none.
func (g *siege) standing(id pix.EndToEndID) *pix.Decision {
	g.t.Helper()
	d, err := g.stack.Store.Decision(g.t.Context(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

// decided waits for a payment's decision, and until it and its alert were told.
func (g *siege) decided(id pix.EndToEndID) *pix.Decision {
	g.t.Helper()
	var d *pix.Decision
	await(g.t, "the decision on "+string(id), func() bool { d = g.standing(id); return d != nil })
	topics := []string{stack.DecisionsTopic}
	if d.Outcome != pix.Approve {
		topics = append(topics, stack.AlertsTopic)
	}
	for _, topic := range topics {
		await(g.t, "a message of "+topic+" on "+string(id), func() bool { return g.told(topic)[string(id)] > 0 })
	}
	return d
}

// told counts a topic's messages by their payment.
func (g *siege) told(topic string) map[string]int {
	n := map[string]int{}
	for _, e := range g.seen.of(topic) {
		n[e.Attributes[event.AttrEventID]]++
	}
	return n
}

// try counts an attempt of a kind, and what it won.
func (g *siege) try(kind, what string, won bool) {
	g.attempts[kind]++
	if won {
		g.won[kind] = append(g.won[kind], what)
	}
}

// milder is an attempt that won when it got a payment a milder decision than it gets in honest form.
func (g *siege) milder(kind, what string, d *pix.Decision, honest pix.Outcome) {
	g.try(kind, what, d != nil && d.Outcome.Severity() < honest.Severity())
}

// report tells of every kind of attack how often it was tried and won, which must be never.
func (g *siege) report() {
	g.t.Helper()
	attempts, won := 0, 0
	for kind, n := range g.attempts {
		attempts, won = attempts+n, won+len(g.won[kind])
		g.t.Logf("%-55s %3d attempts, %d successes", kind, n, len(g.won[kind]))
		if len(g.won[kind]) > 0 {
			g.t.Errorf("%s: %s", kind, strings.Join(g.won[kind], "; "))
		}
	}
	g.t.Logf("%d attempts, %d of which changed a decision for the milder or got in", attempts, won)
}

// still waits until nothing is on its way.
func (g *siege) still() {
	g.t.Helper()
	await(g.t, "stillness", func() bool { return g.stack.Outstanding() == 0 })
}

// memory is everything that lasts: the rows of the store but for what processes note for themselves, and what topics held.
func (g *siege) memory() []string {
	g.t.Helper()
	var lasting []string
	for line := range bytes.Lines(bigtableRows(g.t, g.stack)) {
		passing := bytes.Contains(line, []byte(" dec:published "))
		for _, prefix := range []string{"pend#", "minute#", "register#", "hot#"} {
			passing = passing || bytes.HasPrefix(line, []byte(prefix))
		}
		if !passing {
			lasting = append(lasting, string(line))
		}
	}
	slices.Sort(lasting)
	for _, topic := range []string{stack.DecisionsTopic, stack.AlertsTopic, stack.DeadLetterTopic} {
		lasting = append(lasting, fmt.Sprintf("%s: %d", topic, g.seen.count(topic)))
	}
	return lasting
}
