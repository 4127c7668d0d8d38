package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

const rowsPerRead = 256

// Reader is a table open for reading.
type Reader struct {
	file  *os.File
	table *parquet.File
}

// Open opens a table and reads its footer.
func Open(name string) (*Reader, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open table: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open table: %w", err), file.Close())
	}
	table, err := parquet.OpenFile(file, info.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open table %s: %w", name, err), file.Close())
	}
	return &Reader{file: file, table: table}, nil
}

// Close closes the file.
func (t *Reader) Close() { _ = t.file.Close() }

// Rows is the number of rows.
func (t *Reader) Rows() int64 { return t.table.NumRows() }

// Metadata returns an entry of the footer, "" when there is none.
func (t *Reader) Metadata(key string) string {
	value, _ := t.table.Lookup(key)
	return value
}

// Columns names the top-level columns in their order.
func (t *Reader) Columns() []string {
	var names []string
	for _, f := range t.table.Schema().Fields() {
		names = append(names, f.Name())
	}
	return names
}

// Each calls visit with runs of at most 256 rows, in the order of the file. The rows are valid until visit returns.
func (t *Reader) Each(ctx context.Context, visit func([]parquet.Row) error) error {
	for _, group := range t.table.RowGroups() {
		if err := each(ctx, group, visit); err != nil {
			return err
		}
	}
	return nil
}

func each(ctx context.Context, group parquet.RowGroup, visit func([]parquet.Row) error) error {
	rows := group.Rows()
	defer func() { _ = rows.Close() }()
	buffer := make([]parquet.Row, rowsPerRead)
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("read table: %w", err)
		}
		n, err := rows.ReadRows(buffer)
		if n > 0 {
			if err := visit(buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read table: %w", err)
		}
	}
}
