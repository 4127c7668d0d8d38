package event

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// value is the place of a field's value, of one of the kinds below. Reading returns false, or a negative length, for
// what is not of the kind; writing then spoils the writer.
type value interface {
	readJSON(s *scanner) bool
	readProto(in *findings, typ protowire.Type, b []byte) int
	writeProto(w *writer, n protowire.Number)
	writeJSON(w *writer, name string)
	// expected says what a value of the kind is, with an example. got is what stands there instead in JSON, if anything.
	expected(got []byte) string
}

// Bounds of the times that a form reads. A Timestamp may be of the years 1 to 9999; a Duration is wider than Go's.
const (
	firstSecond = -62135596800
	lastSecond  = 253402300799
	longestSpan = math.MaxInt64/int64(time.Second) - 1
)

const textInUTF8 = "text in UTF-8, "

// texts is text, one of which looks like the example. Absent and empty are the same.
type texts[S ~string] struct {
	to      *S
	example string
}

func text[S ~string](to *S, example string) texts[S] { return texts[S]{to, example} }

func (v texts[S]) readJSON(s *scanner) bool {
	b, ok := s.text()
	*v.to = S(b)
	return ok
}

func (v texts[S]) readProto(_ *findings, typ protowire.Type, b []byte) int {
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
	w.tag(n, protowire.BytesType)
	w.out = protowire.AppendString(w.out, string(*v.to))
}

func (v texts[S]) expected(got []byte) string {
	if len(got) > 0 {
		return `text in quotes, as in "` + v.example + `"`
	}
	return textInUTF8 + `as in "` + v.example + `"`
}

// wholeCentavos is what an amount is.
const wholeCentavos = "whole centavos, 1599 for R$ 15,99"

// integer is an amount that is always there. Absent and 0 are the same.
type integer struct{ to *pix.Money }

func (v integer) readJSON(s *scanner) bool {
	x, ok := s.number()
	*v.to = pix.Money(x)
	return ok
}

func (v integer) readProto(_ *findings, typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	*v.to = pix.Money(x)
	return n
}

func (v integer) expected([]byte) string { return wholeCentavos }

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

func (v counts[N]) readProto(_ *findings, typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	*v.to = pix.Some(N(x))
	return n
}

func (v counts[N]) expected([]byte) string {
	if _, money := any(v.to).(*pix.Optional[pix.Money]); money {
		return wholeCentavos
	}
	return "a whole number, as in 3"
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

func (v double) readProto(_ *findings, typ protowire.Type, b []byte) int {
	if typ != protowire.Fixed64Type {
		return unread
	}
	x, n := protowire.ConsumeFixed64(b)
	*v.to = math.Float64frombits(x)
	return n
}

func (v double) expected([]byte) string { return "a number, as in 0.25" }

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

func (v flag) readProto(_ *findings, typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	*v.to = pix.Some(x != 0)
	return n
}

func (v flag) expected([]byte) string { return "true or false, as in true" }

func (v flag) writeProto(w *writer, n protowire.Number) {
	if yes, ok := v.to.Get(); ok {
		w.varint(n, protowire.EncodeBool(yes))
	}
}

// yes is a yes or no whose absence is no.
type yes struct{ to *bool }

func (v yes) readJSON(s *scanner) bool {
	*v.to = s.word("true")
	return *v.to || s.word("false")
}

func (v yes) readProto(_ *findings, typ protowire.Type, b []byte) int {
	x, n := consumeVarint(typ, b)
	*v.to = x != 0
	return n
}

func (v yes) expected([]byte) string { return flag{}.expected(nil) }

func (v yes) writeProto(w *writer, n protowire.Number) {
	if *v.to {
		w.varint(n, 1)
	}
}

func (v yes) writeJSON(w *writer, name string) {
	if *v.to {
		w.member(name)
		w.out = strconv.AppendBool(w.out, true)
	}
}
