package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cloud.google.com/go/bigtable"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

var errRows = errors.New("rows do not follow Bigtable's protocol")

// rowReader reads rows as they come off the wire, in the client's place: the client makes five objects of each cell, which
// were half of what a decision allocated. The client still asks, tries again and knows the connections; it sees answers
// without rows. A client that was dialled without readerOption gives its rows to add instead. Labels are not read: no filter
// here makes any.
type rowReader struct {
	limit    int // of cells
	rows     []bigtable.Row
	cells    int
	overflow bool

	key  string
	open []cell // of the row that is not complete
	part int    // more than zero when the last open cell goes on in the next chunk
}

// cell is one of a row that is not complete.
type cell struct {
	family    string
	qualifier []byte
	at        int64
	value     []byte
}

// scratch keeps the lists that cells wait in until their row is complete.
type scratch struct{ lists sync.Pool }

func (s *scratch) take() []cell {
	if list, ok := s.lists.Get().(*[]cell); ok {
		return *list
	}
	return make([]cell, 0, 64)
}

// put takes a list back, without what it refers to.
func (s *scratch) put(list []cell) {
	list = list[:cap(list)]
	clear(list)
	list = list[:0]
	s.lists.Put(&list)
}

// chunk is a CellChunk of a ReadRowsResponse. What is absent means "as before", which an empty name does not.
type chunk struct {
	key, family, qualifier, value []byte
	hasFamily, hasQualifier       bool
	at                            int64
	size                          int // of a value that goes on in the next chunk
	reset, commit                 bool
}

// Fields of ReadRowsResponse, of its CellChunk, and of the messages that wrap a name.
const (
	responseChunks protowire.Number = 1

	chunkKey       protowire.Number = 1
	chunkFamily    protowire.Number = 2
	chunkQualifier protowire.Number = 3
	chunkAt        protowire.Number = 4
	chunkValue     protowire.Number = 6
	chunkSize      protowire.Number = 7
	chunkReset     protowire.Number = 8
	chunkCommit    protowire.Number = 9

	wrappedValue protowire.Number = 1
)

// mostRoom is the most that is made ready for a value whose size was announced: what did not come yet is only said.
const mostRoom = 1 << 20

type readerKey struct{}

// in lets the calls of a context give their rows to r.
func (r *rowReader) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, readerKey{}, r)
}

// readerOption lets a connection's streams find the reader of their call. Each attempt begins anew: the client, which saw no
// row, asks for all of them again.
func readerOption() grpc.DialOption {
	return grpc.WithChainStreamInterceptor(func(
		ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		if r, ok := ctx.Value(readerKey{}).(*rowReader); ok {
			*r = rowReader{limit: r.limit, open: r.open[:0]}
			opts = append(opts[:len(opts):len(opts)], grpc.ForceCodecV2(readerCodec{encoding.GetCodecV2("proto"), r}))
		}
		return streamer(ctx, desc, conn, method, opts...)
	})
}

// readerCodec writes what the client asks and reads what is answered.
type readerCodec struct {
	encoding.CodecV2
	reader *rowReader
}

// Unmarshal leaves the client's message empty.
func (c readerCodec) Unmarshal(data mem.BufferSlice, _ any) error {
	return c.reader.response(data.Materialize())
}

// response takes a ReadRowsResponse, whose bytes the rows keep. What it lacks of a message the client has no use for: the
// row that was scanned last would only let it leave out rows of a second attempt.
func (r *rowReader) response(data []byte) error {
	f := field{rest: data}
	for f.next() {
		if f.number != responseChunks || f.kind != protowire.BytesType {
			continue
		}
		c, err := parseChunk(f.bytes)
		if err != nil {
			return err
		}
		if err := r.chunk(c); err != nil {
			return err
		}
	}
	return f.err
}

// field is one of a message: bytes, or a number. It lives on the stack: a payment's rows have some thousand.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bytes  []byte
	varint uint64
	rest   []byte
	err    error
}

// next moves to the next field.
func (f *field) next() bool {
	if len(f.rest) == 0 {
		return false
	}
	var n int
	if f.number, f.kind, n = protowire.ConsumeTag(f.rest); n < 0 {
		return f.fail(n)
	}
	f.rest = f.rest[n:]
	switch f.kind {
	case protowire.VarintType:
		f.varint, n = protowire.ConsumeVarint(f.rest)
	case protowire.BytesType:
		f.bytes, n = protowire.ConsumeBytes(f.rest)
	default:
		n = protowire.ConsumeFieldValue(f.number, f.kind, f.rest)
	}
	if n < 0 {
		return f.fail(n)
	}
	f.rest = f.rest[n:]
	return true
}

func (f *field) fail(n int) bool {
	f.err = fmt.Errorf("%w: %w", errRows, protowire.ParseError(n))
	return false
}

func parseChunk(data []byte) (c chunk, err error) {
	f := field{rest: data}
	for f.next() {
		switch f.kind {
		case protowire.VarintType:
			c.setNumber(f.number, f.varint)
		case protowire.BytesType:
			if err := c.setBytes(f.number, f.bytes); err != nil {
				return c, err
			}
		}
	}
	return c, f.err
}

func (c *chunk) setNumber(number protowire.Number, v uint64) {
	switch number {
	case chunkAt:
		c.at = int64(v) //nolint:gosec // the wire's form of a signed number
	case chunkSize:
		c.size = int(int32(v)) //nolint:gosec // the wire's form of a signed number
	case chunkReset:
		c.reset, c.commit = v != 0, false
	case chunkCommit:
		c.reset, c.commit = false, v != 0
	}
}

func (c *chunk) setBytes(number protowire.Number, v []byte) (err error) {
	switch number {
	case chunkKey:
		c.key = v
	case chunkFamily:
		c.hasFamily = true
		c.family, err = unwrap(v, c.family)
	case chunkQualifier:
		c.hasQualifier = true
		c.qualifier, err = unwrap(v, c.qualifier)
	case chunkValue:
		c.value = v
	}
	return err
}

// unwrap reads a StringValue or a BytesValue; without a value it is what it was.
func unwrap(data, before []byte) ([]byte, error) {
	f := field{rest: data}
	for f.next() {
		if f.number == wrappedValue && f.kind == protowire.BytesType {
			before = f.bytes
		}
	}
	return before, f.err
}

// chunk takes the next chunk.
func (r *rowReader) chunk(c chunk) error {
	begun := len(r.open) > 0
	switch {
	case c.reset && begun && !c.names() && c.at == 0 && c.value == nil && c.size == 0:
		r.open, r.part = r.open[:0], 0
		return nil
	case c.reset, c.commit && c.size > 0, c.size < 0:
		return errRows
	case r.part > 0:
		if c.names() || c.at != 0 {
			return errRows
		}
		return r.goOn(c)
	case !begun:
		if len(c.key) == 0 || !c.hasFamily || !c.hasQualifier || len(r.rows) > 0 && string(c.key) <= r.rows[len(r.rows)-1].Key() {
			return errRows
		}
		r.key = string(c.key)
	case c.key != nil && string(c.key) != r.key, c.hasFamily && !c.hasQualifier:
		return errRows
	}
	next := cell{at: c.at, value: c.value}
	if begun {
		last := &r.open[len(r.open)-1]
		next.family, next.qualifier = last.family, last.qualifier
	}
	if c.hasFamily {
		next.family = family(c.family)
	}
	if c.hasQualifier {
		next.qualifier = c.qualifier
	}
	if c.size > 0 {
		next.value = append(make([]byte, 0, min(c.size, mostRoom)), c.value...)
		r.part = c.size
	}
	r.open = append(r.open, next)
	return r.complete(c)
}

// names tells whether a chunk says where its cell belongs.
func (c chunk) names() bool { return c.key != nil || c.hasFamily || c.hasQualifier }

// goOn takes another chunk of a value that came in several.
func (r *rowReader) goOn(c chunk) error {
	last := &r.open[len(r.open)-1]
	last.value = append(last.value, c.value...)
	r.part = c.size
	return r.complete(c)
}

// complete ends a row at its last chunk. More cells than one read may take end the reading.
func (r *rowReader) complete(c chunk) error {
	if !c.commit {
		return nil
	}
	r.add(r.row())
	r.open = r.open[:0]
	if r.overflow {
		return errTooMany
	}
	return nil
}

// row makes a row of the open cells, whose families come one after the other.
func (r *rowReader) row() bigtable.Row {
	size, families := 0, 0
	for i := range r.open {
		size += len(r.open[i].family) + 1 + len(r.open[i].qualifier)
		if i == 0 || r.open[i].family != r.open[i-1].family {
			families++
		}
	}
	var names strings.Builder
	names.Grow(size)
	for i := range r.open {
		_, _ = names.WriteString(r.open[i].family)
		_ = names.WriteByte(':')
		_, _ = names.Write(r.open[i].qualifier)
	}
	columns, items, from := names.String(), make([]bigtable.ReadItem, len(r.open)), 0
	row := make(bigtable.Row, families)
	for i := range r.open {
		c := &r.open[i]
		n := len(c.family) + 1 + len(c.qualifier)
		items[i] = bigtable.ReadItem{Row: r.key, Column: columns[:n], Timestamp: bigtable.Timestamp(c.at), Value: c.value}
		columns = columns[n:]
		if i+1 == len(r.open) || r.open[i+1].family != c.family {
			if before, again := row[c.family]; again {
				row[c.family] = append(before, items[from:i+1]...)
			} else {
				row[c.family] = items[from : i+1 : i+1]
			}
			from = i + 1
		}
	}
	return row
}

// add takes a whole row.
func (r *rowReader) add(row bigtable.Row) {
	r.rows = append(r.rows, row)
	for _, items := range row {
		r.cells += len(items)
	}
	r.overflow = r.cells > r.limit
}

// end judges a call: what it found counts when nothing is missing of it.
func (r *rowReader) end(err error) error {
	switch {
	case r.overflow: // the reading was ended for that
		return nil
	case err == nil && len(r.open) > 0:
		return errRows
	}
	return err
}

// family is a name without a copy of its own, for those that rows have.
func family(name []byte) string {
	known := [...]string{
		feature.FamilyOut, feature.FamilyIn, feature.FamilyUse, feature.FamilyFirst, feature.FamilyMark,
		familyDecision, familyMeta, familyTile, familyLate,
	}
	if i := slices.Index(known[:], string(name)); i >= 0 {
		return known[i]
	}
	return string(name)
}
