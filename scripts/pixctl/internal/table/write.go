package table

import (
	"fmt"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
	"github.com/sentinela-pix/sentinela/shared/lake"
)

const (
	rowsPerGroup = 50_000 // bounds memory: a row group is held until it is written
	rowsPerWrite = 256
)

func schema(name string, columns []Column) *parquet.Schema {
	g := lake.NewGroup()
	for _, c := range columns {
		node := c.node
		if node.Leaf() {
			node = parquet.Compressed(node, &parquet.Snappy)
		}
		g.Add(c.Name, node)
	}
	return parquet.NewSchema(name, g)
}

// Writer is a table being written, under a temporary name until Commit.
type Writer struct {
	file *file.Output
	w    *parquet.GenericWriter[any]
	rows []parquet.Row
}

// Create begins a table of these columns, which is not also one of the inputs. Metadata is stored in the file's footer.
func Create(name string, columns []Column, metadata map[string]string, inputs ...string) (*Writer, error) {
	out, err := file.Create(name, inputs...)
	if err != nil {
		return nil, fmt.Errorf("create table: %w", err)
	}
	options := []parquet.WriterOption{schema("table", columns), parquet.MaxRowsPerRowGroup(rowsPerGroup)}
	for key, value := range metadata {
		options = append(options, parquet.KeyValueMetadata(key, value))
	}
	return &Writer{file: out, w: parquet.NewGenericWriter[any](out, options...)}, nil
}

// Write adds a row; the writer keeps it until the row is on its way to the file.
func (t *Writer) Write(row parquet.Row) error {
	if t.rows = append(t.rows, row); len(t.rows) < rowsPerWrite {
		return nil
	}
	return t.flush()
}

func (t *Writer) flush() error {
	if _, err := t.w.WriteRows(t.rows); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	t.rows = t.rows[:0]
	return nil
}

// Commit completes the file and gives it its name.
func (t *Writer) Commit() error {
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.w.Close(); err != nil {
		return fmt.Errorf("complete table: %w", err)
	}
	if err := t.file.Commit(); err != nil {
		return fmt.Errorf("complete table: %w", err)
	}
	return nil
}

// Discard removes what Commit has not completed; after Commit it does nothing.
func (t *Writer) Discard() { t.file.Discard() }
