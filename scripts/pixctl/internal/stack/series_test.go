package stack_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// Bounds of what a process may tell. A service's page of a few hundred series is read in milliseconds and stored for little; a
// label whose values come from outside makes a series of every value.
const (
	maxValues = 64  // of one label of one metric
	maxSeries = 256 // of one metric of one service
)

// TestSeriesAreBounded: whatever is sent, by whom and where, no text of it becomes a label, no metric grows with it, and
// every name says what it counts and in what.
func TestSeriesAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t, stack.Options{Policy: eagerPolicy(t)})
	payments := simulate(t, world.Params{Seed: 12, Accounts: 200, Days: 2, FraudBoost: 500}, 36)
	kafka := newProducer(t, s)
	for _, p := range payments[:20] {
		kafka.send(t, p)
	}
	spoil(t, s, kafka, payments[20:24], "ZQXONE")
	first := pageOf(t, s)
	spoil(t, s, kafka, payments[24:36], "ZQXTWO")
	second := pageOf(t, s)
	if len(first) < 80 {
		t.Errorf("%d series: the test looked at nothing", len(first))
	}
	for line := range second {
		if strings.Contains(strings.ToUpper(line), "ZQX") {
			t.Errorf("a sender's word is a label: %s", line)
		}
	}
	// Three times as much of the same kind may meet a result that the first round did not; it may not bring a series each.
	if grown := len(second) - len(first); grown > 20 {
		t.Errorf("%d series more after more of the same", grown)
	}
}

// spoil sends good payments spoilt by a word, over every entry, and waits until they are dealt with.
func spoil(t *testing.T, s *stack.Stack, kafka producer, payments []*pix.Submission, word string) {
	t.Helper()
	for i, p := range payments {
		own := fmt.Sprintf("%s%d", word, i)
		data, err := event.EncodeSubmissionJSON(p)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := regexp.MustCompile(`"([A-Z]+_[A-Z_]+)"`).ReplaceAll(data, []byte(`"${1}_`+own+`"`))
		headers := []kgo.RecordHeader{{Key: event.AttrSchema, Value: []byte(own)}, {Key: event.AttrEncoding, Value: []byte(own)}, {Key: own, Value: []byte(own)}}
		for _, value := range [][]byte{spoilt, []byte(own), []byte(`{"` + own + `":1}`), {0x0a, 0xff, byte(i)}} {
			kafka.raw(t, &kgo.Record{Key: []byte(own), Value: value, Headers: headers})
		}
		for _, path := range []string{"/score/push", "/audit/push", "/alert/push", "/label/push", "/export/push", "/label/" + own, "/" + own} {
			knock(t, s.FunctionsURL+path, own, pushOf(own, spoilt, map[string]string{event.AttrSchema: own, event.AttrEncoding: own, own: own}))
			knock(t, s.FunctionsURL+path, "application/json", pushOf(own, spoilt, map[string]string{event.AttrEncoding: event.EncodingJSON}))
		}
		for _, path := range []string{"/v1/decisions", "/v1/decisions?view=" + own, "/v1/decisions/" + own, "/" + own} {
			knock(t, s.ScorerURL+path, "application/json", spoilt)
			knock(t, s.ScorerURL+path, "application/"+own, data)
		}
	}
	await(t, "what was spoilt to be dealt with", func() bool { return s.Outstanding() == 0 })
}

func pushOf(id string, payload []byte, attributes map[string]string) []byte {
	names, _ := json.Marshal(attributes) // a map of texts
	return fmt.Appendf(nil, `{"message":{"data":%q,"attributes":%s,"messageId":%q,"publishTime":%q},"subscription":%[3]q}`,
		base64.StdEncoding.EncodeToString(payload), names, id, time.Now().UTC().Format(time.RFC3339Nano))
}

// knock posts and asks, and does not mind the answer.
func knock(t *testing.T, url, media string, body []byte) {
	t.Helper()
	for _, method := range []string{http.MethodPost, http.MethodPut} {
		r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", media)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}

// nameForm is pix, a noun and what is counted in which unit; a gauge may end with the state that it tells of.
var nameForm = regexp.MustCompile(`^pix_[a-z]+(_[a-z]+)*_(total|seconds|bytes|records|messages|cells|rows|streams|decisions|vectors|odds|psi|open|current|flight|info)$`)

// pageOf are the series of our own metrics, and holds each metric to its bounds and its name.
func pageOf(t *testing.T, s *stack.Stack) map[string]bool {
	t.Helper()
	families, err := s.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	series, values := map[string]bool{}, map[string]map[string]bool{}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "pix_") {
			continue
		}
		if !nameForm.MatchString(f.GetName()) {
			t.Errorf("%s has not the form pix_<noun>_<unit>", f.GetName())
		}
		services := map[string]int{}
		for _, m := range f.GetMetric() {
			line, service := f.GetName(), ""
			for _, l := range m.GetLabel() {
				line += " " + l.GetName() + "=" + l.GetValue()
				if l.GetName() == "service" {
					service = l.GetValue()
				}
				key := f.GetName() + " by " + l.GetName()
				if values[key] == nil {
					values[key] = map[string]bool{}
				}
				values[key][l.GetValue()] = true
			}
			series[line] = true
			services[service]++
		}
		for service, n := range services {
			if n > maxSeries {
				t.Errorf("%s has %d series in %s", f.GetName(), n, service)
			}
		}
	}
	for label, v := range values {
		if len(v) > maxValues {
			t.Errorf("%s has %d values", label, len(v))
		}
	}
	return series
}
