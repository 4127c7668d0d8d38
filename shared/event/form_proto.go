package event

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// unread is what a value's readProto returns for what it does not understand.
const unread = -1

func (m message) readProto(typ protowire.Type, b []byte) int {
	body, n := consumeBytes(typ, b)
	if n < 0 || !m.readBody(body) {
		return unread
	}
	return n
}

// readBody fills the places of a message from its proto bytes.
func (m message) readBody(b []byte) bool {
	var seen uint64
	for len(b) > 0 {
		number, typ, n := protowire.ConsumeTag(b)
		if n < 0 || number > protowire.MaxValidNumber || typ == protowire.StartGroupType || typ == protowire.EndGroupType {
			return false
		}
		b = b[n:]
		i := m.numbered(number)
		if i < 0 {
			n = protowire.ConsumeFieldValue(number, typ, b) // of a newer producer
		} else {
			if seen&(1<<i) != 0 {
				return false // the last one holds, or both are merged
			}
			seen |= 1 << i
			n = m[i].value.readProto(typ, b)
		}
		if n < 0 {
			return false
		}
		b = b[n:]
	}
	return true
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
	w.out = append(protowire.AppendTag(w.out, n, protowire.BytesType), 0)
	body := len(w.out) // nearly all are shorter than 128 bytes, whose length takes one
	m.writeBody(w)
	size := len(w.out) - body
	switch {
	case size == 0:
		w.out = w.out[:from]
	case size < 128:
		w.out[body-1] = byte(size)
	default:
		more := protowire.SizeVarint(uint64(size)) - 1
		w.out = append(w.out, make([]byte, more)...)
		copy(w.out[body+more:], w.out[body:body+size])
		protowire.AppendVarint(w.out[:body-1], uint64(size))
	}
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
	spoiled bool
}

func (w *writer) varint(n protowire.Number, v uint64) {
	w.out = protowire.AppendVarint(protowire.AppendTag(w.out, n, protowire.VarintType), v)
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
	w.out = protowire.AppendTag(w.out, n, protowire.BytesType)
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
	body, n := consumeBytes(typ, b)
	for len(body) > 0 && n >= 0 {
		number, typ, size := protowire.ConsumeTag(body)
		if size < 0 || typ != protowire.VarintType {
			return 0, 0, unread
		}
		body = body[size:]
		v, size := protowire.ConsumeVarint(body)
		if size < 0 {
			return 0, 0, unread
		}
		body = body[size:]
		switch {
		case number == 1 && seconds == 0:
			seconds = int64(v)
		case number == 2 && nanos == 0 && v < uint64(time.Second):
			nanos = int64(v)
		default:
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
