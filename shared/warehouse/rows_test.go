package warehouse_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"cloud.google.com/go/bigquery"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

var update = flag.Bool("update", false, "rewrite testdata")

// rowMessage decodes an encoded row as BigQuery would, by the descriptor that travels with it.
func rowMessage(tb testing.TB, row []byte) *dynamicpb.Message {
	tb.Helper()
	d, err := warehouse.DecisionDescriptor()
	if err != nil {
		tb.Fatal(err)
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{Name: proto.String("row"), MessageType: []*descriptorpb.DescriptorProto{d}}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	m := dynamicpb.NewMessage(file.Messages().Get(0))
	if err := proto.Unmarshal(row, m); err != nil {
		tb.Fatalf("the row does not decode by its own descriptor: %v", err)
	}
	if len(m.GetUnknown()) > 0 {
		tb.Errorf("%d bytes of the row are unknown to the descriptor", len(m.GetUnknown()))
	}
	return m
}

func TestDecisionRowColumnByColumn(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*pix.Decision{
		"full":    sampleDecision(1),
		"minimal": {Transaction: pix.Transaction{Facts: pix.Facts{ID: "E12345678202611200300abcdefghijk", EventTime: sampleDecision(0).Transaction.EventTime}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(rowMessage(t, warehouse.EncodeDecision(nil, d)))
			if err != nil {
				t.Fatal(err)
			}
			var got, want any
			if err := json.Unmarshal(text, &got); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "decision_"+name+".json")
			if *update {
				pretty, err := json.MarshalIndent(got, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, append(pretty, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(golden, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

// A record of more than 127 bytes has a length of more than one byte, which moves its body.
func TestLongNestedRecord(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 100, 127, 128, 300, 20_000, 3_000_000} {
		long := filler(size)
		d := sampleDecision(2)
		d.Reasons = []pix.Reason{{Code: "a", TextPT: long, TextEN: "b"}, {Code: "c"}}
		m := rowMessage(t, warehouse.EncodeDecision(nil, d))
		list := m.Get(m.Descriptor().Fields().ByName("reasons")).List()
		if list.Len() != 2 {
			t.Fatalf("size %d: %d reasons, want 2", size, list.Len())
		}
		first := list.Get(0).Message()
		if got := first.Get(first.Descriptor().Fields().ByName("text_pt")).String(); got != long {
			t.Errorf("size %d: text of %d bytes came back with %d", size, len(long), len(got))
		}
	}
}

func filler(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(i%26)
	}
	return string(b)
}

func TestMissingValuesAreNull(t *testing.T) {
	t.Parallel()
	d := sampleDecision(3)
	d.Vector = []float64{1, math.NaN(), 0, math.Inf(1), 0.1, -1e300}
	d.Scores = nil
	m := rowMessage(t, warehouse.EncodeDecision(nil, d))
	if got, want := m.Get(m.Descriptor().Fields().ByName("vector")).String(), "[1,null,0,null,0.1,-1e+300]"; got != want {
		t.Errorf("vector is %s, want %s", got, want)
	}
	if m.Has(m.Descriptor().Fields().ByName("payer_score")) {
		t.Error("a role that did not score has a score")
	}
}

// Text in the facts is quoted whatever it holds.
func TestFactsAreValidJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "abc", `a"b`, `b\c`, "a\nb", "\x00", "á", "\xff", "~ ", "\x7f"} {
		d := sampleDecision(1)
		d.Transaction.PayerFacts.AgeBand = text
		m := rowMessage(t, warehouse.EncodeDecision(nil, d))
		var facts struct {
			Payer struct {
				AgeBand string `json:"age_band"`
			} `json:"payer"`
		}
		column := m.Get(m.Descriptor().Fields().ByName("facts")).String()
		if err := json.Unmarshal([]byte(column), &facts); err != nil || !utf8.ValidString(column) {
			t.Errorf("%q: %v, or no UTF-8", text, err)
		}
		if want := strings.ToValidUTF8(text, "\uFFFD"); facts.Payer.AgeBand != want {
			t.Errorf("age_band is %q, want %q", facts.Payer.AgeBand, want)
		}
	}
}

func TestEverySchemaColumnIsDescribed(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"decisions", "alerts", "labels"} {
		data, err := os.ReadFile("schema/" + table + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var columns []described
		if err := json.Unmarshal(data, &columns); err != nil {
			t.Fatal(err)
		}
		requireDescriptions(t, table, columns)
	}
}

type described struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Fields      []described `json:"fields"`
}

func requireDescriptions(t *testing.T, path string, columns []described) {
	t.Helper()
	for _, c := range columns {
		if len(c.Description) < 10 {
			t.Errorf("%s.%s has no description", path, c.Name)
		}
		requireDescriptions(t, path+"."+c.Name, c.Fields)
	}
}

func TestSchemaAndEncoderAreCompared(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(bigquery.Schema) bigquery.Schema
		want   string // in the error; empty for none
	}{
		"as shipped":         {func(s bigquery.Schema) bigquery.Schema { return s }, ""},
		"one column fewer":   {func(s bigquery.Schema) bigquery.Schema { return s[1:] }, "columns, the encoder"},
		"another name":       {func(s bigquery.Schema) bigquery.Schema { s[5].Name = "x"; return s }, "column 6 is x"},
		"another type":       {func(s bigquery.Schema) bigquery.Schema { s[5].Type = bigquery.JSONFieldType; return s }, "column 6"},
		"repeated":           {func(s bigquery.Schema) bigquery.Schema { s[5].Repeated = true; return s }, "column 6"},
		"not required":       {func(s bigquery.Schema) bigquery.Schema { s[0].Required = false; return s }, "column 1"},
		"another inside one": {func(s bigquery.Schema) bigquery.Schema { nested(s, "reasons")[1].Name = "x"; return s }, "reasons: column 2 is x"},
	} {
		err := warehouse.CheckDecisions(c.change)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// nested is the columns of a record.
func nested(s bigquery.Schema, name string) bigquery.Schema {
	return s[slices.IndexFunc(s, func(f *bigquery.FieldSchema) bool { return f.Name == name })].Schema
}

func BenchmarkEncodeDecision(b *testing.B) {
	d := sampleDecision(1)
	for len(d.Vector) < 80 {
		d.Vector = append(d.Vector, 0.5)
	}
	encode := warehouse.DecisionEncoder()
	buf := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	size := 0
	for b.Loop() {
		size = len(encode(buf[:0], d))
	}
	b.ReportMetric(float64(size), "bytes/row")
}
