package warehouse

import (
	"encoding/json"
	"math"
	"strconv"

	"cloud.google.com/go/bigquery"
	"google.golang.org/protobuf/encoding/protowire"
)

// JSON columns hold what is read by programs and seldom filtered: the facts that few queries touch and the feature
// vector. A typed column for each fact would make a row a hundred columns wide, and an array of FLOAT cannot say that a
// value is missing.

// member is one member of the object in a JSON column.
type member[S any] struct {
	name string
	put  func(b []byte, v *S) []byte // appends nothing when the value is absent
}

// document is a JSON column that holds one object. Absent members are left out.
func document[T, S any](name string, members []member[S], get func(*T) *S) column[T] {
	return column[T]{
		name: name, kind: bigquery.JSONFieldType,
		put: func(b []byte, n protowire.Number, v *T) []byte {
			return appendBody(b, n, func(b []byte) []byte { return appendObject(b, members, get(v)) })
		},
	}
}

// object is a member that holds an object of its own; it is absent when it would be empty.
func object[S any](name string, members []member[S]) member[S] {
	return member[S]{name: name, put: func(b []byte, v *S) []byte {
		before := len(b)
		if b = appendObject(b, members, v); len(b) == before+len("{}") {
			return b[:before]
		}
		return b
	}}
}

// numbers is a JSON column that holds an array of numbers with null for NaN. JSON has no infinity: features are finite,
// and one that is not is null too.
func numbers[T any](name string, get func(*T) []float64) column[T] {
	return column[T]{name: name, kind: bigquery.JSONFieldType, put: func(b []byte, n protowire.Number, v *T) []byte {
		list := get(v)
		if len(list) == 0 {
			return b
		}
		return appendBody(b, n, func(b []byte) []byte { return appendNumbers(b, list) })
	}}
}

func appendNumbers(b []byte, list []float64) []byte {
	b = append(b, '[')
	for i, f := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			b = append(b, "null"...)
			continue
		}
		b = strconv.AppendFloat(b, f, 'g', -1, 64)
	}
	return append(b, ']')
}

func appendObject[S any](b []byte, members []member[S], v *S) []byte {
	b = append(b, '{')
	first := true
	for _, m := range members {
		before := len(b)
		if !first {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), m.name...), '"', ':')
		value := len(b)
		if b = m.put(b, v); len(b) == value {
			b = b[:before]
			continue
		}
		first = false
	}
	return append(b, '}')
}

// appendJSONText quotes s. Strings here are codes and tokens, so the standard encoder is rarely needed.
func appendJSONText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string always encodes
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}
