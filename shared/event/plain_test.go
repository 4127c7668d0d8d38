package event_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// These tests hold the reader and the writers of payments to the generated message, protojson and proto.

func TestFormIsTheContract(t *testing.T) {
	t.Parallel()
	if got := event.FormDiffers(); len(got) > 0 {
		t.Errorf("the form is not the .proto files: %v", got)
	}
}

type fataler interface{ Fatalf(string, ...any) }

// holdToReference fails when an envelope is read otherwise than by the reference, and tells whether it was accepted. It
// prints no value: they may be secrets of the fixture.
func holdToReference(t fataler, e event.Envelope) bool {
	got, err := event.Read(e)
	if err != nil {
		return false
	}
	want, refused := event.ReadReference(e)
	if refused != nil {
		t.Fatalf("read what the reference refuses: %v\n%q", refused, e.Data)
	}
	if math.IsNaN(got.SamplingWeight) && math.IsNaN(want.SamplingWeight) {
		got.SamplingWeight, want.SamplingWeight = 0, 0
	}
	if got != want {
		t.Fatalf("read otherwise than the reference:\n%s\n%q", cmp.Diff(want.Facts, got.Facts, equal()), e.Data)
	}
	return true
}

// decodeReference is DecodeTransaction through the generated message, protojson and proto.
func decodeReference(e event.Envelope, tokens *pix.Tokenizer, now time.Time) (pix.Transaction, error) {
	c, err := event.ReadReference(e)
	if err != nil {
		return pix.Transaction{}, err
	}
	if c.PayerTokens != (pix.Party{}) || c.PayeeTokens != (pix.Party{}) || c.DeviceToken != (pix.TokenPair{}) {
		tx := c.Transaction()
		return tx, tx.Validate(now)
	}
	if err := c.Validate(now); err != nil {
		return pix.Transaction{}, err
	}
	return tokens.Tokenize(&c.Submission), nil
}

// shuffle writes a JSON object with its members in another order, blanks between them and some numbers as text.
func (d draw) shuffle(object map[string]any) string {
	names := slices.Sorted(maps.Keys(object))
	if d.has() {
		slices.Reverse(names)
	}
	blank := one(d, "", " ", "\n\t", " \r\n ")
	var members []string
	for _, name := range names {
		var text string
		switch v := object[name].(type) {
		case map[string]any:
			text = d.shuffle(v)
		default:
			encoded, _ := json.Marshal(v)
			text = string(encoded)
		}
		if s, ok := object[name].(string); ok && strings.HasSuffix(name, "Centavos") && d.has() {
			text = s
		}
		members = append(members, blank+`"`+name+`"`+blank+":"+blank+text+blank)
	}
	return blank + "{" + strings.Join(members, ",") + "}" + blank
}

func TestPlainJSONIsReadAsProtojsonReadsIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := draw{t: t}
		s := d.submission()
		s.SamplingWeight = math.Trunc(s.SamplingWeight)
		if s.SamplingWeight > 1e6 {
			s.SamplingWeight = 0.0625
		}
		data, err := event.EncodeSubmissionJSON(&s)
		if err != nil {
			t.Fatal(err)
		}
		want, err := event.EncodeSubmissionReference(&s)
		if err != nil || string(want) != string(data) || !event.WritesPlainly(&s) {
			t.Fatalf("%v, written otherwise than by protojson:\n%s\n%s", err, want, data)
		}
		var object map[string]any
		if err := json.Unmarshal(data, &object); err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{data, []byte(d.shuffle(object))} {
			if !holdToReference(t, event.Envelope{Data: data}) {
				t.Fatalf("not plain: %s", data)
			}
		}
	})
}

func TestPlainProtoIsReadAndWrittenAsProtoDoesIt(t *testing.T) {
	t.Parallel()
	tokens := tokenizer(t)
	rapid.Check(t, func(t *rapid.T) {
		s := draw{t: t}.submission()
		tx := tokens.Tokenize(&s)
		want, err := event.EncodeReference(&tx)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.EncodeTransaction(&tx)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("written otherwise than by the reference: %s", d)
		}
		got.Data = protowire.AppendString(protowire.AppendTag(got.Data, 999, protowire.BytesType), "later")
		if !holdToReference(t, got) {
			t.Fatal("not plain")
		}
	})
}

// TestWhatIsNotWrittenPlainly gives the writers what they must leave to the reference.
func TestWhatIsNotWrittenPlainly(t *testing.T) {
	t.Parallel()
	var plain pix.Submission
	if !event.WritesPlainly(&plain) {
		t.Fatal("an empty payment is not plain")
	}
	for name, change := range map[string]func(*pix.Submission){
		"escape":       func(s *pix.Submission) { s.Payer.Name = `a"b` },
		"control":      func(s *pix.Submission) { s.Payer.Name = "a\nb" },
		"UTF-8":        func(s *pix.Submission) { s.Payer.Name = "\xff" },
		"code":         func(s *pix.Submission) { s.Purpose = "NONE" },
		"small weight": func(s *pix.Submission) { s.SamplingWeight = 1e-7 },
		"great weight": func(s *pix.Submission) { s.SamplingWeight = 1e21 },
		"NaN":          func(s *pix.Submission) { s.SamplingWeight = math.NaN() },
		"year 10000":   func(s *pix.Submission) { s.EventTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"negative":     func(s *pix.Submission) { s.Session.Duration = pix.Some(-time.Second) },
	} {
		s := plain
		if change(&s); event.WritesPlainly(&s) {
			t.Errorf("%s: plain", name)
		}
		got, err := event.EncodeSubmissionJSON(&s)
		want, refused := event.EncodeSubmissionReference(&s)
		if string(got) != string(want) || (err == nil) != (refused == nil) {
			t.Errorf("%s: %q, %v against %q, %v", name, got, err, want, refused)
		}
	}
}

// TestEventTimeHasWholeMilliseconds: what is finer is cut off, whichever way a payment is read.
func TestEventTimeHasWholeMilliseconds(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	fine := tx
	fine.EventTime = tx.EventTime.Add(999 * time.Microsecond)
	env, err := event.EncodeTransaction(&fine)
	if err != nil {
		t.Fatal(err)
	}
	data := strings.Replace(string(example(t)), "12.345Z", "12.345999Z", 1)
	for _, e := range []event.Envelope{env, {Data: []byte(data)}} {
		if got, err := event.DecodeTransaction(e, tokenizer(t), now()); err != nil || got != tx || !holdToReference(t, e) {
			t.Errorf("%v: %v", err, got.EventTime)
		}
	}
	d, err := event.EncodeDecision(&pix.Decision{Transaction: fine, Outcome: pix.Reject})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := event.DecodeDecision(d, now()); err != nil || got.Transaction != tx {
		t.Errorf("in a decision: %v: %v", err, got.Transaction.EventTime)
	}
}

// TestLongMessagesInside writes messages whose length takes one, two and three bytes.
func TestLongMessagesInside(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, 127, 128, 200, 16_383, 16_384, 20_000} {
		tx := exampleTransaction(t)
		tx.PayerFacts.AgeBand = strings.Repeat("1", size)
		want, err := event.EncodeReference(&tx)
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.EncodeTransaction(&tx)
		if err != nil || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%d: %v, written otherwise than by the reference", size, err)
		}
	}
}

// TestExampleIsRead in every way that it may be written.
func TestExampleIsRead(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	env, err := event.EncodeTransaction(&tx)
	if err != nil {
		t.Fatal(err)
	}
	var m pixv1.Transaction
	if err := protojson.Unmarshal(example(t), &m); err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	snake, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(&m)
	if err != nil {
		t.Fatal(err)
	}
	short := example(t)
	for _, prefix := range []string{"DIRECTION_", "INITIATION_", "PURPOSE_", "PRIORITY_", "SERVICE_LEVEL_", "ACCOUNT_TYPE_"} {
		short = bytes.ReplaceAll(short, []byte(prefix), nil)
	}
	exponent := strings.Replace(string(example(t)), "125000", "1.25e5", 1)
	for name, e := range map[string]event.Envelope{
		"JSON": {Data: example(t)}, "proto": env, "raw proto": envelope(raw, true), "snake_case": {Data: snake},
		"enum numbers": {Data: numbers}, "short names": {Data: short}, "exponent": {Data: []byte(exponent)},
		"escapes": {Data: []byte(strings.Replace(string(example(t)), "Maria", `Jo\u00e3o\/\"\\ \b\f\n\r\t\ud83d\ude00`, 1))},
	} {
		if !holdToReference(t, e) {
			t.Errorf("%s: refused", name)
		}
		if got, err := event.DecodeTransaction(e, tokenizer(t), now()); err != nil || got != tx {
			t.Errorf("%s: another payment: %v", name, err)
		}
	}
}

// TestWhatIsRefusedInReading is refused for its form alone.
func TestWhatIsRefusedInReading(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		``, `[]`, `{"txid":"a","txid":"b"}`, `{"txid":null,"txid":"b"}`, `{"end_to_end_id":"x"`, `{"txid":"a",}`, `{,}`, `{"txid"}`,
		`{"txid":1}`, `{"txid":"a"}x`, `{"txid":"\x"}`, `{"txid":"` + "\xff" + `"}`, `{"txid":"` + "\n" + `"}`, `{"txid":"a`,
		`{"txid":"\ud83d"}`, `{"txid":"\ud83d\u0041"}`, `{"txid":"\ude00"}`, `{"txid":"\u12"}`, `{"txid":"é\u00e9` + "\xe9" + `"}`,
		`{"amountCentavos":1.5}`, `{"amountCentavos":1e-3}`, `{"amountCentavos":01}`, `{"amountCentavos":"1 "}`, `{"amountCentavos":-}`,
		`{"amountCentavos":"1}`, `{"amountCentavos":9223372036854775808}`, `{"amountCentavos":true}`, `{"amountCentavos":1a}`,
		`{"amountCentavos":1e19}`, `{"amountCentavos":1e999999999999}`, `{"amountCentavos":""}`, `{"amountCentavos":"\"1\""}`,
		`{"direction":4}`, `{"direction":"outbound"}`, `{"direction":1.5}`, `{"direction":4294967297}`, `{"purpose":"NEW"}`,
		`{"samplingWeight":"NaN"}`, `{"samplingWeight":1.}`, `{"samplingWeight":.5}`,
		`{"samplingWeight":01}`, `{"samplingWeight":1e400}`, `{"eventTime":"2026-11-23"}`, `{"eventTime":"2026-11-23T14:30:12.1234567890Z"}`,
		`{"eventTime":"0000-11-23T14:30:12Z"}`, `{"eventTime":"9999-12-31T23:59:59-01:00"}`, `{"eventTime":"2026-02-30T14:30:12Z"}`,
		`{"eventTime":""}`, `{"eventTime":"2026-11-23T14:30:12,5Z"}`, `{"eventTime":"2026-11-23T4:30:12Z"}`,
		`{"session":{"duration":"-1s"}}`, `{"session":{"duration":"1"}}`,
		`{"session":{"duration":"01s"}}`, `{"session":{"duration":"1.s"}}`, `{"session":{"duration":".5s"}}`, `{"session":{"duration":"s"}}`,
		`{"session":{"duration":"1.1234567890s"}}`, `{"session":{"duration":"9999999999s"}}`, `{"session":{"pastedKey":"true"}}`,
		`{"session":[]}`, `{"x":1}`, `{"x":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, `{"x":01}`,
		`{"payer":{"name":"x","ownerToken":{"current":"x"}}}`,
	} {
		if _, err := event.Read(event.Envelope{Data: []byte(data)}); err == nil {
			t.Errorf("read: %.60s", data)
		}
	}
	number := func(n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
	}
	inside := func(n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
	}
	for name, data := range map[string][]byte{
		"repeated": append(number(5, 1), number(5, 2)...), "wire type": number(1, 1), "enum": number(4, 99), "next enum": number(4, 4),
		"group": {1<<3 | 3, 1<<3 | 4}, "UTF-8": inside(10, []byte("\xff")), "truncated": {0x0a, 0x05, 'a'}, "tag": {0x80},
		"year 10000": inside(2, number(1, 253402300800)), "nanos": inside(2, number(2, 1e9)), "merged": append(inside(13, nil), inside(13, nil)...),
		"a time's unknown field": inside(2, number(3, 1)), "negative span": inside(14, inside(1, number(1, math.MaxUint64))),
		"unknown": number(999, 1), "truncated inside": inside(13, []byte{0x0a, 0x05}),
	} {
		if _, err := event.Read(envelope(data, true)); err == nil {
			t.Errorf("read: %s", name)
		}
	}
}

// FuzzPlain: what is read is what the reference reads, and decodes to the same payment.
func FuzzPlain(f *testing.F) {
	tx := exampleTransaction(f)
	env, err := event.EncodeTransaction(&tx)
	if err != nil {
		f.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, example(f)); err != nil {
		f.Fatal(err)
	}
	seed(f, [][]byte{example(f), compact.Bytes()}, env)
	tokens := tokenizer(f)
	f.Fuzz(func(t *testing.T, data []byte, asProto bool) {
		e := envelope(data, asProto)
		holdToReference(t, e)
		got, err := event.DecodeTransaction(e, tokens, now())
		if err != nil {
			holdToForm(t, err)
			return
		}
		if want, refused := decodeReference(e, tokens, now()); got != want || refused != nil {
			t.Fatalf("the reference: %v\n%s", refused, cmp.Diff(want, got, equal()))
		}
	})
}
