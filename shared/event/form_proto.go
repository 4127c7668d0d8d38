package event

import (
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// unread is what a value's readProto returns for what it does not understand.
const unread = -1

// readBytes fills the places of a message from its whole proto bytes.
func (m message) readBytes(in *findings, data []byte) {
	if m.readBody(in, data) {
		return
	}
	reason := "malformed protobuf; it is cut off or of another encoding, as in " + AttrEncoding + "=" + EncodingJSON + " for JSON"
	if len(data) > 0 && data[0] == '{' {
		reason = "malformed protobuf that looks like JSON; say so, as in " + AttrEncoding + "=" + EncodingJSON
	}
	in.spoil(reason)
}

func (m message) readProto(in *findings, typ protowire.Type, b []byte) int {
	body, n := consumeBytes(typ, b)
	if n < 0 || !m.readBody(in, body) {
		return unread
	}
	return n
}

func (m message) expected([]byte) string { return "an object, as in " + m.example() }

// example is an object with the first field of the message.
func (m message) example() string {
	_, value, _ := strings.Cut(m[0].value.expected(nil), ", as in ")
	if value[0] >= '1' && value[0] <= '9' && len(value) > 1 {
		value = `"` + value + `"`
	}
	return `{"` + m[0].name + `": ` + value + `}`
}

// readBody fills the places of a message from its proto bytes. False is for bytes that are no proto.
func (m message) readBody(in *findings, b []byte) bool {
	var seen uint64
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 || number > protowire.MaxValidNumber {
			return false
		}
		b = b[n:]
		i := m.numbered(number)
		switch {
		case i < 0:
			in.unknownNumber(number)
			n = protowire.ConsumeFieldValue(number, typ, b)
		case seen&(1<<i) != 0: // the last one would hold, or both be merged
			in.note(m[i].name, "given twice; give it once")
			n = protowire.ConsumeFieldValue(number, typ, b)
		default:
			seen |= 1 << i
			n = m[i].readProto(in, typ, b)
		}
		if n < 0 {
			return false
		}
		b = b[n:]
	}
	return true
}

// readProto reads the value of one field. One of another type is noted and passed.
func (f *field) readProto(in *findings, typ protowire.Type, b []byte) int {
	in.field = f.name
	n := 0
	if inner, nested := f.value.(message); nested {
		in.enter(f.name)
		n = inner.readProto(in, typ, b)
		in.leave()
	} else {
		n = f.value.readProto(in, typ, b)
	}
	if n < 0 {
		if n = protowire.ConsumeFieldValue(protowire.Number(f.number), typ, b); n >= 0 {
			in.note(f.name, f.inProto(typ))
		}
	}
	return n
}

// inProto says what the field should have been.
func (f *field) inProto(typ protowire.Type) string {
	if inner, nested := f.value.(message); nested && typ == protowire.BytesType {
		return "malformed protobuf inside; " + inner.expected(nil)
	}
	return f.value.expected(nil)
}

func (m message) numbered(n protowire.Number) int {
	for i := range m {
		if m[i].number == int32(n) {
			return i
		}
	}
	return -1
}

// writeProto writes a message that is a field. One without any value is left out: a device of which nothing is known and
// no device read the same.
func (m message) writeProto(w *writer, n protowire.Number) {
	from := len(w.out)
	body := w.begin(n)
	if m.writeBody(w); len(w.out) == body {
		w.out = w.out[:from]
		return
	}
	w.end(body)
}

// begin begins a message that is a field, and returns where its body is. Nearly all are shorter than 128 bytes, whose length
// takes one.
func (w *writer) begin(n protowire.Number) (body int) {
	w.tag(n, protowire.BytesType)
	w.out = append(w.out, 0)
	return len(w.out)
}

// end writes the length of a message that begin began.
func (w *writer) end(body int) {
	size := len(w.out) - body
	if size < 128 {
		w.out[body-1] = byte(size)
		return
	}
	more := protowire.SizeVarint(uint64(size)) - 1
	w.out = append(w.out, make([]byte, more)...)
	copy(w.out[body+more:], w.out[body:body+size])
	protowire.AppendVarint(w.out[:body-1], uint64(size))
}

// writeBody appends the fields that have a value, in the order of their numbers.
func (m message) writeBody(w *writer) {
	for i := range m {
		m[i].value.writeProto(w, protowire.Number(m[i].number))
	}
}

// writer collects what is written. Once something cannot be written plainly it is spoilt.
type writer struct {
	out     []byte
	from    int // where it begins in out
	spoiled bool
}

// tag begins a field. The numbers of nearly all take one byte.
func (w *writer) tag(n protowire.Number, typ protowire.Type) {
	if n < 16 {
		w.out = append(w.out, byte(n)<<3|byte(typ))
		return
	}
	w.out = protowire.AppendTag(w.out, n, typ)
}

func (w *writer) varint(n protowire.Number, v uint64) {
	w.tag(n, protowire.VarintType)
	w.out = protowire.AppendVarint(w.out, v)
}

// seconds writes a Timestamp or a Duration, whose fields have the same numbers.
func (w *writer) seconds(n protowire.Number, seconds, nanos int64) {
	size := 0
	if seconds != 0 {
		size += 1 + protowire.SizeVarint(uint64(seconds))
	}
	if nanos != 0 {
		size += 1 + protowire.SizeVarint(uint64(nanos))
	}
	w.tag(n, protowire.BytesType)
	w.out = protowire.AppendVarint(w.out, uint64(size))
	if seconds != 0 {
		w.varint(1, uint64(seconds))
	}
	if nanos != 0 {
		w.varint(2, uint64(nanos))
	}
}

func (w *writer) time(n protowire.Number, t time.Time) { w.seconds(n, t.Unix(), int64(t.Nanosecond())) }

// consumeSeconds reads a Timestamp or a Duration that is not negative in either part.
func consumeSeconds(typ protowire.Type, b []byte) (seconds, nanos int64, n int) {
	var seen [3]bool
	body, n := consumeBytes(typ, b)
	for len(body) > 0 && n >= 0 {
		number, typ, size := protowire.ConsumeTag(body)
		if size < 0 || typ != protowire.VarintType || number > 2 || seen[number] {
			return 0, 0, unread
		}
		seen[number] = true
		body = body[size:]
		v, size := protowire.ConsumeVarint(body)
		if size < 0 {
			return 0, 0, unread
		}
		body = body[size:]
		if number == 1 {
			seconds = int64(v)
		} else if nanos = int64(int32(v)); nanos < 0 || nanos >= int64(time.Second) {
			return 0, 0, unread
		}
	}
	return seconds, nanos, n
}

func consumeBytes(typ protowire.Type, b []byte) ([]byte, int) {
	if typ != protowire.BytesType {
		return nil, unread
	}
	return protowire.ConsumeBytes(b)
}

func consumeVarint(typ protowire.Type, b []byte) (uint64, int) {
	if typ != protowire.VarintType {
		return 0, unread
	}
	return protowire.ConsumeVarint(b)
}
