package table_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
)

// The files are pyarrow's: testdata/write.py says what is in them.

// readAll returns the values of every row as text, column by column; a double's is exact.
func readAll(t *testing.T, name string, columns []table.Column) ([][]string, error) {
	t.Helper()
	r, err := table.Open("testdata/"+name+".parquet", columns)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	all := make([][]string, len(columns))
	err = r.Each(t.Context(), func(_ int64, rows []parquet.Row) error {
		for _, row := range rows {
			values := make([][]string, len(columns))
			for _, v := range row {
				values[v.Column()] = append(values[v.Column()], show(v))
			}
			for i, of := range values {
				all[i] = append(all[i], strings.Join(of, " "))
			}
		}
		return nil
	})
	return all, err
}

func show(v parquet.Value) string {
	switch {
	case v.IsNull():
		return "null"
	case v.Kind() == parquet.Double:
		return fmt.Sprintf("%g", v.Double())
	case v.Kind() == parquet.ByteArray:
		return fmt.Sprintf("%q", v.ByteArray())
	default:
		return fmt.Sprint(v.Int64())
	}
}

type want struct {
	column table.Column
	values []string
}

func foreign() []want {
	number := func(name string, values ...string) want { return want{table.Double(name), values} }
	frame := []string{"1.5", "NaN", "-0.25"}
	labels := []string{"1", "0", "1"}
	times := []string{"1767225600000000", "-1000", "4102444800123000"}
	arrived := []string{times[0], "null", times[2]}
	words := []string{`"a"`, `""`, `"ç"`}
	lists := func(second, third string) []string { return []string{"1 2", second, third} }
	big := fmt.Sprintf("%g", math.Ldexp(1, 53))
	return []want{
		number("double", frame...), number("double_nan", frame...), number("float", frame...), number("half", frame...),
		number("half_edges", fmt.Sprintf("%g", math.Ldexp(1, -24)), "-65504", "-Inf"),
		number("int8", "1", "NaN", "-128"), number("int32", "1", "NaN", "-2.147483648e+09"),
		number("int64", big, "NaN", "-"+big), number("uint32", "4.294967295e+09", "NaN", "0"),
		number("uint64", big, "NaN", "0"), number("no_number", "NaN", "NaN", "NaN"),
		{table.Int32("label_int64"), labels}, {table.Int32("label_uint8"), labels}, {table.Int32("label_double"), labels},
		{table.Time("time_int64"), times}, {table.Time("time_double"), times},
		{table.Time("time_ms"), times}, {table.Time("time_us"), times}, {table.Time("time_ns"), times},
		{table.Time("time_ms_utc"), times}, {table.Time("time_us_utc"), times}, {table.Time("time_ns_utc"), times},
		{table.OptionalTime("arrived"), arrived}, {table.OptionalTime("arrived_double"), arrived},
		{table.OptionalTime("never"), []string{"null", "null", "null"}},
		{table.Text("text"), words}, {table.Text("text_large"), words}, {table.Category("text_dictionary"), words},
		{table.OptionalCategory("group"), words},
		{table.Doubles("list"), lists("null", "null")}, {table.Doubles("list_float"), lists("null", "null")},
	}
}

// TestOutsideTablesReadExactly: whatever type a data frame's columns came out in, the same content is read.
func TestOutsideTablesReadExactly(t *testing.T) {
	t.Parallel()
	var columns []table.Column
	for _, w := range foreign() {
		columns = append(columns, w.column)
	}
	got, err := readAll(t, "read", columns)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range foreign() {
		if diff := cmp.Diff(w.values, got[i]); diff != "" {
			t.Errorf("column %s (-want +got):\n%s", w.column.Name, diff)
		}
	}
}

// TestOtherMeaningsAreRefused declares every column of the file as something that it is not; each is named with its type.
func TestOtherMeaningsAreRefused(t *testing.T) {
	t.Parallel()
	var columns []table.Column
	for _, w := range foreign() {
		name := w.column.Name
		switch {
		case strings.HasPrefix(name, "text"), name == "group", strings.HasPrefix(name, "list"):
			columns = append(columns, table.Double(name))
		case name == "float", strings.HasPrefix(name, "half"):
			columns = append(columns, table.Time(name)) // a time in it has been rounded
		case strings.HasPrefix(name, "time_ms"), strings.HasPrefix(name, "time_us"):
			columns = append(columns, table.Double(name))
		case strings.HasPrefix(name, "time_ns"), name == "arrived":
			columns = append(columns, table.Int32(name))
		default:
			columns = append(columns, table.Text(name))
		}
	}
	_, err := readAll(t, "read", columns)
	if err == nil {
		t.Fatal("the table was read")
	}
	for _, c := range columns {
		if !strings.Contains(err.Error(), "column "+c.Name+" ") {
			t.Errorf("column %s was taken", c.Name)
		}
	}
	for _, says := range []string{"FLOAT16", "STRING", "FLOAT,", "DOUBLE", "INT64", "TIMESTAMP(isAdjustedToUTC=true"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("no type is named %s:\n%v", says, err)
		}
	}
}

// TestOtherTypesAreRefused: what is kept as a number and is none, what is nested, and bytes have no meaning here.
func TestOtherTypesAreRefused(t *testing.T) {
	t.Parallel()
	everything := []table.Column{
		table.Text("c"), table.OptionalCategory("c"), table.Int32("c"), table.Time("c"), table.OptionalTime("c"),
		table.Double("c"), table.RequiredDouble("c"), table.Doubles("c"),
	}
	for name, says := range map[string]string{
		"bool": "BOOLEAN", "binary": "BYTE_ARRAY", "decimal": "DECIMAL", "decimal_int": "DECIMAL", "date": "DATE",
		"clock": "TIME(", "bytes": "FIXED_LEN_BYTE_ARRAY", "int96": "INT96", "nested": "nested", "map": "nested",
		"list_bool": "", "list_of_lists": "",
	} {
		for _, c := range everything {
			if _, err := readAll(t, name, []table.Column{c}); err == nil || !strings.Contains(err.Error(), "column c") {
				t.Errorf("%s as %+v: %v", name, c, err)
			}
		}
		if _, err := readAll(t, name, []table.Column{table.Double("c")}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v does not say %q", name, err, says)
		}
	}
}

// TestValuesThatDoNotConvert: the type would do, the second value does not; row and column are named.
func TestValuesThatDoNotConvert(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]table.Column{
		"id_null": table.Text("c"), "weight_null": table.RequiredDouble("c"), "weight_nan": table.RequiredDouble("c"),
		"label_null": table.Int32("c"), "label_half": table.Int32("c"), "label_wide": table.Int32("c"),
		"time_null": table.Time("c"), "time_nan": table.Time("c"), "time_fraction": table.OptionalTime("c"),
		"time_far": table.Time("c"), "time_inexact": table.Time("c"),
		"number_int64": table.Double("c"), "number_int64_low": table.Double("c"), "number_uint64": table.Double("c"),
		"list_null": table.Doubles("c"), "list_nan": table.Doubles("c"),
	} {
		if _, err := readAll(t, name, []table.Column{c}); err == nil || !strings.Contains(err.Error(), "row 2: column c: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestColumnsAreNamed(t *testing.T) {
	t.Parallel()
	for says, columns := range map[string][]table.Column{
		"columns are missing: a, b":        {table.Text("a"), table.Text("c"), table.Text("b")},
		"column 1 is c, expected 0 column": {},
	} {
		if _, err := readAll(t, "id_null", columns); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}
