package stack_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"cloud.google.com/go/bigtable"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/functions/score"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/otlp"
	"github.com/sentinela-pix/sentinela/shared/pixtest/transcript"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestNothingRawIsLeftAnywhere sends good and bad payments over every entry and then looks for their documents, keys,
// accounts, names and devices in every topic, Bigtable row, BigQuery row, log line, span and metric.
func TestNothingRawIsLeftAnywhere(t *testing.T) {
	t.Parallel()
	topics := []string{stack.TransactionsTopic, stack.DecisionsTopic, stack.AlertsTopic, stack.LabelsTopic, stack.DeadLetterTopic}
	seen, logs := newCollector(), new(transcript.Buffer)
	watch := map[string]http.Handler{}
	for _, topic := range topics {
		watch[topic] = seen.handler(topic)
	}
	traces := startReceiver(t)
	s := start(t, stack.Options{
		Logs: logs, Watch: watch, Tracing: obs.TracingConfig{Endpoint: traces.URL(), SampleRatio: 1}, Policy: eagerPolicy(t),
	})
	payments := simulate(t, world.Params{Seed: 5, Accounts: 800, Days: 2, FraudBoost: 500}, 240)
	secrets := map[string]string{}
	for i, p := range payments {
		disguise(p, i, secrets)
	}
	decided := sendEverywhere(t, s, payments)
	bad := sendBad(t, s, payments[0])
	await(t, "dead letters", func() bool { return seen.buried() >= bad })
	await(t, "audit rows", func() bool {
		return len(column(t, s, "decisions_latest", "end_to_end_id")) == decided && s.Outstanding() == 0
	})
	await(t, "spans", func() bool { return len(named(traces, "append to decisions")) >= decided })
	places := map[string][]byte{"log": []byte(logs.String()), "metrics": get(t, s.MetricsURL), "spans": spans(traces)}
	for _, topic := range topics {
		places["topic "+topic] = dump(seen.of(topic))
	}
	for _, view := range []string{"decisions", "alerts", "labels"} {
		places["BigQuery "+view] = []byte(strings.Join(column(t, s, view, "TO_JSON_STRING(t)"), "\n"))
	}
	places["Bigtable"] = bigtableRows(t, s)
	for place, content := range places {
		if len(content) == 0 && place != "BigQuery labels" && !strings.HasSuffix(place, stack.LabelsTopic) {
			t.Errorf("%s is empty: the test looked at nothing", place)
		}
		for secret, what := range secrets {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds a raw %s", place, what)
			}
		}
	}
	t.Logf("looked for %d raw values in %d places", len(secrets), len(places))
}

// buried is for how many records there are dead letters: one may stand for a run of them.
func (c *collector) buried() (n int) {
	for _, e := range c.of(stack.DeadLetterTopic) {
		n += e.Records()
	}
	return n
}

// disguise gives a payment raw values that cannot occur by chance, and notes them.
func disguise(p *pix.Submission, i int, secrets map[string]string) {
	for side, party := range map[string]*pix.RawParty{"payer": &p.Payer, "payee": &p.Payee} {
		if party.Account != "" {
			party.Account = pix.Secret(fmt.Sprintf("%s%09d", map[string]string{"payer": "81", "payee": "83"}[side], 710_000_001+i*37))
			secrets[party.Account.Reveal()] = side + " account"
		}
		party.Name = pix.Secret(fmt.Sprintf("Zoroastro %s Quixadá %d", side, i))
		secrets[party.Name.Reveal()] = side + " name"
		secrets["Zoroastro"] = "first name"
		for what, v := range map[string]pix.Secret{"document": party.Document, "key": party.Key} {
			if len(v) >= 11 {
				secrets[v.Reveal()] = side + " " + what
			}
		}
	}
	if p.TxID != "" { // of a length that static and dynamic charges may have
		p.TxID = pix.Secret(fmt.Sprintf("zqx52998224725%0*d", max(len(p.TxID), 25)-14, i))
		secrets[p.TxID.Reveal()] = "txid"
		secrets["zqx52998224725"] = "CPF in a txid"
	}
	if p.DeviceID != "" {
		p.DeviceID = pix.Secret(fmt.Sprintf("zq-device-%d-zq", i))
		secrets[p.DeviceID.Reveal()] = "device id"
	}
}

// sendEverywhere sends a third over HTTP and the rest through Kafka and returns how many payments that is.
func sendEverywhere(t *testing.T, s *stack.Stack, payments []*pix.Submission) int {
	t.Helper()
	kafka := newProducer(t, s)
	for i, p := range payments {
		if i%3 != 0 {
			kafka.send(t, p)
			continue
		}
		data, err := event.EncodeSubmissionJSON(p)
		if err != nil {
			t.Fatal(err)
		}
		if status, answer := post(t, s, "application/json", data); status != http.StatusOK {
			t.Errorf("POST /v1/decisions: %d %s", status, answer)
		}
	}
	return len(payments)
}

// sendBad sends what cannot be decided, with raw values inside, and returns how many dead letters it must give.
func sendBad(t *testing.T, s *stack.Stack, like *pix.Submission) int {
	t.Helper()
	good, err := event.EncodeSubmissionJSON(like)
	if err != nil {
		t.Fatal(err)
	}
	name := like.Payer.Name.Reveal()
	kafka, letters := newProducer(t, s), 0
	for _, bad := range []*kgo.Record{
		{Value: good[:len(good)/2]},
		{Value: bytes.Replace(good, []byte(`"amountCentavos"`), []byte(`"amountCentavos":"`+name+`","x"`), 1)},
		{Value: bytes.Replace(good, []byte(like.ID), []byte(name), 1)},
		{Value: append(bytes.Repeat([]byte(" "), 10_500_000), good...)},
		{Value: nil},
	} {
		kafka.raw(t, bad)
		letters++
	}
	canaries := &kgo.Record{Value: good} // a payment all the same, and one that was sent before
	for _, key := range []string{event.AttrSchema, event.AttrEncoding, event.AttrTraceparent, "tracestate", event.AttrEventID, "customer"} {
		canaries.Headers = append(canaries.Headers, kgo.RecordHeader{Key: key, Value: []byte(name)})
	}
	kafka.raw(t, canaries)
	for media, body := range map[string][]byte{
		"application/json":       bytes.Replace(good, []byte(like.ID), []byte(name), 1),
		"application/x-protobuf": good,
		"text/" + "plain":        good,
	} {
		if status, answer := post(t, s, media, body); status != http.StatusBadRequest && status != http.StatusUnsupportedMediaType || bytes.Contains(answer, []byte(name)) {
			t.Errorf("bad %s: %d %s", media, status, answer)
		}
	}
	return letters
}

func post(t *testing.T, s *stack.Stack, media string, body []byte) (int, []byte) {
	t.Helper()
	return postWith(t, s, http.Header{"Content-Type": {media}}, body)
}

func postWith(t *testing.T, s *stack.Stack, header http.Header, body []byte) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.ScorerURL+"/v1/decisions", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	request.Header.Set(score.ReplayHeader, event.ReplayTrue)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func get(t *testing.T, url string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func dump(messages []event.Envelope) []byte {
	var b bytes.Buffer
	for _, m := range messages {
		fmt.Fprintf(&b, "%v\n%s\n", m.Attributes, m.Data)
	}
	return b.Bytes()
}

// spans writes every span with its attributes, events and status.
func spans(c *otlp.Receiver) []byte {
	var b bytes.Buffer
	for _, span := range c.Spans() {
		fmt.Fprintln(&b, span.Resource, span.Span)
	}
	return b.Bytes()
}

// bigtableRows writes every key, column and value of the table.
func bigtableRows(t *testing.T, s *stack.Stack) []byte {
	t.Helper()
	client, err := bigtable.NewClientWithConfig(t.Context(), stack.ProjectID, stack.Instance, bigtable.ClientConfig{
		MetricsProvider: bigtable.NoopMetricsProvider{}, DisableDirectAccess: true, DisableSession: true,
	}, s.Cloud.BigtableOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	var b bytes.Buffer
	err = client.Open("pix").ReadRows(t.Context(), bigtable.InfiniteRange(""), func(row bigtable.Row) bool {
		for _, cells := range row {
			for _, cell := range cells {
				fmt.Fprintf(&b, "%s %s %s\n", cell.Row, cell.Column, cell.Value)
			}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
