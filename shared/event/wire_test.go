package event_test

import (
	"math"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
)

func rawProto(tb testing.TB) []byte {
	tb.Helper()
	var m pixv1.Transaction
	if err := protojson.Unmarshal(example(tb), &m); err != nil {
		tb.Fatal(err)
	}
	data, err := proto.Marshal(&m)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func tokenisedJSON(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var m pixv1.Transaction
	if err := proto.Unmarshal(data, &m); err != nil {
		tb.Fatal(err)
	}
	out, err := protojson.Marshal(&m)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// wire writes a payment in proto.
func (a *author) wire() []byte {
	rate := max(0, a.IntN(6)-2)
	out := a.fields(a.protos[a.IntN(len(a.protos))], rate, 4)
	if a.IntN(60) < rate {
		return a.damage(out)
	}
	return out
}

// fields writes fields again: some are left out, given twice, of another type, or in more bytes than they take.
func (a *author) fields(data []byte, rate, depth int) []byte {
	var out []byte
	for len(data) > 0 {
		_, _, n := protowire.ConsumeField(data)
		if n < 0 {
			return append(out, data...)
		}
		if !a.chance(1) {
			out = a.field(out, data[:n], rate, depth)
		}
		if a.IntN(200) < rate {
			out = append(out, data[:n]...)
		}
		if a.IntN(200) < rate {
			out = append(out, a.unknownField()...)
		}
		data = data[n:]
	}
	return out
}

func (a *author) field(out, whole []byte, rate, depth int) []byte {
	number, typ, tag := protowire.ConsumeTag(whole)
	value := whole[tag:]
	switch {
	case a.IntN(200) < rate:
		return append(protowire.AppendTag(out, number, protowire.Type(a.IntN(6))), value...)
	case typ == protowire.VarintType && a.chance(5*rate):
		v := []uint64{0, 1, 3, 6, 7, 99, 1 << 32, 1<<32 + 1, math.MaxUint64, 15_990}[a.IntN(10)]
		return longVarint(protowire.AppendTag(out, number, typ), v, a.IntN(3))
	case typ == protowire.BytesType && depth > 0:
		body, _ := protowire.ConsumeBytes(value)
		if number > 10 && number < 17 || number < 9 && a.chance(30) {
			body = a.fields(body, rate, depth-1)
		} else if a.IntN(200) < rate {
			body = append([]byte{0xff, 'x'}, body...)
		}
		out = protowire.AppendTag(out, number, typ)
		return append(longVarint(out, uint64(len(body)), a.IntN(40)/39), body...)
	default:
		return append(out, whole...)
	}
}

// longVarint writes a varint with more bytes than it takes.
func longVarint(out []byte, v uint64, more int) []byte {
	n := protowire.SizeVarint(v)
	out = protowire.AppendVarint(out, v)
	for range min(more, 10-n) {
		out[len(out)-1] |= 0x80
		out = append(out, 0)
	}
	return out
}

func (a *author) unknownField() []byte {
	number := protowire.Number([]int{18, 99, 999, 1 << 28}[a.IntN(4)])
	switch a.IntN(4) {
	case 0:
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), a.Uint64())
	case 1:
		return protowire.AppendString(protowire.AppendTag(nil, number, protowire.BytesType), "later")
	case 2:
		return protowire.AppendTag(protowire.AppendTag(nil, number, protowire.StartGroupType), number, protowire.EndGroupType)
	default:
		return protowire.AppendFixed32(protowire.AppendTag(nil, number, protowire.Fixed32Type), 1)
	}
}
