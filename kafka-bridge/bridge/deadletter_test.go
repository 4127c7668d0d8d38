package bridge_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// raw is a CPF that is valid, a name and a key, which a producer may put anywhere.
const (
	rawCPF  = "52998224725"
	rawName = "Maria Aparecida"
	rawKey  = "maria.aparecida@example.com"
)

// edited returns a good payment's wire JSON after a change to its tree.
func edited(tb testing.TB, seed uint64, change func(map[string]any)) []byte {
	tb.Helper()
	s := submissions(tb, seed, 1)[0]
	s.Payer.Document, s.Payer.Name = rawCPF, rawName
	s.PayerFacts.Person = pix.NaturalPerson
	data, err := event.EncodeSubmissionJSON(&s)
	if err != nil {
		tb.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(data, &tree); err != nil {
		tb.Fatal(err)
	}
	change(tree)
	data, err = json.Marshal(tree)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func set(key string, v any) func(map[string]any) {
	return func(tree map[string]any) { tree[key] = v }
}

func TestInvalidRecordsBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	header := func(k, v string) []kgo.RecordHeader { return []kgo.RecordHeader{{Key: k, Value: []byte(v)}} }
	for name, tc := range map[string]struct {
		value   []byte
		headers []kgo.RecordHeader
		reason  string
		kept    bool // the tokenised payload goes along
	}{
		"no value":                {nil, nil, "invalid", false},
		"bad JSON":                {[]byte(`{"payer":{"document":"` + rawCPF + `"`), nil, "invalid", false},
		"not JSON":                {[]byte(rawName + " " + rawCPF), nil, "invalid", false},
		"NaN":                     {[]byte(`{"amountCentavos":NaN,"payer":{"name":"` + rawName + `"}}`), nil, "invalid", false},
		"wrong type":              {edited(t, 31, set("payer", rawName)), nil, "invalid", false},
		"amount is a word":        {edited(t, 31, set("amountCentavos", rawCPF+"x")), nil, "invalid", false},
		"empty id":                {edited(t, 31, set("endToEndId", "")), nil, "invalid", true},
		"malformed id":            {edited(t, 31, set("endToEndId", rawCPF)), nil, "invalid", true},
		"amount of zero":          {edited(t, 31, set("amountCentavos", "0")), nil, "invalid", true},
		"amount is negative":      {edited(t, 31, set("amountCentavos", "-5")), nil, "invalid", true},
		"amount overflows":        {edited(t, 31, set("amountCentavos", "99999999999999999999")), nil, "invalid", false},
		"far in the future":       {edited(t, 31, set("eventTime", "2999-01-01T00:00:00Z")), nil, "invalid", true},
		"a name in a fact":        {edited(t, 31, set("txid", rawName)), nil, "invalid", true},
		"a key in a fact":         {edited(t, 31, set("txid", rawKey)), nil, "invalid", true},
		"a document in a fact":    {edited(t, 31, func(m map[string]any) { m["payer"].(map[string]any)["ispb"] = rawCPF }), nil, "invalid", true},
		"a document as the state": {edited(t, 31, func(m map[string]any) { m["payer"].(map[string]any)["state"] = rawCPF }), nil, "invalid", true},
		"a bad document":          {edited(t, 31, func(m map[string]any) { m["payer"].(map[string]any)["document"] = "52998224726" }), nil, "invalid", true},
		"a status in JSON":        {[]byte(`{"endToEndId":"` + rawCPF + `","state":"PAYMENT_STATE_SETTLED"}`), header(event.AttrSchema, event.SchemaStatus), "invalid", false},
		"not JSON, xml says it":   {[]byte("<pix>" + rawName + "</pix>"), header(event.AttrEncoding, "xml"), "invalid", false},
		"not proto":               {[]byte(rawName), header(event.AttrEncoding, "proto"), "invalid", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			record := &kgo.Record{Value: tc.value, Headers: append(tc.headers, kgo.RecordHeader{Key: "customer", Value: []byte(rawName)})}
			c.write(t, []*kgo.Record{record})
			good := submissions(t, 32, 4)
			c.produce(t, good)
			m := c.join(t, options{})
			eventually(t, "the good ones published", c.complete)
			eventually(t, "a dead letter", func() bool { return len(c.messages(event.TopicDeadLetter)) == 1 })
			_ = m.leave(t)
			c.exact(t)
			letter := c.messages(event.TopicDeadLetter)[0]
			want := map[string]string{
				"dlq_reason": tc.reason, "dlq_source": "kafka", "dlq_topic": kafkaTopic,
				"dlq_partition": strconv.Itoa(int(record.Partition)), "dlq_offset": strconv.FormatInt(record.Offset, 10),
			}
			got := map[string]string{}
			for k := range want {
				got[k] = letter.Attributes[k]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if letter.Attributes["dlq_detail"] == "" {
				t.Error("the letter does not say what is wrong")
			}
			if kept := len(letter.Data) > 0; kept != tc.kept {
				t.Errorf("payload of %d bytes, want one: %v", len(letter.Data), tc.kept)
			}
			for _, message := range c.pubsub.Messages() {
				text := string(message.Data)
				for k, v := range message.Attributes {
					text += "\n" + k + "=" + v
				}
				for _, raw := range []string{rawCPF, rawName, rawKey, "Maria", "52998224726"} {
					if strings.Contains(text, raw) {
						t.Errorf("%q is in a message of %s", raw, message.Topic)
					}
				}
			}
			if log := m.logs.String(); strings.Contains(log, rawCPF) || strings.Contains(log, "Maria") {
				t.Error("a raw value is in the log")
			}
			if offset := c.committed()[record.Partition]; offset <= record.Offset {
				t.Errorf("committed to %d: the bad record at %d blocks its partition", offset, record.Offset)
			}
		})
	}
}

// Runs of records of which nothing can be kept become one letter each, whatever their number; each is counted, none holds
// its partition back, and a record whose payload is kept has a letter of its own.
func TestNoiseIsSummarised(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	var records []*kgo.Record
	add := func(n int, value []byte, headers ...kgo.RecordHeader) {
		for range n {
			records = append(records, &kgo.Record{Value: value, Headers: headers})
		}
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(c.kafka.ListenAddrs()...), kgo.DefaultProduceTopic(kafkaTopic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	add(1000, nil)
	add(500, []byte("{"))
	add(3, edited(t, 35, set("txid", rawName)))
	add(200, []byte{}, kgo.RecordHeader{Key: event.AttrEncoding, Value: []byte("xml")})
	if err := producer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c.produce(t, submissions(t, 36, 40))
	refused := bus.Config{PublishTimeout: 200 * time.Millisecond}
	c.gate.set(codes.Unavailable)
	m := c.join(t, options{bus: refused})
	eventually(t, "one refusal", func() bool { return gauge(t, m, "pix_bridge_publish_retries_total") > 0 })
	c.gate.set(codes.OK)
	eventually(t, "the payments published", c.complete)
	eventually(t, "committed", func() bool { return c.committed()[0] == c.tail(0) })
	_ = m.leave(t)
	c.lossless(t)
	type run struct{ reason, first, last, records string }
	got := map[run]bool{}
	for _, letter := range c.messages(event.TopicDeadLetter) {
		a := letter.Attributes
		got[run{a[event.AttrDeadLetterReason], a[event.AttrDeadLetterOffset], a[event.AttrDeadLetterLastOffset], a[event.AttrDeadLetterRecords]}] = true
	}
	want := map[run]bool{
		{"invalid", "0", "1499", "1500"}: true, {"invalid", "1500", "", ""}: true, {"invalid", "1501", "", ""}: true,
		{"invalid", "1502", "", ""}: true, {"invalid", "1503", "1702", "200"}: true,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(run{})); diff != "" {
		t.Errorf("letters (-want +got):\n%s", diff)
	}
	_, metrics := m.get("/metrics")
	for _, line := range []string{
		`pix_bridge_records_total{result="invalid"} 1703`,
		"pix_bridge_in_flight_bytes 0", "pix_bridge_in_flight_records 0",
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}

// A letter that cannot be published must hold its record's offset back, as a payment does.
func TestOversizeRecord(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	big := edited(t, 33, set("filler", strings.Repeat(rawCPF, event.MaxDataBytes/len(rawCPF)+1)))
	producer, err := kgo.NewClient(kgo.SeedBrokers(c.kafka.ListenAddrs()...), kgo.DefaultProduceTopic(kafkaTopic),
		kgo.ProducerBatchMaxBytes(64<<20), kgo.BrokerMaxWriteBytes(128<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.ProduceSync(t.Context(), &kgo.Record{Value: big}).FirstErr(); err != nil {
		t.Skipf("the broker refuses it: %v", err)
	}
	c.produce(t, submissions(t, 34, 20))
	c.join(t, options{})
	eventually(t, "the good ones published", c.complete)
	eventually(t, "a dead letter", func() bool { return len(c.messages(event.TopicDeadLetter)) == 1 })
	letter := c.messages(event.TopicDeadLetter)[0]
	if letter.Attributes[event.AttrDeadLetterReason] != "too_large" || len(letter.Data) > bus.MaxMessageBytes/2 {
		t.Errorf("reason %q, payload of %d bytes", letter.Attributes[event.AttrDeadLetterReason], len(letter.Data))
	}
	c.verify(t)
}
