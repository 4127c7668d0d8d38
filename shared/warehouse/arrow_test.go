package warehouse_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

// arrowFields are the columns as BigQuery sends them, in the opposite order: it promises none.
func arrowFields(columns []lake.Field) []arrow.Field {
	kinds := map[lake.Type]arrow.DataType{
		lake.TypeString: arrow.BinaryTypes.String, lake.TypeJSON: arrow.BinaryTypes.String, lake.TypeInteger: arrow.PrimitiveTypes.Int64,
		lake.TypeFloat: arrow.PrimitiveTypes.Float64, lake.TypeBoolean: arrow.FixedWidthTypes.Boolean, lake.TypeTimestamp: arrow.FixedWidthTypes.Timestamp_us,
	}
	var fields []arrow.Field
	for _, f := range columns {
		kind := kinds[f.Type]
		if f.Type == lake.TypeRecord {
			kind = arrow.StructOf(arrowFields(f.Fields)...)
		}
		if f.Mode == "REPEATED" {
			kind = arrow.ListOf(kind)
		}
		fields = append(fields, arrow.Field{Name: f.Name, Type: kind, Nullable: true})
	}
	slices.Reverse(fields)
	return fields
}

// arrowBatch returns a schema and a batch of rows in it, as BigQuery serializes them. fill appends one value of a column.
func arrowBatch(tb testing.TB, columns lake.Schema, rows int, fill func(array.Builder, lake.Field)) (schema, batch []byte) {
	tb.Helper()
	builder := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(arrowFields(columns), nil))
	defer builder.Release()
	for range rows {
		for i, f := range columns {
			fill(builder.Field(len(columns)-1-i), f)
		}
	}
	record := builder.NewRecord()
	defer record.Release()
	schema, batch, err := serialized(record)
	if err != nil {
		tb.Fatal(err)
	}
	return schema, batch
}

// serialized returns an Arrow stream's schema and the batch of a record, as BigQuery sends them.
func serialized(record arrow.Record) (schema, batch []byte, err error) {
	var all, head bytes.Buffer
	empty := ipc.NewWriter(&head, ipc.WithSchema(record.Schema()))
	_ = empty.Close() // writes the schema and the end
	w := ipc.NewWriter(&all, ipc.WithSchema(record.Schema()))
	if err := w.Write(record); err != nil {
		return nil, nil, fmt.Errorf("write record: %w", err)
	}
	_ = w.Close()
	schema = head.Bytes()[:head.Len()-8]
	return schema, all.Bytes()[len(schema) : all.Len()-8], nil
}

// fillAny appends a random value, also none, and returns what the lake is to get of it.
func fillAny(b array.Builder, f lake.Field, r *rand.Rand) lake.Value {
	if f.Mode == "NULLABLE" && r.IntN(4) == 0 {
		b.AppendNull()
		return lake.Value{}
	}
	switch b := b.(type) {
	case *array.ListBuilder:
		return fillList(b, f, r)
	case *array.StructBuilder:
		b.Append(true)
		values := make([]lake.Value, len(f.Fields))
		for i, nested := range f.Fields {
			values[i] = fillAny(b.FieldBuilder(len(values)-1-i), nested, r)
		}
		return lake.Record(values...)
	case *array.StringBuilder:
		text := strings.Repeat("x", r.IntN(5))
		b.Append(text)
		return lake.Text(text)
	case *array.Int64Builder:
		n := int64(r.Uint64())
		b.Append(n)
		return lake.Integer(n)
	case *array.Float64Builder:
		x := r.NormFloat64()
		b.Append(x)
		return lake.Float(x)
	case *array.BooleanBuilder:
		is := r.IntN(2) == 0
		b.Append(is)
		return lake.Boolean(is)
	case *array.TimestampBuilder:
		at := r.Int64N(1e16)
		b.Append(arrow.Timestamp(at))
		return lake.Micros(at)
	}
	panic(fmt.Sprintf("no value for a %T", b))
}

// fillList appends a list of up to three values, or none, which BigQuery does not tell from an empty one.
func fillList(b *array.ListBuilder, f lake.Field, r *rand.Rand) lake.Value {
	if r.IntN(4) == 0 {
		b.AppendNull()
		return lake.List()
	}
	b.Append(true)
	f.Mode = "REQUIRED"
	var items []lake.Value
	for range r.IntN(4) {
		items = append(items, fillAny(b.ValueBuilder(), f, r))
	}
	return lake.List(items...)
}

// sameValues compares rows of the lake.
func sameValues() cmp.Option {
	return cmp.Options{cmp.AllowUnexported(lake.Value{}), cmpopts.EquateEmpty()}
}

// arrowTable makes a batch of a table at random, and what the lake is to get of it.
func arrowTable(t *testing.T, table string, rows int) (schema, batch []byte, want [][]lake.Value) {
	t.Helper()
	columns, err := warehouse.LakeSchema(table)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, uint64(rows)))
	var row []lake.Value
	schema, batch = arrowBatch(t, columns, rows, func(b array.Builder, f lake.Field) {
		if row = append(row, fillAny(b, f, r)); len(row) == len(columns) {
			want, row = append(want, row), nil
		}
	})
	return schema, batch, want
}

func TestEveryTableComesOutOfArrow(t *testing.T) {
	t.Parallel()
	for _, table := range warehouse.Tables() {
		schema, batch, want := arrowTable(t, table, 50)
		columns, _ := warehouse.LakeSchema(table)
		var got [][]lake.Value
		more, err := warehouse.ReadArrow(columns, schema, batch, func(row []lake.Value) bool {
			got = append(got, slices.Clone(row))
			return true
		})
		if err != nil || !more {
			t.Errorf("%s: more %v, %v", table, more, err)
		}
		if diff := cmp.Diff(want, got, sameValues()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", table, diff)
		}
		if more, err := warehouse.ReadArrow(columns, schema, batch, func([]lake.Value) bool { return false }); more || err != nil {
			t.Errorf("%s, of which one row was wanted: more %v, %v", table, more, err)
		}
	}
}

// Whatever type a column has in BigQuery, it is that of the schema file or an error, never another value.
func TestTypesOfArrowAreThoseOfTheSchema(t *testing.T) {
	t.Parallel()
	nested := []lake.Field{{Name: "n", Type: lake.TypeInteger, Mode: "NULLABLE"}}
	other := []lake.Field{{Name: "other", Type: lake.TypeInteger, Mode: "NULLABLE"}}
	kinds := map[string]lake.Field{
		"text": {Type: lake.TypeString}, "JSON": {Type: lake.TypeJSON}, "integer": {Type: lake.TypeInteger}, "float": {Type: lake.TypeFloat},
		"boolean": {Type: lake.TypeBoolean}, "moment": {Type: lake.TypeTimestamp}, "record": {Type: lake.TypeRecord, Fields: nested},
		"record of another column": {Type: lake.TypeRecord, Fields: other},
		"record of another type":   {Type: lake.TypeRecord, Fields: []lake.Field{{Name: "n", Type: lake.TypeString, Mode: "NULLABLE"}}},
		"integers":                 {Type: lake.TypeInteger, Mode: "REPEATED"}, "texts": {Type: lake.TypeString, Mode: "REPEATED"},
	}
	for sent, is := range kinds {
		for asked, want := range kinds {
			is.Name, want.Name = "c", "c"
			schema, batch := arrowBatch(t, lake.Schema{is}, 2, func(b array.Builder, _ lake.Field) { b.AppendNull() })
			_, err := warehouse.ReadArrow(lake.Schema{want}, schema, batch, func([]lake.Value) bool { return true })
			same := sent == asked || sent == "text" && asked == "JSON" || sent == "JSON" && asked == "text"
			if (err == nil) != same {
				t.Errorf("%s where the schema has %s: %v", sent, asked, err)
			}
		}
	}
}

func TestArrowThatIsNone(t *testing.T) {
	t.Parallel()
	columns := lake.Schema{{Name: "c", Type: lake.TypeTimestamp}}
	schema, batch := arrowBatch(t, columns, 2, func(b array.Builder, _ lake.Field) { b.AppendNull() })
	nanoseconds := arrow.NewSchema([]arrow.Field{{Name: "c", Type: arrow.FixedWidthTypes.Timestamp_ns}}, nil)
	builder := array.NewRecordBuilder(memory.DefaultAllocator, nanoseconds)
	builder.Field(0).(*array.TimestampBuilder).Append(1)
	nanoSchema, nanoBatch, err := serialized(builder.NewRecord())
	if err != nil {
		t.Fatal(err)
	}
	twice := lake.Schema{columns[0], columns[0]}
	twiceSchema, _ := arrowBatch(t, twice, 0, nil)
	for name, c := range map[string]struct {
		columns       lake.Schema
		schema, batch []byte
		want          string
	}{
		"no schema":         {columns, nil, batch, "read Arrow schema"},
		"half a schema":     {columns, schema[:len(schema)/2], batch, "read Arrow schema"},
		"no column":         {lake.Schema{{Name: "d", Type: lake.TypeInteger}}, schema, batch, "no column d"},
		"one column twice":  {columns, twiceSchema, batch, "no column c"},
		"half a batch":      {columns, schema, batch[:len(batch)/2], "read Arrow batch"},
		"noise for a batch": {columns, schema, bytes.Repeat([]byte{7}, 64), "read Arrow batch"},
		"nanoseconds":       {columns, nanoSchema, nanoBatch, "column c: BigQuery's type"},
	} {
		_, err := warehouse.ReadArrow(c.columns, c.schema, c.batch, func([]lake.Value) bool { return true })
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
