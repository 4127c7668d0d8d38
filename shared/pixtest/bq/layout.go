package bq

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/descriptorpb"
)

// The emulator keeps a number and a boolean in SQLite as they are, and any other value as base64 of a JSON object of its
// type and its text. A list's text is a JSON array of its values in that form, a record's an object of its columns' names
// and values.

// errNotOurs sends a row, or a whole stream, the emulator's own way: what it makes of it is not known here.
var errNotOurs = errors.New("left to the emulator")

// kind is how a value is written.
type kind int

const (
	number kind = iota + 1
	truth
	float
	text
	document
	moment
	record
)

// column is a column of the table that the writer has a field for.
type column struct {
	kind   kind
	list   bool
	names  []string // of a record, in the table's order
	fields fields   // of a record
	at     int      // its place among its siblings
}

// fields are a message's, by their numbers.
type fields map[protowire.Number]*column

// match finds the columns of a message's fields, or errNotOurs.
func match(table []*storagepb.TableFieldSchema, message *descriptorpb.DescriptorProto) (fields, []string, error) {
	found, names := fields{}, make([]string, len(table))
	for i, f := range table {
		names[i] = f.GetName()
	}
	for _, f := range message.GetField() {
		at := -1
		for i, name := range names {
			if strings.EqualFold(name, f.GetName()) {
				at = i
			}
		}
		if at < 0 {
			return nil, nil, errNotOurs
		}
		c, err := matchOne(table[at], f, message)
		if err != nil {
			return nil, nil, err
		}
		c.at = at
		found[protowire.Number(f.GetNumber())] = c
	}
	return found, names, nil
}

// matchOne says how a field fills its column.
func matchOne(to *storagepb.TableFieldSchema, f *descriptorpb.FieldDescriptorProto, in *descriptorpb.DescriptorProto) (*column, error) {
	c := &column{list: to.GetMode() == storagepb.TableFieldSchema_REPEATED}
	if c.list != (f.GetLabel() == descriptorpb.FieldDescriptorProto_LABEL_REPEATED) {
		return nil, errNotOurs
	}
	type pair struct {
		sent descriptorpb.FieldDescriptorProto_Type
		kept storagepb.TableFieldSchema_Type
	}
	c.kind = map[pair]kind{
		{descriptorpb.FieldDescriptorProto_TYPE_INT64, storagepb.TableFieldSchema_INT64}:     number,
		{descriptorpb.FieldDescriptorProto_TYPE_INT64, storagepb.TableFieldSchema_TIMESTAMP}: moment,
		{descriptorpb.FieldDescriptorProto_TYPE_BOOL, storagepb.TableFieldSchema_BOOL}:       truth,
		{descriptorpb.FieldDescriptorProto_TYPE_DOUBLE, storagepb.TableFieldSchema_DOUBLE}:   float,
		{descriptorpb.FieldDescriptorProto_TYPE_STRING, storagepb.TableFieldSchema_STRING}:   text,
		{descriptorpb.FieldDescriptorProto_TYPE_STRING, storagepb.TableFieldSchema_JSON}:     document,
		{descriptorpb.FieldDescriptorProto_TYPE_MESSAGE, storagepb.TableFieldSchema_STRUCT}:  record,
	}[pair{f.GetType(), to.GetType()}]
	switch {
	case c.kind == 0 || c.list && c.kind != text && c.kind != record:
		return nil, errNotOurs
	case c.kind == record:
		for _, nested := range in.GetNestedType() {
			if f.GetTypeName() == nested.GetName() {
				var err error
				c.fields, c.names, err = match(to.GetFields(), nested)
				for _, within := range c.fields {
					if within.kind == moment || within.kind == document {
						return nil, errNotOurs // these the emulator does not keep as it should
					}
				}
				return c, err
			}
		}
		return nil, errNotOurs
	default:
		return c, nil
	}
}

// cell is one value as SQLite takes it.
type cell struct {
	kind    kind // number, truth, float or text; 0 is NULL
	bits    uint64
	encoded []byte
	items   [][]byte // of a list, until all are there; each as JSON
}

// decode reads a message into a cell for each column.
func (f fields) decode(message []byte, columns int) ([]cell, error) {
	cells := make([]cell, columns)
	for len(message) > 0 {
		n, wire, size := protowire.ConsumeTag(message)
		c := f[n]
		if size < 0 || c == nil {
			return nil, errNotOurs
		}
		v, used, err := c.consume(wire, message[size:])
		if err != nil {
			return nil, err
		}
		message = message[size+used:]
		if c.list {
			cells[c.at].items = append(cells[c.at].items, v.json())
			continue
		}
		cells[c.at] = v
	}
	for _, c := range f {
		if items := cells[c.at].items; len(items) > 0 {
			cells[c.at] = cell{kind: text, encoded: layout("array", join(items))}
		}
	}
	return cells, nil
}

// consume reads one value.
func (c *column) consume(wire protowire.Type, b []byte) (v cell, size int, err error) {
	var bits uint64
	var body []byte
	switch {
	case wire == protowire.VarintType && (c.kind == number || c.kind == truth || c.kind == moment):
		bits, size = protowire.ConsumeVarint(b)
	case wire == protowire.Fixed64Type && c.kind == float:
		bits, size = protowire.ConsumeFixed64(b)
	case wire == protowire.BytesType && (c.kind == text || c.kind == document || c.kind == record):
		body, size = protowire.ConsumeBytes(b)
	default:
		return cell{}, 0, errNotOurs
	}
	if size < 0 {
		return cell{}, 0, errNotOurs
	}
	v, err = c.value(bits, body)
	return v, size, err
}

// value is what was read, in the emulator's form.
func (c *column) value(bits uint64, body []byte) (cell, error) {
	switch c.kind {
	case moment:
		return cell{kind: text, encoded: layout("timestamp", strconv.AppendInt(nil, int64(bits), 10))}, nil
	case text, document:
		if !utf8.Valid(body) || c.kind == document && !json.Valid(body) {
			return cell{}, errNotOurs
		}
		name := "string"
		if c.kind == document {
			name = "json"
		}
		return cell{kind: text, encoded: layout(name, body)}, nil
	case record:
		cells, err := c.fields.decode(body, len(c.names))
		if err != nil {
			return cell{}, err
		}
		return cell{kind: text, encoded: layout("struct", object(c.names, cells))}, nil
	case float:
		if f := math.Float64frombits(bits); math.IsNaN(f) || math.IsInf(f, 0) {
			return cell{}, errNotOurs
		}
		return cell{kind: float, bits: bits}, nil
	default:
		return cell{kind: c.kind, bits: bits}, nil
	}
}

// json is the cell inside a list or a record.
func (c *cell) json() []byte {
	switch c.kind {
	case number:
		return strconv.AppendInt(nil, int64(c.bits), 10)
	case truth:
		return strconv.AppendBool(nil, c.bits != 0)
	case float:
		f, format := math.Float64frombits(c.bits), byte('f')
		if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
			format = 'e'
		}
		return strconv.AppendFloat(nil, f, format, -1, 64)
	case text:
		return fmt.Appendf(nil, `"%s"`, c.encoded) // base64
	default:
		return []byte("null")
	}
}

func join(items [][]byte) []byte {
	b := []byte{'['}
	for i, item := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, item...)
	}
	return append(b, ']')
}

func object(names []string, cells []cell) []byte {
	keys, values := make([][]byte, len(names)), make([][]byte, len(names))
	for i := range names {
		keys[i], values[i] = quote(nil, []byte(names[i])), cells[i].json()
	}
	b := append([]byte(`{"keys":`), join(keys)...)
	b = append(append(b, `,"values":`...), join(values)...)
	return append(b, '}')
}

// layout is a value's form: its type and its text.
func layout(name string, body []byte) []byte {
	b := make([]byte, 0, len(body)+len(body)/8+40)
	b = append(append(append(b, `{"header":"`...), name...), `","body":`...)
	b = append(quote(b, body), '}')
	out := make([]byte, 0, base64.StdEncoding.EncodedLen(len(b)))
	return base64.StdEncoding.AppendEncode(out, b)
}

// quote appends a JSON string, escaped as the emulator's encoder does: safe inside HTML and JavaScript.
func quote(b, s []byte) []byte {
	b = append(b, '"')
	for i, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c == '\t':
			b = append(b, `\t`...)
		case c < ' ' || c == '<' || c == '>' || c == '&':
			b = fmt.Appendf(b, `\u%04x`, c)
		case (c == 0xa8 || c == 0xa9) && i > 1 && s[i-2] == 0xe2 && s[i-1] == 0x80:
			b = fmt.Appendf(b[:len(b)-2], `\u20%02x`, c-0x80) // the two characters that end a line in JavaScript only
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
