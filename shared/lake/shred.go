package lake

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/parquet-go/parquet-go"
)

// The timestamps that readers take: the years 1 to 9999, in microseconds since 1970.
const (
	minMicros = -62135596800_000_000
	maxMicros = 253402300799_999_999
)

// errRequired says that a row has no value where one must be.
var errRequired = errors.New("a value is required")

// node returns the Parquet form of columns.
func node(fields []Field) parquet.Node {
	g := NewGroup()
	for _, f := range fields {
		n := single(f)
		switch {
		case f.repeated():
			n = parquet.Optional(parquet.List(n)) // of three levels: list, element
		case !f.required():
			n = parquet.Optional(n)
		}
		g.Add(f.Name, n)
	}
	return g
}

func single(f Field) parquet.Node {
	switch f.Type {
	case TypeRecord:
		return node(f.Fields)
	case TypeInteger:
		return parquet.Int(64)
	case TypeFloat:
		return parquet.Leaf(parquet.DoubleType)
	case TypeBoolean:
		return parquet.Leaf(parquet.BooleanType)
	case TypeTimestamp:
		return parquet.Timestamp(parquet.Microsecond) // adjusted to UTC; Spark refuses nanoseconds
	case TypeBytes:
		return parquet.Leaf(parquet.ByteArrayType)
	default:
		return parquet.String()
	}
}

// column is a column as the shredder walks it.
type column struct {
	Field
	leaf     int // index of the Parquet column; of a record, its first
	leaves   int // how many Parquet columns
	rep      int // repetition level of a further element
	children []*column
	stat     *stat // nil within lists
}

// compile lays out columns from the Parquet column first.
func compile(fields []Field, stats []*stat, first, rep int) []*column {
	columns := make([]*column, len(fields))
	for i, f := range fields {
		c := &column{Field: f, leaf: first, leaves: 1, rep: rep}
		if stats != nil {
			c.stat = stats[i]
		}
		if f.repeated() {
			c.rep++
		}
		if f.Type == TypeRecord {
			var nested []*stat
			if c.stat != nil {
				nested = c.stat.children
			}
			c.children = compile(f.Fields, nested, first, c.rep)
			last := c.children[len(c.children)-1]
			c.leaves = last.leaf + last.leaves - first
		}
		columns[i] = c
		first += c.leaves
	}
	return columns
}

// shredder turns rows into values of Parquet columns, as Dremel does: each value with the level at which it repeats
// (rep) and the level to which it is defined (def).
type shredder struct {
	columns []*column
	leaves  [][]parquet.Value
	bytes   int64 // about what the values take
}

func newShredder(schema Schema, stats []*stat) *shredder {
	columns := compile(schema, stats, 0, 0)
	last := columns[len(columns)-1]
	return &shredder{columns: columns, leaves: make([][]parquet.Value, last.leaf+last.leaves)}
}

// row takes in one row. After an error the values are of no use.
func (s *shredder) row(values []Value) error {
	if len(values) != len(s.columns) {
		return fmt.Errorf("row of %d values for %d columns", len(values), len(s.columns))
	}
	for i, c := range s.columns {
		if err := s.put(c, values[i], 0, 0); err != nil {
			return fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return nil
}

func (s *shredder) put(c *column, v Value, rep, def int) error {
	if v.kind == null {
		if c.required() {
			return errRequired
		}
		s.empty(c, rep, def)
		return nil
	}
	if !c.repeated() {
		if !c.required() {
			def++
		}
		return s.one(c, v, rep, def)
	}
	if v.kind != list {
		return errors.New("a list is wanted")
	}
	if len(v.items) == 0 {
		s.nulls(c, rep, def+1)
		return nil
	}
	for i, item := range v.items {
		if item.kind == null {
			return fmt.Errorf("element: %w", errRequired)
		}
		if i > 0 {
			rep = c.rep
		}
		if err := s.one(c, item, rep, def+2); err != nil {
			return fmt.Errorf("element: %w", err)
		}
	}
	return nil
}

// one takes in a value that is there.
func (s *shredder) one(c *column, v Value, rep, def int) error {
	if c.Type != TypeRecord {
		return s.value(c, v, rep, def)
	}
	if v.kind != record || len(v.items) != len(c.children) {
		return fmt.Errorf("a record of %d fields is wanted", len(c.children))
	}
	for i, child := range c.children {
		if err := s.put(child, v.items[i], rep, def); err != nil {
			return fmt.Errorf("%s: %w", child.Name, err)
		}
	}
	return nil
}

// value takes in a value of a leaf.
func (s *shredder) value(c *column, v Value, rep, def int) error {
	if v.kind != kindFor(c.Type) {
		return fmt.Errorf("a value of type %s is wanted", c.Type)
	}
	var p parquet.Value
	switch v.kind {
	case integer, instant:
		n := int64(v.bits)
		if v.kind == instant && (n < minMicros || n > maxMicros) {
			return errors.New("the time is not within the years 1 to 9999")
		}
		p = parquet.Int64Value(n)
	case float:
		p = parquet.DoubleValue(math.Float64frombits(v.bits))
	case boolean:
		p = parquet.BooleanValue(v.bits == 1)
	default:
		if c.Type != TypeBytes && !utf8.ValidString(v.text) {
			return errors.New("the text is no valid UTF-8")
		}
		p = parquet.ByteArrayValue(unsafe.Slice(unsafe.StringData(v.text), len(v.text)))
	}
	s.leaves[c.leaf] = append(s.leaves[c.leaf], p.Level(rep, def, c.leaf))
	s.bytes += int64(8 + len(v.text))
	if c.stat == nil || c.repeated() {
		return nil
	}
	switch c.Type {
	case TypeInteger, TypeTimestamp, TypeBoolean:
		c.stat.number(int64(v.bits))
	case TypeString:
		c.stat.words(v.text)
	}
	return nil
}

func kindFor(t Type) kind {
	switch t {
	case TypeInteger:
		return integer
	case TypeFloat:
		return float
	case TypeBoolean:
		return boolean
	case TypeTimestamp:
		return instant
	default:
		return text
	}
}

// empty takes in a null, in the columns below it too, and counts it.
func (s *shredder) empty(c *column, rep, def int) {
	s.nulls(c, rep, def)
	if c.stat != nil {
		countNull(c.stat)
	}
}

func (s *shredder) nulls(c *column, rep, def int) {
	for leaf := c.leaf; leaf < c.leaf+c.leaves; leaf++ {
		s.leaves[leaf] = append(s.leaves[leaf], parquet.Value{}.Level(rep, def, leaf))
		s.bytes++
	}
}

func countNull(s *stat) {
	s.nulls++
	for _, child := range s.children {
		countNull(child)
	}
}
