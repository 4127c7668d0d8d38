package score

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// frame copies a table of vectors into the types in which a data frame's columns come out: floats and integers of any
// size, nulls for what is missing, timestamps.
func frame(t *testing.T, name, from string) {
	t.Helper()
	group := parquet.Group{}
	columns := takes(feature.Names())
	number := []parquet.Node{
		parquet.Leaf(parquet.FloatType), parquet.Int(64), parquet.Int(32), parquet.Uint(32), parquet.Leaf(parquet.DoubleType),
	}
	for i, c := range columns {
		switch {
		case i >= table.AfterPayment:
			group[c.Name] = number[i%len(number)]
		case strings.HasSuffix(c.Name, "_time"), strings.HasSuffix(c.Name, "_at"):
			group[c.Name] = parquet.Timestamp(parquet.Microsecond)
		case c.Name == "label":
			group[c.Name] = parquet.Int(64)
		case c.Name == "split_weight":
			group[c.Name] = parquet.Leaf(parquet.FloatType)
		default:
			group[c.Name] = parquet.String()
		}
		group[c.Name] = parquet.Optional(group[c.Name])
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[any](&out, parquet.NewSchema("frame", inOrder{group, columns}))
	in, err := table.Open(from, columns)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	err = in.Each(t.Context(), func(_ int64, rows []parquet.Row) error {
		for _, row := range rows {
			other := make(parquet.Row, len(row))
			for i, v := range row {
				other[i] = retyped(v, group[columns[i].Name].Type()).Level(0, 1, i)
				if other[i].IsNull() {
					other[i] = other[i].Level(0, 0, i)
				}
			}
			if _, err := w.WriteRows([]parquet.Row{other}); err != nil {
				return err
			}
		}
		return nil
	})
	if err = errors.Join(err, w.Close(), os.WriteFile(name, out.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// retyped is a value in another type, null for what is missing.
func retyped(v parquet.Value, to parquet.Type) parquet.Value {
	switch kind := to.Kind(); {
	case v.IsNull(), v.Kind() == parquet.Double && math.IsNaN(v.Double()):
		return parquet.NullValue()
	case kind == parquet.Float:
		return parquet.FloatValue(float32(v.Double()))
	case v.Kind() == parquet.Double && kind == parquet.Int64:
		return parquet.Int64Value(int64(v.Double()))
	case v.Kind() == parquet.Double && kind == parquet.Int32:
		return parquet.Int32Value(int32(v.Double()))
	case v.Kind() == parquet.Int32:
		return parquet.Int64Value(int64(v.Int32()))
	default:
		return v.Clone()
	}
}

// inOrder is a group whose columns keep their order.
type inOrder struct {
	parquet.Group
	columns []table.Column
}

func (g inOrder) Fields() []parquet.Field {
	byName := map[string]parquet.Field{}
	for _, f := range g.Group.Fields() {
		byName[f.Name()] = f
	}
	var fields []parquet.Field
	for _, c := range g.columns {
		fields = append(fields, byName[c.Name])
	}
	return fields
}

// TestOtherTypesScoreTheSame: a table whose columns were retyped without a loss gets the same scores, bit by bit.
func TestOtherTypesScoreTheSame(t *testing.T) {
	t.Parallel()
	dir, _ := shipped(t)
	tmp := t.TempDir()
	vectors(t, tmp+"/v.parquet", feature.Names(), 300)
	frame(t, tmp+"/f.parquet", tmp+"/v.parquet")
	var tables [2][]parquet.Row
	for i, in := range []string{"/v.parquet", "/f.parquet"} {
		out := filepath.Join(tmp, "s.parquet")
		if code, _, errs := pixctl(t, "-model", dir, "-in", tmp+in, "-out", out); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		tables[i] = open(t, out)
	}
	if len(tables[0]) != 200 || !slices.EqualFunc(tables[0], tables[1], parquet.Row.Equal) {
		t.Errorf("%d and %d rows are not the same", len(tables[0]), len(tables[1]))
	}
}

// TestOtherDirectionsAreRefused: a direction that is misspelt is no payment of another model's.
func TestOtherDirectionsAreRefused(t *testing.T) {
	t.Parallel()
	rows := []parquet.Row{fixedValues(1), fixedValues(1)} // inbound
	rows[1][table.AtDirection] = parquet.ByteArrayValue([]byte("inbound"))
	s := &scorer{scored: []pix.Direction{pix.Outbound, pix.Internal}}
	if err := s.batch(7, rows); err == nil || !strings.Contains(err.Error(), "row 8: column direction") {
		t.Errorf("error %v", err)
	}
}
