package table_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
)

func columns() []table.Column {
	return []table.Column{
		table.Text("z"), table.OptionalTime("b"), table.Int32("a"), table.Category("c"), table.Double("y"), table.Doubles("x"),
	}
}

func record(i int) parquet.Row {
	row := parquet.Row{
		parquet.ByteArrayValue([]byte{byte('a' + i%26)}), parquet.NullValue(), parquet.Int32Value(int32(i)),
		parquet.ByteArrayValue([]byte("same")), parquet.DoubleValue(float64(i) / 2),
	}
	for column := range row {
		row[column] = row[column].Level(0, 0, column)
	}
	if i%3 == 0 {
		return append(row, parquet.NullValue().Level(0, 0, 5))
	}
	return append(row, parquet.DoubleValue(1).Level(0, 1, 5), parquet.DoubleValue(float64(i)).Level(1, 1, 5))
}

// TestRoundTrip writes more rows than a batch, with lists and missing values, and reads the same.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const n = 1000
	name := filepath.Join(t.TempDir(), "t.parquet")
	w, err := table.Create(name, columns(), map[string]string{"key": "value"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	for i := range n {
		if err := w.Write(record(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("the table has its name before it is complete")
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	r, err := table.Open(name, columns())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Rows() != n || r.Metadata("key") != "value" || r.Metadata("other") != "" {
		t.Errorf("%d rows, metadata %q", r.Rows(), r.Metadata("key"))
	}
	seen := 0
	err = r.Each(t.Context(), func(_ int64, rows []parquet.Row) error {
		for _, row := range rows {
			if want := record(seen); !row.Equal(want) {
				t.Fatalf("row %d is %v, want %v", seen, row, want)
			}
			seen++
		}
		return nil
	})
	if err != nil || seen != n {
		t.Errorf("read %d of %d rows: %v", seen, n, err)
	}
}

func TestDiscardLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := table.Create(filepath.Join(dir, "t.parquet"), columns(), nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Discard()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, error %v", left, err)
	}
}

func TestOpenRefusesWhatIsNoTable(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "t.parquet")
	if err := os.WriteFile(name, []byte("no table"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Open(name, nil); err == nil {
		t.Error("opened a file that is no table")
	}
}
