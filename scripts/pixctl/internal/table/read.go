package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
)

const rowsPerRead = 256

// Reader is a table open for reading.
type Reader struct {
	file    *os.File
	table   *parquet.File
	sources []*source
}

// Open opens a table, reads its footer and wants exactly these columns in this order. A file may keep the values of a
// column in another type that says the same: what converts exactly is read, a null is a missing value, and all else is
// refused by column and type rather than taken for what it is not.
func Open(name string, columns []Column) (*Reader, error) {
	in, err := file.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open table: %w", err)
	}
	t := &Reader{file: in}
	if err := t.open(columns); err != nil {
		return nil, errors.Join(fmt.Errorf("open table %s: %w", name, err), in.Close())
	}
	return t, nil
}

func (t *Reader) open(columns []Column) error {
	info, err := t.file.Stat()
	if err != nil {
		return fmt.Errorf("its size: %w", err)
	}
	if t.table, err = parquet.OpenFile(t.file, info.Size()); err != nil {
		return fmt.Errorf("its footer: %w", err)
	}
	if err := checkNames(t.table.Root().Columns(), columns); err != nil {
		return err
	}
	var problems []error
	for i, c := range columns {
		s, err := newSource(c, i, t.table)
		problems = append(problems, err)
		t.sources = append(t.sources, s)
	}
	return errors.Join(problems...)
}

// checkNames names the columns that are missing, else the first that is another than expected.
func checkNames(got []*parquet.Column, want []Column) error {
	has := map[string]bool{}
	for _, c := range got {
		has[c.Name()] = true
	}
	var absent []string
	for _, c := range want {
		if !has[c.Name] {
			absent = append(absent, c.Name)
		}
	}
	if len(absent) > 0 {
		return fmt.Errorf("columns are missing: %s", strings.Join(absent, ", "))
	}
	for i, c := range got {
		if i >= len(want) {
			return fmt.Errorf("column %d is %s, expected %d columns", i+1, c.Name(), len(want))
		}
		if c.Name() != want[i].Name {
			return fmt.Errorf("column %d is %s, expected %s", i+1, c.Name(), want[i].Name)
		}
	}
	return nil
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

// Each calls visit with runs of at most 256 rows, in the order of the file and of the types of the declared columns; the
// first row is number 1. The rows are valid until visit returns.
func (t *Reader) Each(ctx context.Context, visit func(first int64, rows []parquet.Row) error) error {
	first := int64(1)
	converted := make([]parquet.Row, rowsPerRead)
	for _, group := range t.table.RowGroups() {
		err := each(ctx, group, func(rows []parquet.Row) error {
			for i, row := range rows {
				var err error
				if converted[i], err = t.convert(converted[i][:0], row); err != nil {
					return fmt.Errorf("row %d: %w", first+int64(i), err)
				}
			}
			err := visit(first, converted[:len(rows)])
			first += int64(len(rows))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// convert appends a row in the types of the declared columns to dst.
func (t *Reader) convert(dst, row parquet.Row) (parquet.Row, error) {
	for _, s := range t.sources {
		n := 0
		for n < len(row) && row[n].Column() == s.index {
			n++
		}
		var err error
		if dst, err = s.append(dst, row[:n]); err != nil {
			return dst, fmt.Errorf("column %s: %w", s.column.Name, err)
		}
		row = row[n:]
	}
	return dst, nil
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
