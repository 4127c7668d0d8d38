package lake

import (
	"encoding/binary"
	"math"
	"time"
)

// Value is one value of a row. The zero Value is null.
type Value struct {
	kind  kind
	bits  uint64 // an integer, a float's bits, a truth value, microseconds since 1970
	text  string
	items []Value
}

// kind is what a Value holds.
type kind uint8

const (
	null kind = iota
	text
	integer
	float
	boolean
	instant
	record
	list
)

// Text is a value of a STRING, JSON or BYTES column. It is referred to until its row group is written.
func Text(s string) Value { return Value{kind: text, text: s} }

// Integer is a value of an INTEGER column.
func Integer(n int64) Value { return Value{kind: integer, bits: uint64(n)} }

// Float is a value of a FLOAT column; NaN is null.
func Float(f float64) Value {
	if math.IsNaN(f) {
		return Value{}
	}
	return Value{kind: float, bits: math.Float64bits(f)}
}

// Boolean is a value of a BOOLEAN column.
func Boolean(b bool) Value {
	if b {
		return Value{kind: boolean, bits: 1}
	}
	return Value{kind: boolean}
}

// Micros is a value of a TIMESTAMP column, in microseconds since 1970 UTC.
func Micros(n int64) Value { return Value{kind: instant, bits: uint64(n)} }

// Time is a value of a TIMESTAMP column; what is below a microsecond is cut off, the zero time is null.
func Time(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Micros(t.UnixMicro())
}

// Record is a value of a RECORD column: one value for each of its fields, in order.
func Record(fields ...Value) Value { return Value{kind: record, items: fields} }

// List is a value of a REPEATED column. An empty list and null differ.
func List(items ...Value) Value { return Value{kind: list, items: items} }

// AppendKey appends what tells a value from others of its column: equal values append equal bytes.
func (v Value) AppendKey(b []byte) []byte {
	b = append(b, byte(v.kind))
	b = binary.BigEndian.AppendUint64(b, v.bits)
	b = binary.AppendUvarint(b, uint64(len(v.text)))
	b = append(b, v.text...)
	for _, item := range v.items {
		b = item.AppendKey(b)
	}
	return b
}

// Null tells whether a value is null.
func (v Value) Null() bool { return v.kind == null }
