package table

import (
	"errors"
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go"
)

// Why a value is refused. None names the value: rows are payments.
var (
	errMissing  = errors.New("the value is missing")
	errInexact  = errors.New("a whole number beyond 2^53 is not exact as a double")
	errFraction = errors.New("the number is not whole, or beyond what the column holds")
	errMoment   = errors.New("the time is not a whole microsecond, or beyond what the column holds")
)

// conversion turns a value that is not null into the declared one, exactly or not at all.
type conversion func(parquet.Value) (parquet.Value, error)

// source is a column of a file, on its way to the declared column.
type source struct {
	column  Column
	index   int // of the column, and of its only leaf
	element int // definition level from which a value belongs to a list
	convert conversion
}

// newSource decides once for the column of a file at an index how its values are read. What is nested, repeated where one
// value is wanted, or of a type that does not say the same as the declared one, is refused by name and type.
func newSource(c Column, index int, file *parquet.File) (*source, error) {
	s := &source{column: c, index: index}
	field, levels := file.Root().Columns()[index], 0
	if c.meaning == numbers {
		levels = 1
	}
	for {
		if field.Repeated() {
			s.element = field.MaxDefinitionLevel()
		}
		if field.Leaf() {
			break
		}
		if levels == 0 || len(field.Columns()) != 1 {
			return nil, fmt.Errorf("column %s is nested, expected %s", c.Name, c.meaning)
		}
		field = field.Columns()[0]
	}
	t := typeOf(field, file.Metadata())
	if field.MaxRepetitionLevel() != levels {
		return nil, fmt.Errorf("column %s holds %s repeated at %d levels, expected %s", c.Name, t.name, field.MaxRepetitionLevel(), c.meaning)
	}
	s.convert = c.meaning.from(t)
	if t.null() && c.missing {
		s.convert = func(v parquet.Value) (parquet.Value, error) { return v, errMissing }
	}
	if s.convert == nil {
		return nil, fmt.Errorf("column %s is %s, expected %s", c.Name, t.name, c.meaning)
	}
	return s, nil
}

// String names what is expected.
func (m meaning) String() string {
	return [...]string{"text", "whole numbers", "times", "numbers", "lists of numbers"}[m]
}

// from is how values of a type in a file become what is meant, nil when they do not.
func (m meaning) from(t leafType) conversion {
	switch m {
	case text:
		return t.toText()
	case integer:
		return t.toInteger()
	case moment:
		return t.toMoment()
	default:
		return t.toNumber()
	}
}

// append adds the declared column's values of one row to dst.
func (s *source) append(dst parquet.Row, values []parquet.Value) (parquet.Row, error) {
	if s.column.meaning == numbers {
		return s.appendList(dst, values)
	}
	if len(values) != 1 {
		return dst, errors.New("the row does not have one value")
	}
	out, err := s.value(values[0])
	if errors.Is(err, errMissing) && s.column.missing {
		return append(dst, s.absent()), nil
	}
	if err != nil {
		return dst, err
	}
	level := 0
	if s.column.node.Optional() {
		level = 1
	}
	return append(dst, out.Level(0, level, s.index)), nil
}

// value converts one value; null and NaN are missing ones.
func (s *source) value(v parquet.Value) (parquet.Value, error) {
	if v.IsNull() {
		return v, errMissing
	}
	out, err := s.convert(v)
	if err == nil && out.Kind() == parquet.Double && math.IsNaN(out.Double()) {
		return v, errMissing
	}
	return out, err
}

// absent is what stands for a missing value.
func (s *source) absent() parquet.Value {
	v := parquet.NullValue()
	switch s.column.meaning {
	case number:
		v = parquet.DoubleValue(math.NaN())
	case text:
		v = parquet.ByteArrayValue(nil)
	}
	return v.Level(0, 0, s.index)
}

func (s *source) appendList(dst parquet.Row, values []parquet.Value) (parquet.Row, error) {
	for i, v := range values {
		if v.DefinitionLevel() < s.element { // an empty list or none
			return append(dst, s.absent()), nil
		}
		out, err := s.value(v)
		if err != nil {
			return dst, err
		}
		dst = append(dst, out.Level(min(i, 1), 1, s.index))
	}
	return dst, nil
}
