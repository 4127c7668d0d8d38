package warehouse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"cloud.google.com/go/bigquery"
	"google.golang.org/protobuf/encoding/protowire"
)

// column is one column of a table and how a value of T fills it. Its protobuf field number is its place in the list,
// which is also its place in the schema file. Rows are written in protobuf wire format directly: the descriptor that
// goes with them is derived from the schema file, so there is no generated code to keep in step, and encoding a row
// costs microseconds.
type column[T any] struct {
	name     string
	kind     bigquery.FieldType
	repeated bool
	required bool
	nested   func(bigquery.Schema) error // checks the columns of a RECORD
	put      func(b []byte, n protowire.Number, v *T) []byte
}

// require marks a column as REQUIRED.
func require[T any](c column[T]) column[T] {
	c.required = true
	return c
}

// text is a STRING column; the empty string is NULL.
func text[T any, S ~string](name string, get func(*T) S) column[T] {
	return column[T]{
		name: name, kind: bigquery.StringFieldType,
		put: func(b []byte, n protowire.Number, v *T) []byte { return appendText(b, n, string(get(v))) },
	}
}

// integer is an INTEGER column.
func integer[T any, I ~int64](name string, get func(*T) I) column[T] {
	return column[T]{
		name: name, kind: bigquery.IntegerFieldType,
		put: func(b []byte, n protowire.Number, v *T) []byte { return appendInt(b, n, int64(get(v))) },
	}
}

// float is a FLOAT column. NaN, our missing value, is NULL: SQL aggregates leave NULL out where one NaN would spoil them,
// and the BigQuery emulator refuses NaN.
func float[T any](name string, get func(*T) float64) column[T] {
	return column[T]{
		name: name, kind: bigquery.FloatFieldType,
		put: func(b []byte, n protowire.Number, v *T) []byte {
			f := get(v)
			if math.IsNaN(f) {
				return b
			}
			b = protowire.AppendTag(b, n, protowire.Fixed64Type)
			return protowire.AppendFixed64(b, math.Float64bits(f))
		},
	}
}

// boolean is a BOOLEAN column.
func boolean[T any](name string, get func(*T) bool) column[T] {
	return column[T]{
		name: name, kind: bigquery.BooleanFieldType,
		put: func(b []byte, n protowire.Number, v *T) []byte {
			return appendInt(b, n, int64(protowire.EncodeBool(get(v))))
		},
	}
}

// moment is a TIMESTAMP column in microseconds; the zero time is NULL.
func moment[T any](name string, get func(*T) time.Time) column[T] {
	return column[T]{
		name: name, kind: bigquery.TimestampFieldType,
		put: func(b []byte, n protowire.Number, v *T) []byte {
			if t := get(v); !t.IsZero() {
				return appendInt(b, n, t.UnixMicro())
			}
			return b
		},
	}
}

// record is a RECORD column; it is NULL when all of its columns are.
func record[T, S any](name string, columns []column[S], get func(*T) *S) column[T] {
	return column[T]{name: name, kind: bigquery.RecordFieldType, nested: checker(name, columns),
		put: func(b []byte, n protowire.Number, v *T) []byte {
			before := len(b)
			if b = appendRecord(b, n, columns, get(v)); len(b) == before+protowire.SizeTag(n)+1 { // only a length, of 0
				return b[:before]
			}
			return b
		}}
}

// records is a repeated RECORD column.
func records[T, S any](name string, columns []column[S], get func(*T) []S) column[T] {
	return column[T]{name: name, kind: bigquery.RecordFieldType, repeated: true, nested: checker(name, columns),
		put: func(b []byte, n protowire.Number, v *T) []byte {
			list := get(v)
			for i := range list {
				b = appendRecord(b, n, columns, &list[i])
			}
			return b
		}}
}

func checker[S any](name string, columns []column[S]) func(bigquery.Schema) error {
	return func(s bigquery.Schema) error { return check(name, s, columns) }
}

// check compares the columns with the schema file: same names, types and modes, in the same order.
func check[T any](name string, schema bigquery.Schema, columns []column[T]) error {
	if len(schema) != len(columns) {
		return fmt.Errorf("%s: the schema file has %d columns, the encoder %d", name, len(schema), len(columns))
	}
	var problems []error
	for i, f := range schema {
		c := columns[i]
		if f.Name != c.name || f.Type != c.kind || f.Repeated != c.repeated || f.Required != c.required {
			problems = append(problems, fmt.Errorf("%s: column %d is %s %s in the schema file and %s %s in the encoder, or their modes differ",
				name, i+1, f.Name, f.Type, c.name, c.kind))
		}
		if c.nested != nil {
			problems = append(problems, c.nested(f.Schema))
		}
	}
	return errors.Join(problems...)
}

// encode appends v in wire format.
func encode[T any](b []byte, columns []column[T], v *T) []byte {
	for i := range columns {
		b = columns[i].put(b, protowire.Number(i+1), v)
	}
	return b
}

func appendText(b []byte, n protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), s)
}

func appendInt(b []byte, n protowire.Number, i int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(i))
}

func appendRecord[S any](b []byte, n protowire.Number, columns []column[S], v *S) []byte {
	return appendBody(b, n, func(b []byte) []byte { return encode(b, columns, v) })
}

// appendBody writes a field of bytes in place: its length is known only afterwards, so the body moves by the few bytes
// that its length takes. That is cheaper than a second buffer or a second pass.
func appendBody(b []byte, n protowire.Number, body func([]byte) []byte) []byte {
	b = protowire.AppendTag(b, n, protowire.BytesType)
	at := len(b)
	b = body(b)
	size := len(b) - at
	var length [binary.MaxVarintLen64]byte
	prefix := protowire.AppendVarint(length[:0], uint64(size))
	b = append(b, prefix...)
	copy(b[at+len(prefix):], b[at:at+size])
	copy(b[at:], prefix)
	return b
}
