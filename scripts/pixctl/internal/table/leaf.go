package table

import (
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// exact is the largest of the whole numbers that are all exact as doubles.
const exact = 1 << 53

// leafType is the type of values in a file.
type leafType struct {
	name    string
	kind    parquet.Kind
	logical format.LogicalTypeValue // nil when the physical type says it all
}

// typeOf reads a leaf's type. The library does not know FLOAT16, so the footer is asked for the logical type that it drops.
func typeOf(leaf *parquet.Column, footer *format.FileMetaData) leafType {
	t := leafType{name: leaf.Type().String(), kind: leaf.Type().Kind()}
	if logical := leaf.Type().LogicalType(); logical != nil {
		t.logical = logical.Value
	}
	index := 0
	for i := range footer.Schema {
		element := &footer.Schema[i]
		if !element.Type.Valid {
			continue
		}
		if index == leaf.Index() && t.logical == nil && element.LogicalType.Value != nil {
			t.logical, t.name = element.LogicalType.Value, element.LogicalType.String()
		}
		index++
	}
	return t
}

// null tells whether the column holds nothing but nulls and no type.
func (t leafType) null() bool {
	_, is := t.logical.(*format.NullType)
	return is
}

func (t leafType) toText() conversion {
	switch t.logical.(type) {
	case *format.StringType, *format.EnumType:
		return func(v parquet.Value) (parquet.Value, error) { return v, nil }
	default:
		return nil
	}
}

// whole is how values of an integer type are read, nil when it is none; ok is false beyond 64 bits with a sign.
func (t leafType) whole() func(parquet.Value) (v int64, ok bool) {
	integer, is := t.logical.(*format.IntType)
	if t.logical != nil && !is {
		return nil
	}
	unsigned := is && !integer.IsSigned
	switch {
	case t.kind == parquet.Int32 && unsigned:
		return func(v parquet.Value) (int64, bool) { return int64(v.Uint32()), true }
	case t.kind == parquet.Int32:
		return func(v parquet.Value) (int64, bool) { return int64(v.Int32()), true }
	case t.kind == parquet.Int64:
		return func(v parquet.Value) (int64, bool) { return v.Int64(), !unsigned || v.Int64() >= 0 }
	default:
		return nil
	}
}

// float is how values of a floating-point type are read, nil when it is none. It is exact: shorter ones are doubles too.
func (t leafType) float() func(parquet.Value) float64 {
	_, half := t.logical.(*format.Float16Type)
	switch {
	case half && t.kind == parquet.FixedLenByteArray:
		return func(v parquet.Value) float64 { return fromHalf(v.ByteArray()) }
	case t.logical != nil:
		return nil
	case t.kind == parquet.Float:
		return func(v parquet.Value) float64 { return float64(v.Float()) }
	case t.kind == parquet.Double:
		return parquet.Value.Double
	default:
		return nil
	}
}

// fromHalf reads an IEEE 754 half, least significant byte first.
func fromHalf(b []byte) float64 {
	if len(b) != 2 {
		return math.NaN()
	}
	bits := binary.LittleEndian.Uint16(b)
	exponent, fraction := int(bits>>10&31), float64(bits&1023)
	v := math.Ldexp(1024+fraction, exponent-25)
	switch {
	case exponent == 31 && fraction == 0:
		v = math.Inf(1)
	case exponent == 31:
		v = math.NaN()
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	}
	if bits>>15 == 1 {
		return -v
	}
	return v
}

func (t leafType) toNumber() conversion {
	if float := t.float(); float != nil {
		return func(v parquet.Value) (parquet.Value, error) { return parquet.DoubleValue(float(v)), nil }
	}
	whole := t.whole()
	if whole == nil {
		return nil
	}
	return func(v parquet.Value) (parquet.Value, error) {
		n, ok := whole(v)
		if !ok || n > exact || n < -exact {
			return v, errInexact
		}
		return parquet.DoubleValue(float64(n)), nil
	}
}

// toWhole reads integers, and floating-point numbers that are whole: data frames turn a column of integers with missing
// values into one of these.
func (t leafType) toWhole() func(parquet.Value) (int64, error) {
	if whole := t.whole(); whole != nil {
		return func(v parquet.Value) (int64, error) {
			n, ok := whole(v)
			if !ok {
				return 0, errFraction
			}
			return n, nil
		}
	}
	float := t.float()
	if float == nil {
		return nil
	}
	return func(v parquet.Value) (int64, error) {
		switch d := float(v); {
		case math.IsNaN(d):
			return 0, errMissing
		case d != math.Trunc(d) || math.Abs(d) > exact:
			return 0, errFraction
		default:
			return int64(d), nil
		}
	}
}

func (t leafType) toInteger() conversion {
	whole := t.toWhole()
	if whole == nil {
		return nil
	}
	return func(v parquet.Value) (parquet.Value, error) {
		n, err := whole(v)
		if err == nil && int64(int32(n)) != n {
			err = errFraction
		}
		return parquet.Int32Value(int32(n)), err
	}
}

// toMoment takes a number without a unit for microseconds, as this project's tables keep times. In a floating-point number
// shorter than a double a time has been rounded, whatever its value is now.
func (t leafType) toMoment() conversion {
	if stamp, is := t.logical.(*format.TimestampType); is && t.kind == parquet.Int64 {
		return fromTimestamp(stamp.Unit)
	}
	whole := t.toWhole()
	if whole == nil || t.float() != nil && t.kind != parquet.Double {
		return nil
	}
	return func(v parquet.Value) (parquet.Value, error) {
		n, err := whole(v)
		return parquet.Int64Value(n), err
	}
}

func fromTimestamp(unit format.TimeUnit) conversion {
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		return func(v parquet.Value) (parquet.Value, error) {
			n := v.Int64()
			if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
				return v, errMoment
			}
			return parquet.Int64Value(n * 1000), nil
		}
	case *format.MicroSeconds:
		return func(v parquet.Value) (parquet.Value, error) { return parquet.Int64Value(v.Int64()), nil }
	case *format.NanoSeconds:
		return func(v parquet.Value) (parquet.Value, error) {
			n := v.Int64()
			if n%1000 != 0 {
				return v, errMoment
			}
			return parquet.Int64Value(n / 1000), nil
		}
	default:
		return nil
	}
}
