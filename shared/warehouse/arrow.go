package warehouse

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/sentinela-pix/sentinela/shared/lake"
)

// getter returns the value of a column in a row of a batch.
type getter func(i int) lake.Value

// arrowRows turns batches of Arrow, as BigQuery sends them, into rows of the lake.
type arrowRows struct {
	schema  []byte
	columns lake.Schema
	places  []int // of the columns among BigQuery's
	row     []lake.Value
}

// newArrowRows finds the columns among BigQuery's. Their types are checked with each batch.
func newArrowRows(schema []byte, columns lake.Schema) (*arrowRows, error) {
	r, err := ipc.NewReader(bytes.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("read Arrow schema: %w", err)
	}
	defer r.Release()
	a := &arrowRows{schema: schema, columns: columns, places: make([]int, len(columns)), row: make([]lake.Value, len(columns))}
	for i, f := range columns {
		at := r.Schema().FieldIndices(f.Name)
		if len(at) != 1 {
			return nil, fmt.Errorf("the table has no column %s", f.Name)
		}
		a.places[i] = at[0]
	}
	return a, nil
}

// each calls yield with every row of a batch, until it says no. It returns how many it took, and whether yield never said
// no; after an error it is no.
func (a *arrowRows) each(batch []byte, yield func([]lake.Value) bool) (rows int64, more bool, err error) {
	r, err := ipc.NewReader(io.MultiReader(bytes.NewReader(a.schema), bytes.NewReader(batch)))
	if err != nil {
		return rows, false, fmt.Errorf("read Arrow schema: %w", err)
	}
	defer r.Release()
	for r.Next() {
		record := r.Record()
		getters := make([]getter, len(a.columns))
		for i, f := range a.columns {
			if getters[i], err = get(f, record.Column(a.places[i])); err != nil {
				return rows, false, fmt.Errorf("column %s: %w", f.Name, err)
			}
		}
		for i := range int(record.NumRows()) {
			for c, get := range getters {
				a.row[c] = get(i)
			}
			if !yield(a.row) {
				return rows, false, nil
			}
			rows++
		}
	}
	if err := r.Err(); err != nil {
		return rows, false, fmt.Errorf("read Arrow batch: %w", err)
	}
	return rows, true, nil
}

// errArrowType says that BigQuery sent another type than the schema file names.
var errArrowType = errors.New("BigQuery's type is not that of the schema file")

// get returns the getter of a column. Texts are not copied: they live as long as their batch is referred to.
func get(f lake.Field, column arrow.Array) (getter, error) {
	if f.Mode == "REPEATED" {
		return getList(f, column)
	}
	value, err := getValue(f, column)
	if err != nil || column.NullN() == 0 {
		return value, err
	}
	return func(i int) lake.Value {
		if column.IsNull(i) {
			return lake.Value{}
		}
		return value(i)
	}, nil
}

func getValue(f lake.Field, column arrow.Array) (getter, error) {
	switch c := column.(type) {
	case *array.String:
		if f.Type == lake.TypeString || f.Type == lake.TypeJSON {
			return func(i int) lake.Value { return lake.Text(c.Value(i)) }, nil
		}
	case *array.Int64:
		if f.Type == lake.TypeInteger {
			return func(i int) lake.Value { return lake.Integer(c.Value(i)) }, nil
		}
	case *array.Float64:
		if f.Type == lake.TypeFloat {
			return func(i int) lake.Value { return lake.Float(c.Value(i)) }, nil
		}
	case *array.Boolean:
		if f.Type == lake.TypeBoolean {
			return func(i int) lake.Value { return lake.Boolean(c.Value(i)) }, nil
		}
	case *array.Timestamp:
		if unit, ok := c.DataType().(*arrow.TimestampType); ok && f.Type == lake.TypeTimestamp && unit.Unit == arrow.Microsecond {
			return func(i int) lake.Value { return lake.Micros(int64(c.Value(i))) }, nil
		}
	case *array.Struct:
		if f.Type == lake.TypeRecord {
			return getRecord(f, c)
		}
	}
	return nil, errArrowType
}

func getRecord(f lake.Field, c *array.Struct) (getter, error) {
	kind, ok := c.DataType().(*arrow.StructType)
	if !ok {
		return nil, errArrowType
	}
	getters := make([]getter, len(f.Fields))
	for i, nested := range f.Fields {
		at, ok := kind.FieldIdx(nested.Name)
		if !ok {
			return nil, fmt.Errorf("the table has no column %s", nested.Name)
		}
		var err error
		if getters[i], err = get(nested, c.Field(at)); err != nil {
			return nil, fmt.Errorf("%s: %w", nested.Name, err)
		}
	}
	return func(i int) lake.Value {
		values := make([]lake.Value, len(getters))
		for n, get := range getters {
			values[n] = get(i)
		}
		return lake.Record(values...)
	}, nil
}

// getList returns the getter of a repeated column. BigQuery knows no null list: it is empty.
func getList(f lake.Field, column arrow.Array) (getter, error) {
	c, ok := column.(*array.List)
	if !ok {
		return nil, errArrowType
	}
	f.Mode = "NULLABLE"
	item, err := get(f, c.ListValues())
	if err != nil {
		return nil, err
	}
	return func(i int) lake.Value {
		if c.IsNull(i) {
			return lake.List()
		}
		start, end := c.ValueOffsets(i)
		items := make([]lake.Value, 0, end-start)
		for n := start; n < end; n++ {
			items = append(items, item(int(n)))
		}
		return lake.List(items...)
	}, nil
}
