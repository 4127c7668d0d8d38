package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/obs"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// idle is a bridge that does not run. Nothing of it reaches a network.
func idle(t *testing.T, brokers string) *Bridge {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///nowhere", grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	pubsub, err := bus.Open(t.Context(), bus.Config{ProjectID: "test"}, option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel() // what was published goes nowhere
		_ = pubsub.Close(ended)
	})
	tokenizer, err := pix.NewTokenizer(pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("k"), 32)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(Config{Brokers: []string{brokers}}, Deps{
		Bus: pubsub, Tokenizer: tokenizer, Registry: obs.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counted is the sum of a counter over its labels.
func (b *Bridge) counted(t *testing.T, name string) (sum float64) {
	t.Helper()
	families, err := b.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

func TestPeriodicCommitsThatFailAreCounted(t *testing.T) {
	t.Parallel()
	answer := func(codes ...int16) *kmsg.OffsetCommitResponse {
		topic := kmsg.OffsetCommitResponseTopic{}
		for _, code := range codes {
			topic.Partitions = append(topic.Partitions, kmsg.OffsetCommitResponseTopicPartition{ErrorCode: code})
		}
		return &kmsg.OffsetCommitResponse{Topics: []kmsg.OffsetCommitResponseTopic{topic}}
	}
	for name, c := range map[string]struct {
		answer *kmsg.OffsetCommitResponse
		err    error
		want   float64
	}{
		"nothing to commit":     {nil, nil, 0},
		"all committed":         {answer(0, 0), nil, 0},
		"one partition refused": {answer(0, kerr.InvalidCommitOffsetSize.Code), nil, 1},
		"no answer":             {nil, errors.New("away"), 1},
		"stopped":               {nil, fmt.Errorf("commit: %w", context.Canceled), 0},
	} {
		b := idle(t, "kafka:9092")
		b.onCommit(nil, nil, c.answer, c.err)
		if got := b.counted(t, "pix_bridge_commit_failures_total"); got != c.want {
			t.Errorf("%s: %v failures, want %v", name, got, c.want)
		}
	}
}

// What the client repairs itself is counted at most; a topic that is another one now ends the process.
func TestFetchErrors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err     error
		counted float64
		fatal   bool
	}{
		"stopped":          {context.Canceled, 0, false},
		"nothing came":     {context.DeadlineExceeded, 0, false},
		"closed":           {kgo.ErrClientClosed, 0, false},
		"no room":          {fmt.Errorf("unpack: %w", errNoRoom), 0, false},
		"broker away":      {errors.New("dial"), 1, false},
		"another topic":    {kerr.UnknownTopicID, 1, true},
		"another topic id": {kerr.InconsistentTopicID, 1, true},
	} {
		b := idle(t, "kafka:9092")
		if err := b.fetchErrors(t.Context(), kgo.NewErrFetch(c.err)); (err != nil) != c.fatal {
			t.Errorf("%s: %v, want fatal %v", name, err, c.fatal)
		}
		if got := b.counted(t, "pix_bridge_fetch_errors_total"); got != c.counted {
			t.Errorf("%s: %v counted, want %v", name, got, c.counted)
		}
	}
}

// A payment that the bus refuses for good, whatever the converter made of it, becomes a dead letter in the next round.
func TestRefusedForGoodBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	b := idle(t, "kafka:9092")
	m := message{topic: "payments", data: make([]byte, bus.MaxMessageBytes+1), result: resultPublished}
	it := item{record: &kgo.Record{Topic: "t", Offset: 7}, message: m, sending: b.publish(t.Context(), &m)}
	if b.acknowledged(t.Context(), &it) || it.done || it.message.letter == nil || it.message.topic != b.cfg.DeadLetterTopic {
		t.Fatalf("done %v, message %+v", it.done, it.message)
	}
	if letter := it.message.letter; letter.Reason != pix.TooLarge.String() || letter.Origin[event.AttrDeadLetterOffset] != "7" {
		t.Errorf("the letter is %+v", letter)
	}
}

// One that fails for now does not.
func TestRefusedForNowStaysAPayment(t *testing.T) {
	t.Parallel()
	b := idle(t, "kafka:9092")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	m := message{topic: "payments", data: []byte("x"), result: resultPublished}
	it := item{record: &kgo.Record{}, message: m, sending: b.publish(t.Context(), &m)}
	if b.acknowledged(ended, &it) || it.done || it.message.letter != nil {
		t.Errorf("done %v, message %+v", it.done, it.message)
	}
}

func TestUnknownValuesAreCounted(t *testing.T) {
	t.Parallel()
	b := idle(t, "kafka:9092")
	b.converter.unknown("initiation")
	if got := b.counted(t, "pix_bridge_unknown_values_total"); got != 1 {
		t.Errorf("%v values counted, want 1", got)
	}
}

// A broker that cannot be named, which only the client finds, ends everything that would connect.
func TestAnAddressThatIsNone(t *testing.T) {
	t.Parallel()
	b := idle(t, "kafka:port")
	if err := b.Run(t.Context()); pix.KindOf(err) != pix.Invalid {
		t.Errorf("run: %v", err)
	}
	if err := b.Reread(t.Context(), Range{}, nil); err == nil {
		t.Error("a range was read")
	}
	b = idle(t, "kafka:port")
	b.cfg.TokenisedTopic = "t"
	if err := b.Run(t.Context()); err == nil {
		t.Error("the tokenised topic was found")
	}
}

func TestClientsWordsInTheLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := kafkaLog{slog.New(slog.NewTextHandler(&out, nil))}
	l.Log(kgo.LogLevelWarn, "slow", "broker id", 1, 2, "x y")
	l.Log(kgo.LogLevelError, "gone")
	for _, want := range []string{`level=WARN msg="kafka client: slow" broker_id=1`, `!BADKEY=2`, `level=ERROR msg="kafka client: gone"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, &out)
		}
	}
}

// A decoder's panic is a dead letter like another refusal: without the panic's words, which may quote the payload, with the
// trace, and with the payload where that can be tokenised.
func TestADecoderThatPanicsRefuses(t *testing.T) {
	t.Parallel()
	const secret, trace = "52998224725", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	value, err := event.EncodeSubmissionJSON(&pix.Submission{Facts: pix.Facts{Amount: 7}})
	if err != nil {
		t.Fatal(err)
	}
	panics := func() time.Time { panic(secret) }
	for name, c := range map[string]struct {
		value  []byte
		trace  string
		spoil  func(*converter)
		kept   bool // the payload
		reason pix.Kind
	}{
		"while it decodes":    {value, trace, func(c *converter) { c.now = panics }, true, pix.Unexpected},
		"a trace of its own":  {value, secret, func(c *converter) { c.now = panics }, true, pix.Unexpected},
		"while it tokenises":  {value, trace, func(c *converter) { c.tokenizer = nil }, false, pix.Invalid},
		"nothing to tokenise": {[]byte("{"), trace, func(*converter) {}, false, pix.Invalid},
	} {
		b := idle(t, "kafka:9092")
		c.spoil(b.converter)
		m := b.converter.convert(&kgo.Record{Value: c.value, Headers: []kgo.RecordHeader{{Key: event.AttrTraceparent, Value: []byte(c.trace)}}}, &sheet{})
		if m.letter == nil {
			t.Errorf("%s: no dead letter", name)
			continue
		}
		if (len(m.letter.Envelope.Data) > 0) != c.kept || strings.Contains(m.letter.Detail, secret) {
			t.Errorf("%s: %d bytes are kept, %s", name, len(m.letter.Envelope.Data), m.letter.Detail)
		}
		if got := m.letter.Envelope.Attributes[event.AttrTraceparent]; (got == trace) != (c.trace == trace) || strings.Contains(got, secret) {
			t.Errorf("%s: the trace is %q", name, got)
		}
		if m.letter.Reason != c.reason.String() {
			t.Errorf("%s: the reason is %s", name, m.letter.Reason)
		}
	}
}
