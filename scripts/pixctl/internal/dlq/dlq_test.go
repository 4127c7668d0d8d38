package dlq

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/keyring/keytest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	replays "github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// desk is a project of its own with the system's topics and the subscription of the desk.
type desk struct {
	*bus.Bus
	project string
	env     map[string]string
}

// pubsub is the emulator of all tests: the SDK reads its address from the process.
var pubsub *pstest.Server

func TestMain(m *testing.M) {
	pubsub = pstest.NewServer()
	_ = os.Setenv("PUBSUB_EMULATOR_HOST", pubsub.Addr)
	code := m.Run()
	_ = pubsub.Close()
	os.Exit(code)
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	project := strings.ToLower(t.Name())
	b, err := bus.Open(t.Context(), bus.Config{ProjectID: project})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	for _, topic := range []string{event.TopicDeadLetter, event.TopicTransactions, event.TopicLabels} {
		if err := b.EnsureTopic(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	s := bus.Subscription{Name: event.SubscriptionDesk, Topic: event.TopicDeadLetter, AckDeadline: time.Minute}
	if err := b.EnsureSubscription(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return &desk{Bus: b, project: project, env: map[string]string{"PROJECT": project}}
}

// run is one call of the command.
func (d *desk) run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	std := command.IO{Out: &out, Err: &errs, Getenv: func(k string) string { return d.env[k] }}
	code = command.Dispatch(ctx, std, Commands(), append([]string{"dlq"}, args...))
	return code, out.String(), errs.String()
}

// left counts the letters that nobody has acknowledged.
func (d *desk) left(t *testing.T) int {
	t.Helper()
	batch, err := d.Pull(t.Context(), event.SubscriptionDesk, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range batch {
		if err := d.Hold(t.Context(), event.SubscriptionDesk, []string{m.AckID}, 0); err != nil {
			t.Fatal(err)
		}
	}
	return len(batch)
}

// list is the command's own listing.
func (d *desk) list(t *testing.T, args ...string) (found listing) {
	t.Helper()
	code, out, errs := d.run(t.Context(), append([]string{"list", "-json"}, args...)...)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

// on are the messages of a topic.
func (d *desk) on(topic string) (list []*pstest.Message) {
	for _, m := range pubsub.Messages() {
		if m.Topic == "projects/"+d.project+"/topics/"+topic {
			list = append(list, m)
		}
	}
	return list
}

// submissions are the first payments of a world.
func submissions(t *testing.T, n int) []pix.Submission {
	t.Helper()
	w := world.New(world.Params{Seed: 1, Accounts: 300, Days: 1})
	var list []pix.Submission
	for len(list) < n {
		e, ok := w.Next()
		if !ok {
			t.Fatal("the world ended")
		}
		list = append(list, e.Submission)
	}
	return list
}

// payload is a payment in tokens, after a change.
func payload(t *testing.T, s pix.Submission, change func(*pix.Transaction)) event.Envelope {
	t.Helper()
	tokenizer, err := replays.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	tx := tokenizer.Tokenize(&s)
	change(&tx)
	e, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// write puts three letters on the desk: one that can be replayed, one that would be refused again, one in Kafka.
func (d *desk) write(t *testing.T) []pix.Submission {
	t.Helper()
	list := submissions(t, 3)
	old := payload(t, list[0], func(*pix.Transaction) {})
	old.Attributes[event.AttrArrivedAt] = "2026-01-05T10:00:00.000Z"
	for _, l := range []bus.Letter{
		{Reason: "too_old", Detail: "eventTime: 30h\x1b[2J before arrival", Source: "score", Envelope: old,
			Origin: map[string]string{event.AttrDeadLetterMessageID: "4711"}},
		{Reason: "invalid", Detail: "amountCentavos: not above zero", Source: "kafka",
			Envelope: payload(t, list[1], func(tx *pix.Transaction) { tx.Amount = 0 })},
		{Reason: "invalid", Detail: "not JSON", Source: "kafka", Origin: map[string]string{
			event.AttrDeadLetterTopic: "pix.transactions", event.AttrDeadLetterPartition: "0", event.AttrDeadLetterOffset: "1"}},
	} {
		if err := d.DeadLetter(t.Context(), event.TopicDeadLetter, l); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// TestLookingLosesNothing: letters can be listed and shown again and again.
func TestLookingLosesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := d.write(t)
	for range 2 {
		if found := d.list(t); len(found.Letters) != 3 || found.More {
			t.Fatalf("%d letters, more %v", len(found.Letters), found.More)
		}
	}
	if found := d.list(t, "-reason", "invalid", "-limit", "1"); len(found.Letters) != 1 || !found.More || found.Letters[0].Reason != "invalid" {
		t.Errorf("filtered: %+v", found)
	}
	_, out, _ := d.run(t.Context(), "list")
	for _, want := range []string{"too_old", "score", string(list[0].ID), "message 4711", "pix.transactions/0/1", "yes", "no"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	code, out, errs := d.run(t.Context(), "show", string(list[0].ID))
	for _, want := range []string{"30h [2J before", "A replay decides it by its own date", "dlq replay -id", `"accountToken"`, "2026-01-05"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit code %d, %q is not shown:\n%s%s", code, want, out, errs)
		}
	}
	if code, _, errs = d.run(t.Context(), "show", "4711"); code != 1 || !strings.Contains(errs, "no letter has this id") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if n := d.left(t); n != 3 {
		t.Errorf("%d letters are left", n)
	}
}

// TestNothingForeignIsShown: whoever may publish on the topic could have put a name or a document anywhere.
func TestNothingForeignIsShown(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	raw, err := event.EncodeSubmissionJSON(&submissions(t, 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	foreign := event.Envelope{Data: raw, Attributes: map[string]string{
		event.AttrSchema: event.SchemaTransaction, event.AttrDeadLetterReason: "Maria da Silva", event.AttrDeadLetterTopic: "Maria da Silva",
		event.AttrEventID: "52998224725", event.AttrDeadLetterSource: "Maria da Silva",
	}}
	binary, err := proto.Marshal(&pixv1.Transaction{Payer: &pixv1.Party{Document: "52998224725", Name: "Maria da Silva"}})
	if err != nil {
		t.Fatal(err)
	}
	inProto := event.Envelope{Data: binary, Attributes: map[string]string{
		event.AttrSchema: event.SchemaTransaction, event.AttrEncoding: event.EncodingProto,
	}}
	for _, e := range []event.Envelope{foreign, inProto} {
		if err := d.Publish(t.Context(), event.TopicDeadLetter, e); err != nil {
			t.Fatal(err)
		}
	}
	commands := [][]string{{"list"}, {"replay"}}
	for _, l := range d.list(t).Letters {
		commands = append(commands, []string{"show", l.ID}, []string{"show", l.ID, "-json"})
	}
	if len(commands) != 6 {
		t.Fatalf("%d commands", len(commands))
	}
	for _, args := range commands {
		_, out, errs := d.run(t.Context(), args...)
		if said := out + errs; strings.Contains(said, "Maria") || strings.Contains(said, "52998224725") || strings.Contains(said, `"document"`) {
			t.Errorf("%v: %s", args, said)
		}
	}
	if n := len(d.on(event.TopicTransactions)); n > 0 {
		t.Errorf("%d raw payments were published", n)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := d.write(t)
	code, out, errs := d.run(t.Context(), "replay", "-dry-run", "-json")
	if want := `{"letters":3,"replayed":1,"refused":1,"without_payload":1,"failed":0,"published":1,"dry_run":true}` + "\n"; code != 1 || out != want {
		t.Errorf("dry run: exit code %d, %swant %s%s", code, out, want, errs)
	}
	if n := len(d.on(event.TopicTransactions)); n != 0 || d.left(t) != 3 {
		t.Fatalf("a dry run published %d messages", n)
	}
	code, _, errs = d.run(t.Context(), "replay", "-reason", "too_old", "-topic", "nosuch")
	if code != 1 || d.left(t) != 3 {
		t.Fatalf("publishing failed with exit code %d, and the letter is gone: %s", code, errs)
	}
	if code, out, errs = d.run(t.Context(), "replay"); code != 1 || !strings.Contains(out, "3 letters: 1 replayed") ||
		!strings.Contains(errs, "not replayed and stay") || !strings.Contains(errs, "replay -from-kafka") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	published := d.on(event.TopicTransactions)
	if len(published) != 1 {
		t.Fatalf("%d messages", len(published))
	}
	want := map[string]string{
		event.AttrEventID: string(list[0].ID), event.AttrReplay: event.ReplayTrue, event.AttrEncoding: event.EncodingProto,
		event.AttrSchema: event.SchemaTransaction, event.AttrArrivedAt: "2026-01-05T10:00:00.000Z",
	}
	if got := published[0].Attributes; len(got) != len(want) || got[event.AttrReplay] != "true" || got[event.AttrArrivedAt] != want[event.AttrArrivedAt] {
		t.Errorf("attributes %v, want %v", got, want)
	}
	if left := d.list(t).Letters; len(left) != 2 || left[0].Reason != "invalid" || left[1].Reason != "invalid" {
		t.Errorf("left: %+v", left)
	}
	if code, out, errs = d.run(t.Context(), "replay", "-reason", "too_old"); code != 0 || !strings.Contains(out, "0 letters") {
		t.Errorf("again: exit code %d: %s%s", code, out, errs)
	}
}

// TestReplayFromKafka: what a letter only names is read where it lies and tokenised as the bridge does.
func TestReplayFromKafka(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := d.write(t)
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "pix.transactions"))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	producer, err := kgo.NewClient(kgo.SeedBrokers(kafka.ListenAddrs()...), kgo.DefaultProduceTopic("pix.transactions"))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i := range list {
		data, err := event.EncodeSubmissionJSON(&list[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := producer.ProduceSync(t.Context(), &kgo.Record{Value: data}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	id := ""
	for _, l := range d.list(t, "-reason", "invalid").Letters {
		if !l.HasPayload {
			id = l.ID
		}
	}
	if code, _, errs := d.run(t.Context(), "replay", "-from-kafka", "-id", id); code != 1 || !strings.Contains(errs, "TOKEN_KEY") {
		t.Errorf("without a key: exit code %d: %s", code, errs)
	}
	d.env["KAFKA_BROKERS"], d.env["TOKEN_KEY"] = strings.Join(kafka.ListenAddrs(), ","), keytest.Base64("k")
	code, out, errs := d.run(t.Context(), "replay", "-from-kafka", "-id", id, "-json")
	if want := `{"letters":1,"replayed":1,"refused":0,"without_payload":0,"failed":0,"published":1,"dry_run":false}` + "\n"; code != 0 || out != want {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if n := d.left(t); n != 2 {
		t.Errorf("%d letters are left", n)
	}
	if code, _, errs := d.run(t.Context(), "replay", "-range", "pix.transactions/0/0-2"); code != 0 {
		t.Errorf("a range: exit code %d: %s", code, errs)
	}
	if code, _, errs := d.run(t.Context(), "replay", "-range", "pix.transactions/0/2-9"); code != 1 || !strings.Contains(errs, "offset 9 is not there") {
		t.Errorf("a range that is not there: exit code %d: %s", code, errs)
	}
	var got []string
	for _, m := range d.on(event.TopicTransactions) {
		got = append(got, m.Attributes[event.AttrEventID]+m.Attributes[event.AttrReplay])
		if !event.FromBridge(event.Envelope{Data: m.Data, Attributes: m.Attributes}) {
			t.Error("not in tokens")
		}
	}
	want := string(list[1].ID) + "true " + string(list[0].ID) + "true " + string(list[1].ID) + "true " + string(list[2].ID) + "true"
	if strings.Join(got, " ") != want {
		t.Errorf("published %v, want %s", got, want)
	}
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, args := range [][]string{{"list"}, {"show", "1"}, {"replay"}} {
		code, _, errs := d.run(t.Context(), append(args, "-subscription", "mine")...)
		if code != 1 || !strings.Contains(errs, "subscription mine does not exist in project "+d.project) || !strings.Contains(errs, "-create") {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
	}
	if code, _, errs := d.run(t.Context(), "list", "-subscription", "mine", "-create"); code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if err := d.DeadLetter(t.Context(), event.TopicDeadLetter, bus.Letter{Reason: "invalid", Source: "score"}); err != nil {
		t.Fatal(err)
	}
	if found := d.list(t, "-subscription", "mine"); len(found.Letters) != 1 {
		t.Errorf("%d letters", len(found.Letters))
	}
}

// TestAnInterruptionGivesBack what was held.
func TestAnInterruptionGivesBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.write(t)
	ctx, cancel := context.WithCancel(t.Context())
	in := inbox{from: d, subscription: event.SubscriptionDesk, wait: time.Minute}
	err := in.each(ctx, func(*letter) (bool, error) { cancel(); return false, nil })
	if err == nil {
		t.Error("an interruption is no success")
	}
	if n := d.left(t); n != 3 {
		t.Errorf("%d letters came back", n)
	}
	if code, _, _ := d.run(ctx, "list"); code != command.ExitInterrupted {
		t.Errorf("exit code %d", code)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		env  string
	}{
		{[]string{"list"}, ""}, {[]string{"list", "-limit", "0"}, "p"}, {[]string{"show"}, "p"}, {[]string{"list", "-wait", "0"}, "p"},
		{[]string{"replay", "-range", "pix.transactions/0"}, "p"}, {[]string{"list", "extra"}, "p"},
	} {
		d := &desk{env: map[string]string{"PROJECT": c.env}}
		if code, _, errs := d.run(t.Context(), c.args...); code != command.ExitUsage {
			t.Errorf("%v: exit code %d: %s", c.args, code, errs)
		}
	}
}

// TestEveryReasonHasAdvice: none falls to the words for what is not known.
func TestEveryReasonHasAdvice(t *testing.T) {
	t.Parallel()
	unknown := advice(&letter{Reason: "new"})
	seen := map[string]bool{}
	for kind := pix.Unexpected; kind <= pix.Cancelled; kind++ {
		if seen[kind.String()] = true; advice(&letter{Reason: kind.String()}) == unknown {
			t.Errorf("%s has none", kind)
		}
	}
	if len(seen) < 10 || advice(&letter{Reason: reasonPanic}) == unknown {
		t.Errorf("%d reasons", len(seen))
	}
}

func FuzzParseRange(f *testing.F) {
	f.Add("pix.transactions/3/17-20")
	f.Add("a/0/9")
	f.Add("a/-1/2")
	f.Add("a/1/3-2")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := parseRange(s)
		if err == nil && (r.Topic == "" || r.Partition < 0 || r.First < 0 || r.Last < r.First) {
			t.Errorf("%q: %+v", s, r)
		}
	})
}

// quiet is a subscription without letters, which answers with an error if there is one.
type quiet struct {
	err   error
	pulls int
}

func (q *quiet) Pull(context.Context, string, int) ([]bus.Received, error) {
	q.pulls++
	return nil, q.err
}

func (q *quiet) Hold(context.Context, string, []string, time.Duration) error { return nil }

func (q *quiet) Acknowledge(context.Context, string, []string) error { return nil }

// TestSilenceIsNoFailure, but a subscription that does not answer is: it may hold any number of letters.
func TestSilenceIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for failure, pulls := range map[error]int{nil: 5, pix.E(pix.Timeout, "pull", context.DeadlineExceeded): 1} {
			q := &quiet{err: failure}
			in := inbox{from: q, wait: time.Second}
			err := in.each(t.Context(), func(*letter) (bool, error) { return false, nil })
			if !errors.Is(err, failure) || (err == nil) != (failure == nil) || q.pulls != pulls {
				t.Errorf("%v: %v after %d pulls", failure, err, q.pulls)
			}
		}
	})
}

// TestALetterGoesBackWhereItWasRead: the function that reads payments reads how they ended too.
func TestALetterGoesBackWhereItWasRead(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		"": event.TopicTransactions, event.SchemaTransaction: event.TopicTransactions, event.SchemaStatus: event.TopicTransactions,
		event.SchemaLabel: event.TopicLabels, event.SchemaDecision: event.TopicDecisions, event.SchemaAlert: event.TopicAlerts,
	} {
		if got := topicOf(schema); got != want {
			t.Errorf("%q goes to %s, want %s", schema, got, want)
		}
	}
}
