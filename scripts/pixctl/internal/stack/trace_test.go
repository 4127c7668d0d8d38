package stack_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/otlp"
	"github.com/sentinela-pix/sentinela/shared/world"
)

func startReceiver(t *testing.T) *otlp.Receiver {
	t.Helper()
	r, err := otlp.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func named(r *otlp.Receiver, name string) (found []otlp.Span) {
	for _, s := range r.Spans() {
		if s.GetName() == name {
			found = append(found, s)
		}
	}
	return found
}

// story is what the row of a payment's decision says of its trace.
type story struct {
	id, trace string
	approved  bool
}

// stories are those of every row, by the payment's id.
func stories(t *testing.T, s *stack.Stack) map[string]story {
	t.Helper()
	found := map[string]story{}
	for _, row := range column(t, s, "decisions", "CONCAT(end_to_end_id, ' ', trace_id, ' ', outcome)") {
		words := strings.Fields(row)
		found[words[0]] = story{id: words[0], trace: words[1], approved: words[2] == string(pix.Approve)}
	}
	return found
}

// chain is a span with those above it, as service/name, the uppermost first. What hangs below a span that nobody recorded
// begins with "…".
func chain(all map[string]otlp.Span, s otlp.Span) string {
	path := []string{s.Service() + "/" + s.GetName()}
	for len(s.GetParentSpanId()) > 0 {
		above, there := all[hex.EncodeToString(s.GetTraceId())+hex.EncodeToString(s.GetParentSpanId())]
		if !there {
			path = append(path, "…")
			break
		}
		s = above
		path = append(path, s.Service()+"/"+s.GetName())
	}
	slices.Reverse(path)
	return strings.Join(path, " > ")
}

const (
	fromKafka   = "kafka-bridge/consume > kafka-bridge/publish > "
	judged      = "score/score process > score/publish decision > "
	rowStored   = judged + "audit/audit process > audit/append to decisions"
	alertStored = judged + "alert/alert process > alert/append to alerts"
	alertSent   = judged + "alert/alert process > alert/publish alert"
	asked       = "score/POST /v1/decisions > score/publish decision > audit/audit process > audit/append to decisions"
)

// TestOneTraceFromRecordToRow: nothing is sampled here but what its sender sampled. Of that every span from Kafka's record, or
// the caller's question, to BigQuery's row is there, in one trace, which the row names; of the rest there is what is not
// approved, from score on. What is read is what a collector received, from every service by itself.
func TestOneTraceFromRecordToRow(t *testing.T) {
	t.Parallel()
	traces := startReceiver(t)
	s := start(t, stack.Options{Tracing: obs.TracingConfig{Endpoint: traces.URL()}, Policy: eagerPolicy(t)})
	payments := simulate(t, world.Params{Seed: 9, Accounts: 300, Days: 2, FraudBoost: 500}, 120)
	want := sendTraced(t, s, payments)
	await(t, "audit rows", func() bool { return len(stories(t, s)) == len(payments) && s.Outstanding() == 0 })
	rows := stories(t, s)
	for id, story := range rows {
		if sender := want[id].sender; sender != "" && sender != story.trace {
			t.Errorf("%s: the row names trace %s, its sender %s", id, story.trace, sender)
		}
	}
	counts := map[string]int{}
	for id, w := range want {
		paths := w.expected(rows[id].approved)
		for _, path := range paths {
			counts[path]++
		}
		await(t, fmt.Sprintf("the spans of %s, %v", id, paths), func() bool { return holds(pathsOf(traces, rows[id].trace), paths) })
		if got := pathsOf(traces, rows[id].trace); len(paths) == 0 && len(got) > 0 {
			t.Errorf("%s was approved, and nobody sampled it: %v", id, got)
		}
	}
	for _, path := range []string{"…" + " > " + rowStored, fromKafka + rowStored, fromKafka + alertSent, asked} {
		if !slices.ContainsFunc(keys(counts), func(k string) bool { return strings.HasSuffix(k, path) }) {
			t.Errorf("no payment took the path %s: %v", path, counts)
		}
	}
	checkSpans(t, s, traces)
	checkExemplars(t, s, traces)
	checkPush(t, s)
}

// traced is how a payment was sent.
type traced struct {
	sender   string // its trace, empty where score or the bridge begin one
	sampled  bool
	overHTTP bool
}

// expected lists the whole paths that must be there.
func (w traced) expected(approved bool) (paths []string) {
	above := "… > "
	switch {
	case !w.sampled && approved:
		return nil
	case w.overHTTP && !w.sampled && w.sender == "":
		return []string{asked}
	case w.overHTTP:
		return []string{"… > " + asked}
	case w.sampled:
		above = "… > " + fromKafka
	}
	paths = []string{above + rowStored}
	if !approved {
		paths = append(paths, above+alertStored, above+alertSent)
	}
	return paths
}

// sendTraced sends each payment in another way: with a sampled trace, one that is not sampled and none, by Kafka and over HTTP.
func sendTraced(t *testing.T, s *stack.Stack, payments []*pix.Submission) map[string]traced {
	t.Helper()
	kafka, sent := newProducer(t, s), map[string]traced{}
	for i, p := range payments {
		data, err := event.EncodeSubmissionJSON(p)
		if err != nil {
			t.Fatal(err)
		}
		w := traced{overHTTP: i%4 == 3, sampled: i%3 == 0}
		if i%3 < 2 {
			w.sender = fmt.Sprintf("%032x", 0xabc000+i)
		}
		parent := fmt.Sprintf("00-%s-00f067aa0ba902b7-%02x", w.sender, map[bool]int{true: 1}[w.sampled])
		sent[string(p.ID)] = w
		if w.overHTTP {
			header := http.Header{"Content-Type": {"application/json"}}
			if w.sender != "" {
				header.Set(event.AttrTraceparent, parent)
			}
			if status, answer := postWith(t, s, header, data); status != http.StatusOK {
				t.Errorf("POST /v1/decisions: %d %s", status, answer)
			}
			continue
		}
		r := &kgo.Record{Value: data}
		if w.sender != "" {
			r.Headers = []kgo.RecordHeader{{Key: event.AttrTraceparent, Value: []byte(parent)}}
		}
		kafka.raw(t, r)
	}
	return sent
}

// pathsOf are the chains of every span of a trace.
func pathsOf(r *otlp.Receiver, trace string) (paths []string) {
	all := map[string]otlp.Span{}
	for _, s := range r.Spans() {
		all[hex.EncodeToString(s.GetTraceId())+hex.EncodeToString(s.GetSpanId())] = s
	}
	for key, s := range all {
		if strings.HasPrefix(key, trace) {
			paths = append(paths, chain(all, s))
		}
	}
	return paths
}

func holds(paths, wanted []string) bool {
	for _, w := range wanted {
		if !slices.Contains(paths, w) {
			return false
		}
	}
	return true
}

func keys(counts map[string]int) (list []string) {
	for k := range counts {
		list = append(list, k)
	}
	return list
}

// checkSpans: every batch is linked to its members and every member to one at least, attributes are our own, and no token of
// an account is in one.
func checkSpans(t *testing.T, s *stack.Stack, traces *otlp.Receiver) {
	t.Helper()
	linked := map[string]map[string]bool{}
	for _, batch := range []string{"publish batch", "append rows to decisions", "append rows to alerts"} {
		linked[batch] = map[string]bool{}
		for _, span := range named(traces, batch) {
			for _, link := range span.GetLinks() {
				linked[batch][hex.EncodeToString(link.GetSpanId())] = true
			}
		}
	}
	for member, batch := range map[string]string{
		"publish": "publish batch", "append to decisions": "append rows to decisions", "append to alerts": "append rows to alerts",
	} {
		for _, span := range named(traces, member) {
			if !linked[batch][hex.EncodeToString(span.GetSpanId())] {
				t.Errorf("no %s is linked to the %s of trace %x", batch, member, span.GetTraceId())
			}
		}
	}
	tokens := column(t, s, "decisions", "payer_account")
	for _, span := range traces.Spans() {
		for _, a := range span.GetAttributes() {
			if !strings.HasPrefix(a.GetKey(), "pix.") {
				t.Errorf("%s/%s has the attribute %s", span.Service(), span.GetName(), a.GetKey())
			}
			if text := a.GetValue().GetStringValue(); text != "" && slices.Contains(tokens, text) {
				t.Errorf("%s/%s holds a token in %s", span.Service(), span.GetName(), a.GetKey())
			}
		}
	}
}
