package publish

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// payment returns wire JSON of one simulated payment, on one line, and its id.
func payment(t *testing.T) (string, string) {
	t.Helper()
	e, ok := world.New(world.Params{Seed: 1, Accounts: 300, Days: 1}).Next()
	if !ok {
		t.Fatal("no payment")
	}
	line, err := event.EncodeSubmissionJSON(&e.Submission)
	if err != nil {
		t.Fatal(err)
	}
	return string(line), string(e.Submission.ID)
}

// recorder is a bus that remembers.
type recorder struct {
	got  []event.Envelope
	fail error
}

func (r *recorder) Publish(_ context.Context, _ string, e event.Envelope) error {
	if r.fail != nil {
		return r.fail
	}
	r.got = append(r.got, e)
	return nil
}

// newJob is a run to a bus.
func newJob(t *testing.T, to publisher, o options) job {
	t.Helper()
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	return job{to: to, options: o, check: check{event.Decoder{Tokenizer: tokenizer}, time.Now}}
}

func publishAll(t *testing.T, j job, in io.Reader) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := j.all(t.Context(), command.IO{Out: &out, Err: &out}, in)
	return out.String(), err
}

func packed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestEveryProblemIsTold by object and field, and in JSON for programs.
func TestEveryProblemIsTold(t *testing.T) {
	t.Parallel()
	line, _ := payment(t)
	bad := strings.NewReplacer(`"amountCentavos":"`, `"amountCentavos":"-`, `"endToEndId":"E`, `"endToEndId":"X`).Replace(line)
	in := line + "\n" + bad + "\n" + line
	text, err := publishAll(t, newJob(t, &recorder{}, options{topic: "t", schema: event.SchemaTransaction}), strings.NewReader(in))
	if err == nil || !strings.Contains(text, "object 2: amountCentavos: ") || !strings.Contains(text, "object 2: endToEndId: ") {
		t.Errorf("%v: %s", err, text)
	}
	text, err = publishAll(t, newJob(t, &recorder{}, options{topic: "t", schema: event.SchemaTransaction, json: true}), strings.NewReader(in))
	var told outcome
	if parse := json.Unmarshal([]byte(text), &told); parse != nil || err == nil {
		t.Fatalf("%v, %v: %s", parse, err, text)
	}
	if told.Published != 2 || told.Refused != 1 || len(told.Problems) != 2 || told.Problems[0].Object != 2 {
		t.Errorf("%+v", told)
	}
	text, err = publishAll(t, newJob(t, &recorder{}, options{schema: event.SchemaTransaction, json: true}),
		strings.NewReader(strings.Repeat("{}\n", maxProblems+1)))
	if parse := json.Unmarshal([]byte(text), &told); parse != nil || err == nil || len(told.Problems) != maxProblems || told.MoreProblems == 0 {
		t.Errorf("%v, %v: %d problems and %d more", parse, err, len(told.Problems), told.MoreProblems)
	}
}

// TestAnInterruptionEndsWaiting for standard input.
func TestAnInterruptionEndsWaiting(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, w := io.Pipe()
	defer w.Close()
	var out bytes.Buffer
	j := newJob(t, &recorder{}, options{topic: "t", schema: event.SchemaTransaction})
	if err := j.all(ctx, command.IO{Out: &out, Err: &out}, r); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestEveryTypeIsChecked, not payments alone.
func TestEveryTypeIsChecked(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{
		event.SchemaTransaction, event.SchemaStatus, event.SchemaLabel, event.SchemaDecision, event.SchemaAlert, "pix.v1.Nonsense",
	} {
		bus := &recorder{}
		if _, err := publishAll(t, newJob(t, bus, options{topic: "t", schema: schema}), strings.NewReader("{}")); err == nil || len(bus.got) > 0 {
			t.Errorf("an empty %s is published", schema)
		}
	}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	line, id := payment(t)
	pretty := strings.ReplaceAll(line, `,"`, ",\n  \"")
	typo := strings.Replace(line, `"amountCentavos"`, `"amountCentavo"`, 1)
	for _, c := range []struct {
		name      string
		in        string
		force     bool
		published int
		fails     bool
		says      string
	}{
		{"one a line", line + "\n" + line + "\n", false, 2, false, "published 2"},
		{"over several lines", pretty, false, 1, false, "published 1"},
		{"a typing mistake", line + "\n" + typo + "\n" + line, false, 2, true, "amountCentavo"},
		{"a typing mistake, forced", typo, true, 1, false, "published 1"},
		{"not JSON", line + "\nnonsense", false, 1, true, "not JSON"},
		{"cut short", line[:len(line)/2], false, 0, true, "cut short"},
		{"wrong type", `{"endToEndId":7}`, false, 0, true, "refused 1"},
		{"nothing", "", false, 0, true, "there is no object"},
		{"what the door refuses", strings.Replace(line, `"amountCentavos":"`, `"amountCentavos":"-`, 1), false, 0, true, "object 1: amountCentavos: "},
		{"what the door refuses, forced", strings.Replace(line, `"amountCentavos":"`, `"amountCentavos":"-`, 1), true, 1, false, "published 1"},
		{"a byte order mark", "\xef\xbb\xbf" + line, false, 0, true, "byte order mark"},
		{"packed", packed(t, line+"\n"+line), false, 2, false, "published 2"},
		{"too large", `{"endToEndId":"` + strings.Repeat("x", event.MaxDataBytes+1<<20) + `"}`, false, 0, true, ""},
	} {
		bus := &recorder{}
		out, err := publishAll(t, newJob(t, bus, options{topic: "t", schema: event.SchemaTransaction, force: c.force}), strings.NewReader(c.in))
		if err != nil {
			out += err.Error()
		}
		if len(bus.got) != c.published || (err != nil) != c.fails || !strings.Contains(out, c.says) {
			t.Errorf("%s: %d published, error %v; printed %.300s", c.name, len(bus.got), err, out)
		}
		if strings.Contains(out, "nonsense") || len(out) > 1000 {
			t.Errorf("%s: quotes the input: %.300s", c.name, out)
		}
		if c.name != "one a line" {
			continue
		}
		want := map[string]string{event.AttrSchema: event.SchemaTransaction, event.AttrEncoding: event.EncodingJSON, event.AttrEventID: id}
		if diff := cmp.Diff(want, bus.got[0].Attributes); diff != "" {
			t.Errorf("attributes (-want +got):\n%s", diff)
		}
	}
	if _, err := publishAll(t, newJob(t, &recorder{fail: errors.New("away")}, options{schema: event.SchemaTransaction}), strings.NewReader(line)); err == nil {
		t.Error("a failed publish is reported as done")
	}
}

// TestTimesAreJudged: what a consumer would refuse for its time is refused here, by field.
func TestTimesAreJudged(t *testing.T) {
	t.Parallel()
	const id = `"endToEndId":"E12345678202401051200aB3dE5fG7hI","eventTime":"2024-01-05T12:00:00Z"`
	for schema, c := range map[string][2]string{
		event.SchemaLabel:  {`{` + id + `,"source":"LABEL_SOURCE_MED","arrivedAt":"%s"}`, "arrivedAt: more than 5 minutes in the future"},
		event.SchemaStatus: {`{` + id + `,"state":"PAYMENT_STATE_SETTLED","occurredAt":"%s"}`, "occurredAt: more than 5 minutes in the future"},
	} {
		for at, published := range map[string]int{"2024-01-06T12:00:00Z": 1, "2062-01-01T00:00:00Z": 0} {
			bus := &recorder{}
			out, err := publishAll(t, newJob(t, bus, options{topic: "t", schema: schema}), strings.NewReader(fmt.Sprintf(c[0], at)))
			if len(bus.got) != published || (err == nil) != (published == 1) || published == 0 && !strings.Contains(out, c[1]) {
				t.Errorf("%s of %s: %d published, error %v; printed %s", schema, at, len(bus.got), err, out)
			}
		}
	}
}

func TestSchemaOf(t *testing.T) {
	t.Parallel()
	for topic, want := range map[string]string{
		event.TopicTransactions: event.SchemaTransaction, event.TopicLabels: event.SchemaLabel,
		event.TopicAlerts: event.SchemaAlert, event.TopicDecisions: event.SchemaDecision, "mine": event.SchemaTransaction,
	} {
		if got := schemaOf(topic); got != want {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
	}
}

// TestRunThroughTheEmulator is not parallel: the SDK reads PUBSUB_EMULATOR_HOST from the process.
func TestRunThroughTheEmulator(t *testing.T) {
	server := pstest.NewServer()
	defer server.Close()
	t.Setenv("PUBSUB_EMULATOR_HOST", server.Addr)
	conn, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := bus.Open(t.Context(), bus.Config{ProjectID: "p"}, option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	if err := admin.EnsureTopic(t.Context(), event.TopicTransactions); err != nil {
		t.Fatal(err)
	}
	line, id := payment(t)
	file := filepath.Join(t.TempDir(), "one.json")
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"publish", "-topic", event.TopicTransactions},
		{"publish", "-topic", event.TopicTransactions, "-file", file},
	} {
		var out bytes.Buffer
		std := command.IO{In: strings.NewReader(line), Out: &out, Err: &out, Getenv: func(k string) string {
			return map[string]string{"PROJECT": "p"}[k]
		}}
		if code := command.Dispatch(t.Context(), std, []command.Command{Command()}, args); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, out.String())
		}
	}
	messages := server.Messages()
	if len(messages) != 2 {
		t.Fatalf("%d messages", len(messages))
	}
	for _, m := range messages {
		if m.Attributes[event.AttrEventID] != id || m.Attributes[event.AttrSchema] != event.SchemaTransaction || string(m.Data) != line {
			t.Errorf("message %v", m.Attributes)
		}
	}
}

func TestBadArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"publish"}, 2, "-topic is required"},
		{[]string{"publish", "-topic", "t"}, 2, "-project is required"},
		{[]string{"publish", "-topic", "t", "-project", "p", "-file", "/no/such/file"}, 1, "there is no directory /no/such"},
		{[]string{"publish", "-h"}, 0, "usage: pixctl publish"},
	} {
		var out bytes.Buffer
		std := command.IO{In: strings.NewReader(""), Out: &out, Err: &out, Getenv: func(string) string { return "" }}
		if code := command.Dispatch(t.Context(), std, []command.Command{Command()}, c.args); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v: exit code %d; printed %s", c.args, code, out.String())
		}
	}
}

func TestReplayIsSaid(t *testing.T) {
	t.Parallel()
	line, _ := payment(t)
	for _, replay := range []bool{true, false} {
		bus := &recorder{}
		if _, err := publishAll(t, newJob(t, bus, options{topic: "t", schema: event.SchemaTransaction, replay: replay}), strings.NewReader(line)); err != nil {
			t.Fatal(err)
		}
		if said := bus.got[0].Attributes[event.AttrReplay]; (said == event.ReplayTrue) != replay {
			t.Errorf("replay %v is said as %q", replay, said)
		}
	}
}
