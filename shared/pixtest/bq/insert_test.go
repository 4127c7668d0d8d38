package bq

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"cloud.google.com/go/bigquery/storage/managedwriter/adapt"
	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sentinela-pix/sentinela/shared/pixtest"
)

// everyKind has a column of each kind that layout.go knows, alone and where it knows it, in a list, a record and a list of
// records.
func everyKind() bigquery.Schema {
	var plain bigquery.Schema
	for _, t := range []bigquery.FieldType{
		bigquery.StringFieldType, bigquery.IntegerFieldType, bigquery.FloatFieldType, bigquery.BooleanFieldType,
		bigquery.TimestampFieldType, bigquery.JSONFieldType,
	} {
		plain = append(plain, &bigquery.FieldSchema{Name: "a_" + strings.ToLower(string(t)), Type: t})
	}
	inside := plain[:4:4] // neither a timestamp nor JSON
	return append(plain,
		&bigquery.FieldSchema{Name: "texts", Type: bigquery.StringFieldType, Repeated: true},
		&bigquery.FieldSchema{Name: "one", Type: bigquery.RecordFieldType, Schema: inside},
		&bigquery.FieldSchema{Name: "many", Type: bigquery.RecordFieldType, Repeated: true, Schema: inside},
	)
}

// tableOf creates a table of every kind and returns the name of its stream and a writer's message.
func tableOf(t *testing.T, c *pixtest.Cloud, name string) (stream string, message protoreflect.MessageDescriptor) {
	t.Helper()
	client, err := bigquery.NewClient(t.Context(), c.ProjectID, c.BigQueryOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	dataset := client.Dataset("d")
	if err := dataset.Create(t.Context(), nil); err != nil && !strings.Contains(err.Error(), "already") {
		t.Fatal(err)
	}
	if err := dataset.Table(name).Create(t.Context(), &bigquery.TableMetadata{Schema: everyKind()}); err != nil {
		t.Fatal(err)
	}
	return "projects/p/datasets/d/tables/" + name + "/streams/_default", messageOf(t, everyKind())
}

// normalized is a schema's message as a writer sends it.
func normalized(tb testing.TB, schema bigquery.Schema) *descriptorpb.DescriptorProto {
	tb.Helper()
	normal, err := adapt.NormalizeDescriptor(messageOf(tb, schema))
	if err != nil {
		tb.Fatal(err)
	}
	return normal
}

func messageOf(tb testing.TB, schema bigquery.Schema) protoreflect.MessageDescriptor {
	tb.Helper()
	stored, err := adapt.BQSchemaToStorageTableSchema(schema)
	if err != nil {
		tb.Fatal(err)
	}
	found, err := adapt.StorageSchemaToProto2Descriptor(stored, "row")
	if err != nil {
		tb.Fatal(err)
	}
	message, _ := found.(protoreflect.MessageDescriptor)
	return message
}

// request makes an append of messages.
func request(t *testing.T, stream string, rows ...[]byte) *storagepb.AppendRowsRequest {
	t.Helper()
	return &storagepb.AppendRowsRequest{WriteStream: stream, Rows: &storagepb.AppendRowsRequest_ProtoRows{
		ProtoRows: &storagepb.AppendRowsRequest_ProtoData{
			WriterSchema: &storagepb.ProtoSchema{ProtoDescriptor: normalized(t, everyKind())}, Rows: &storagepb.ProtoRows{SerializedRows: rows},
		},
	}}
}

// randomMessage fills most fields.
func randomMessage(r *rand.Rand, d protoreflect.MessageDescriptor) *dynamicpb.Message {
	m := dynamicpb.NewMessage(d)
	for n := range d.Fields().Len() {
		f := d.Fields().Get(n)
		switch {
		case r.IntN(4) == 0:
		case f.IsList():
			list := m.Mutable(f).List()
			for range 1 + r.IntN(3) {
				list.Append(randomValue(r, f))
			}
		default:
			m.Set(f, randomValue(r, f))
		}
	}
	return m
}

func randomValue(r *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		texts := []string{"", "plain", `quoted "x" \ y`, "São Paulo, R$ 1", "a\n\r\b\f\tb\x01", "日本 🎉", "1", "-5", "<a&b>\u2028"}
		if strings.HasSuffix(string(f.Name()), "json") {
			texts = []string{`{"a": [1, "b"], "c": null}`, `"text"`, `{}`, ` { "n" : 12345678901234567890 } `}
		}
		return protoreflect.ValueOfString(texts[r.IntN(len(texts))])
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64([]int64{0, 1, -7, 1_764_547_200_000_123, 1 << 40}[r.IntN(5)])
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64([]float64{0, 0.25, -1e-9, 1e21, 3}[r.IntN(5)])
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	default:
		return protoreflect.ValueOfMessage(randomMessage(r, f.Message()))
	}
}

// stored reads a table as SQLite has it.
func stored(t *testing.T, i *instance, table string) []string {
	t.Helper()
	i.rows.mu.Lock()
	defer i.rows.mu.Unlock()
	s, _, err := i.rows.conn.Prepare("SELECT * FROM `p_d_" + table + "` ORDER BY rowid")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var rows []string
	for s.Step() {
		for c := range s.ColumnCount() {
			v := fmt.Sprintf("%s: %s %s", s.ColumnName(c), s.ColumnType(c), unfold(s.ColumnText(c)))
			if s.ColumnType(c) == sqlite3.FLOAT {
				v = fmt.Sprintf("%s: %v", s.ColumnName(c), math.Float64bits(s.ColumnFloat(c)))
			}
			rows = append(rows, v)
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// unfold takes the base64 from a value, and from those within, so that a difference can be read.
func unfold(v string) string {
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil || !bytes.HasPrefix(b, []byte(`{"header":`)) {
		return v
	}
	inner := regexp.MustCompile(`[A-Za-z0-9+/=]{24,}`)
	return inner.ReplaceAllStringFunc(string(b), unfold)
}

func newInstance(t *testing.T) (*instance, *pixtest.Cloud) {
	t.Helper()
	c := &pixtest.Cloud{ProjectID: "p"}
	i, err := start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return i, c
}

func (i *instance) testFront(rows *inserter) *front {
	return &front{write: storagepb.NewBigQueryWriteClient(i.conn), rows: rows}
}

// appendTo appends to a stream through a front.
func appendTo(t *testing.T, f *front, r *storagepb.AppendRowsRequest) (*upstream, *storagepb.AppendRowsResponse, error) {
	t.Helper()
	up, err := f.upstream(t.Context(), map[string]*upstream{}, r.GetWriteStream(), r)
	if err != nil {
		t.Fatal(err)
	}
	response, err := f.append(t.Context(), up, r)
	return up, response, err
}

// What is written directly is in every byte what the emulator writes.
func TestRowsAreAsTheEmulatorWritesThem(t *testing.T) {
	t.Parallel()
	i, c := newInstance(t)
	r := rand.New(rand.NewPCG(1, 2))
	var rows [][]byte
	direct, message := tableOf(t, c, "direct")
	for range 40 {
		b, err := proto.Marshal(randomMessage(r, message))
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, b)
	}
	first := request(t, direct, rows[:20]...)
	up, answer, err := appendTo(t, i.testFront(i.rows), first)
	if err != nil || up.direct == nil {
		t.Fatalf("the rows were not written directly: %v", err)
	}
	if err := i.rows.insert(t.Context(), up.direct, rows[20:]); err != nil { // which the emulator would have been asked for
		t.Fatal(err)
	}
	emulated, _ := tableOf(t, c, "emulated")
	_, want, err := appendTo(t, i.testFront(nil), request(t, emulated, rows[:20]...))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := appendTo(t, i.testFront(nil), request(t, emulated, rows[20:]...)); err != nil {
		t.Fatal(err)
	}
	if got := answer.GetAppendResult().GetOffset().GetValue(); got != want.GetAppendResult().GetOffset().GetValue() {
		t.Errorf("the answer's offset is %d, the emulator's %d", got, want.GetAppendResult().GetOffset().GetValue())
	}
	if diff := cmp.Diff(stored(t, i, "emulated"), stored(t, i, "direct")); diff != "" || len(stored(t, i, "direct")) == 0 {
		t.Errorf("the emulator's rows differ (-emulator +direct):\n%.4000s", diff)
	}
}

// What is not known here is the emulator's, and so is what it says.
func TestTheRestIsTheEmulators(t *testing.T) {
	t.Parallel()
	i, c := newInstance(t)
	stream, message := tableOf(t, c, "direct")
	other, _ := tableOf(t, c, "emulated")
	fill := func(set func(m *dynamicpb.Message)) []byte {
		m := dynamicpb.NewMessage(message)
		set(m)
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	field := message.Fields().ByName
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1)
	for name, row := range map[string][]byte{
		"a field that is in no schema": unknown,
		"not a number":                 fill(func(m *dynamicpb.Message) { m.Set(field("a_float"), protoreflect.ValueOfFloat64(math.NaN())) }),
		"no JSON":                      fill(func(m *dynamicpb.Message) { m.Set(field("a_json"), protoreflect.ValueOfString("{")) }),
		"half a row":                   {0x0a, 0x05, 'a'},
		"another type":                 protowire.AppendVarint(protowire.AppendTag(nil, field("a_string").Number(), protowire.VarintType), 1),
	} {
		before := len(stored(t, i, "direct"))
		up, got, err := appendTo(t, i.testFront(i.rows), request(t, stream, fill(func(*dynamicpb.Message) {}), row))
		if insert := i.rows.insert(t.Context(), up.direct, [][]byte{row}); !errors.Is(insert, errNotOurs) {
			t.Errorf("%s was written directly: %v", name, insert)
		}
		_, want, wanted := appendTo(t, i.testFront(nil), request(t, other, fill(func(*dynamicpb.Message) {}), row))
		if (err == nil) != (wanted == nil) || strings.ReplaceAll(got.GetError().GetMessage(), "p_d_direct", "p_d_emulated") != want.GetError().GetMessage() {
			t.Errorf("%s: the answer is %v, %v, the emulator's %v, %v", name, got, err, want, wanted)
		}
		if failed := err != nil || got.GetError() != nil; failed && len(stored(t, i, "direct")) != before {
			t.Errorf("%s: of a request that was refused a row was written", name)
		}
	}
	if diff := cmp.Diff(stored(t, i, "emulated"), stored(t, i, "direct")); diff != "" {
		t.Errorf("-emulator +direct:\n%.2000s", diff)
	}
}

// A stream whose rows the emulator would keep in another way than layout.go says is left to it.
func TestStreamsOfOtherKindsAreTheEmulators(t *testing.T) {
	t.Parallel()
	normal := func(f *bigquery.FieldSchema) *storagepb.ProtoSchema {
		return &storagepb.ProtoSchema{ProtoDescriptor: normalized(t, bigquery.Schema{f})}
	}
	table := func(f *bigquery.FieldSchema) *storagepb.WriteStream {
		stored, err := adapt.BQSchemaToStorageTableSchema(bigquery.Schema{f})
		if err != nil {
			t.Fatal(err)
		}
		return &storagepb.WriteStream{Type: storagepb.WriteStream_COMMITTED, TableSchema: stored}
	}
	text := &bigquery.FieldSchema{Name: "a", Type: bigquery.StringFieldType}
	const stream = "projects/p/datasets/d/tables/t/streams/_default"
	pending := table(text)
	pending.Type = storagepb.WriteStream_PENDING
	for name, c := range map[string]struct {
		stream  string
		table   *storagepb.WriteStream
		message *bigquery.FieldSchema
	}{
		"a stream that is committed later": {stream, pending, text},
		"a stream of its own":              {"projects/p/datasets/d/tables/t/streams/s", table(text), text},
		"a name that is no name":           {"projects/p/datasets/d/tables/t`/streams/_default", table(text), text},
		"a column that is not there":       {stream, table(text), &bigquery.FieldSchema{Name: "b", Type: bigquery.StringFieldType}},
		"another type":                     {stream, table(text), &bigquery.FieldSchema{Name: "a", Type: bigquery.IntegerFieldType}},
		"a list for one":                   {stream, table(text), &bigquery.FieldSchema{Name: "a", Type: bigquery.StringFieldType, Repeated: true}},
		"numbers in a list": {
			stream, table(&bigquery.FieldSchema{Name: "a", Type: bigquery.IntegerFieldType, Repeated: true}),
			&bigquery.FieldSchema{Name: "a", Type: bigquery.IntegerFieldType, Repeated: true},
		},
		"a day": {
			stream, table(&bigquery.FieldSchema{Name: "a", Type: bigquery.DateFieldType}),
			&bigquery.FieldSchema{Name: "a", Type: bigquery.DateFieldType},
		},
		"a timestamp in a record": {
			stream, table(&bigquery.FieldSchema{Name: "a", Type: bigquery.RecordFieldType, Schema: everyKind()[4:5]}),
			&bigquery.FieldSchema{Name: "a", Type: bigquery.RecordFieldType, Schema: everyKind()[4:5]},
		},
	} {
		if to, err := newTarget(c.table, c.stream, normal(c.message)); !errors.Is(err, errNotOurs) {
			t.Errorf("%s: %+v, %v", name, to, err)
		}
	}
	if _, err := newTarget(table(text), stream, normal(text)); err != nil {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	stored, err := adapt.BQSchemaToStorageTableSchema(everyKind())
	if err != nil {
		f.Fatal(err)
	}
	columns, names, err := match(stored.GetFields(), normalized(f, everyKind()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0x0a, 0x01, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		cells, err := columns.decode(b, len(names))
		if err == nil && len(cells) != len(names) {
			t.Errorf("%d cells for %d columns", len(cells), len(names))
		}
	})
}
