package event

import (
	"math"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// value is the place of a field's value, of one of the kinds below. Reading returns false, or a negative length, for
// what the kind does not understand; writing then spoils the writer.
type value interface {
	readJSON(s *scanner) bool
	readProto(typ protowire.Type, b []byte) int
	writeProto(w *writer, n protowire.Number)
	writeJSON(w *writer, name string)
}

// Bounds of the times that a form reads. A Timestamp may be of the years 1 to 9999; a Duration is wider than Go's.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
	longestSpan = math.MaxInt64/int64(time.Second) - 1
)

// texts is text. Absent and empty are the same.
type texts[S ~string] struct{ to *S }

func text[S ~string](to *S) texts[S] { return texts[S]{to} }

func (v texts[S]) readJSON(s *scanner) bool {
	b, ok := s.text()
	*v.to = S(b)
	return ok
}

func (v texts[S]) readProto(typ protowire.Type, b []byte) int {
	b, n := consumeBytes(typ, b)
	if n < 0 || !utf8.Valid(b) {
		return unread
	}
	*v.to = S(b)
	return n
}

func (v texts[S]) writeProto(w *writer, n protowire.Number) {
	if *v.to == "" {
		return
	}
	w.spoiled = w.spoiled || !utf8.ValidString(string(*v.to))
	w.out = protowire.AppendString(protowire.AppendTag(w.out, n, protowire.BytesType), string(*v.to))
}

// codes is an enum; names are those of its values by number, prefix is how long their common beginning is.
type codes[S ~string] struct {
	to     *S
	names  []string
	prefix int
}

func code[S ~string](to *S, prefix string, names map[int32]string) codes[S] {
	v := codes[S]{to: to, prefix: len(prefix), names: make([]string, len(names))}
	for n, name := range names {
		v.names[n] = name
	}
	return v
}

func (v codes[S]) set(n int) {
	if n > 0 {
		*v.to = S(v.names[n][v.prefix:])
	}
}

func (v codes[S]) readJSON(s *scanner) bool {
	b, ok := s.text()
	if !ok {
		return false
	}
	for n, name := range v.names {
		if name == string(b) {
			v.set(n)
			return true
		}
	}
	return false
}

func (v codes[S]) readProto(typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	if n < 0 || x >= uint64(len(v.names)) {
		return unread
	}
	v.set(int(x))
	return n
}

// number returns the number of a code, 0 of none, and whether it has one.
func (v codes[S]) number() (int, bool) {
	if *v.to == "" {
		return 0, true
	}
	for i, name := range v.names {
		if i > 0 && name[v.prefix:] == string(*v.to) {
			return i, true
		}
	}
	return 0, false
}

func (v codes[S]) writeProto(w *writer, n protowire.Number) {
	if i, ok := v.number(); i > 0 {
		w.varint(n, uint64(i))
	} else {
		w.spoiled = w.spoiled || !ok
	}
}

// integer is an amount that is always there. Absent and 0 are the same.
type integer struct{ to *pix.Money }

func (v integer) readJSON(s *scanner) bool {
	x, ok := s.number()
	*v.to = pix.Money(x)
	return ok
}

func (v integer) readProto(typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	*v.to = pix.Money(x)
	return n
}

func (v integer) writeProto(w *writer, n protowire.Number) {
	if *v.to != 0 {
		w.varint(n, uint64(*v.to))
	}
}

// counts is a number that may be missing.
type counts[N ~int64] struct{ to *pix.Optional[N] }

func count[N ~int64](to *pix.Optional[N]) counts[N] { return counts[N]{to} }

func (v counts[N]) readJSON(s *scanner) bool {
	x, ok := s.number()
	*v.to = pix.Some(N(x))
	return ok
}

func (v counts[N]) readProto(typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	*v.to = pix.Some(N(x))
	return n
}

func (v counts[N]) writeProto(w *writer, n protowire.Number) {
	if x, ok := v.to.Get(); ok {
		w.varint(n, uint64(x))
	}
}

// double is a number that is always there. Absent and 0 are the same.
type double struct{ to *float64 }

func (v double) readJSON(s *scanner) bool {
	x, ok := s.decimal()
	*v.to = x
	return ok
}

func (v double) readProto(typ protowire.Type, b []byte) int {
	if typ != protowire.Fixed64Type {
		return unread
	}
	x, n := protowire.ConsumeFixed64(b)
	*v.to = math.Float64frombits(x)
	return n
}

func (v double) writeProto(w *writer, n protowire.Number) {
	if bits := math.Float64bits(*v.to); bits != 0 {
		w.out = protowire.AppendFixed64(protowire.AppendTag(w.out, n, protowire.Fixed64Type), bits)
	}
}

// flag is a yes or no that may be missing.
type flag struct{ to *pix.Optional[bool] }

func (v flag) readJSON(s *scanner) bool {
	yes := s.word("true")
	*v.to = pix.Some(yes)
	return yes || s.word("false")
}

func (v flag) readProto(typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	*v.to = pix.Some(x != 0)
	return n
}

func (v flag) writeProto(w *writer, n protowire.Number) {
	if yes, ok := v.to.Get(); ok {
		w.varint(n, protowire.EncodeBool(yes))
	}
}
