package table

import "github.com/parquet-go/parquet-go"

// meaning is what the values of a column say, whatever type a file keeps them in.
type meaning int

const (
	text    meaning = iota
	integer         // 32 bits
	moment          // microseconds since 1970, UTC
	number          // double
	numbers         // a list of doubles
)

// Column is one column of a table: how it is written, and what a reader takes a file's column of this name for.
type Column struct {
	Name    string
	node    parquet.Node
	meaning meaning
	missing bool // values may be missing
}

// Text is a string column that is never missing; Category one with few different values.
func Text(name string) Column { return Column{Name: name, node: parquet.String(), meaning: text} }

// Category is a string column with few different values that is never missing.
func Category(name string) Column {
	return Column{Name: name, node: parquet.Encoded(parquet.String(), &parquet.RLEDictionary), meaning: text}
}

// OptionalCategory is a Category in which an empty string stands for a missing value.
func OptionalCategory(name string) Column {
	c := Category(name)
	c.missing = true
	return c
}

// Int32 is a column of small whole numbers that is never missing.
func Int32(name string) Column {
	return Column{Name: name, node: parquet.Leaf(parquet.Int32Type), meaning: integer}
}

// Time is a column of moments that is never missing: whole microseconds since 1970, UTC, as 64-bit integers. A file may
// as well keep them as timestamps; one without a time zone is taken as UTC.
func Time(name string) Column {
	return Column{Name: name, node: parquet.Leaf(parquet.Int64Type), meaning: moment}
}

// OptionalTime is a Time that may be missing.
func OptionalTime(name string) Column {
	c := Time(name)
	c.node, c.missing = parquet.Optional(c.node), true
	return c
}

// Double is a column of floating-point numbers; NaN stands for a missing one.
func Double(name string) Column {
	c := RequiredDouble(name)
	c.missing = true
	return c
}

// RequiredDouble is a column of floating-point numbers that is never missing: neither null nor NaN.
func RequiredDouble(name string) Column {
	return Column{Name: name, node: parquet.Leaf(parquet.DoubleType), meaning: number}
}

// Doubles is a column of lists of floating-point numbers, empty where there are none.
func Doubles(name string) Column {
	element := parquet.Compressed(parquet.Leaf(parquet.DoubleType), &parquet.Snappy)
	return Column{Name: name, node: parquet.List(element), meaning: numbers, missing: true}
}
