package lake

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	actionsPerBatch = 256
	actionsPerGroup = 20_000
)

// encodeCheckpoint writes a classic checkpoint of version 1.
func encodeCheckpoint(w io.Writer, heads []action, files iter.Seq2[action, error]) error {
	out := parquet.NewGenericWriter[action](w, parquet.Compression(&parquet.Snappy),
		parquet.PageBufferSize(pageBytes), parquet.MaxRowsPerRowGroup(actionsPerGroup), parquet.CreatedBy("sentinela", "1", ""))
	if _, err := out.Write(heads); err != nil {
		return fmt.Errorf("encode checkpoint: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("encode checkpoint: %w", err)
	}
	batch := make([]action, 0, actionsPerBatch)
	for a, err := range files {
		if err != nil {
			return err
		}
		if batch = append(batch, a); len(batch) < cap(batch) {
			continue
		}
		if _, err := out.Write(batch); err != nil {
			return fmt.Errorf("encode checkpoint: %w", err)
		}
		batch = batch[:0]
	}
	if _, err := out.Write(batch); err != nil {
		return fmt.Errorf("encode checkpoint: %w", err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("encode checkpoint: %w", err)
	}
	return nil
}

// openParquet opens a file for reading what is asked for and nothing else. The decoder panics on some damaged files.
func openParquet(r io.ReaderAt, size int64, more ...parquet.FileOption) (file *parquet.File, err error) {
	defer recovered(&err)
	file, err = parquet.OpenFile(r, size, append([]parquet.FileOption{parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true)}, more...)...)
	if err != nil {
		return nil, unreadable(err)
	}
	return file, nil
}

// rows yields the rows of a checkpoint, whoever wrote it, as far as T asks for their columns. Row groups that have nothing
// in T's columns are passed over.
func rows[T any](file *parquet.File) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		schema := parquet.SchemaOf(new(T))
		for i, group := range file.RowGroups() {
			if emptyFor(schema, file, i) {
				continue
			}
			reader := parquet.NewGenericRowGroupReader[T](group)
			more := drain(reader, yield)
			_ = reader.Close()
			if !more {
				return
			}
		}
	}
}

func drain[T any](reader *parquet.GenericReader[T], yield func(T, error) bool) bool {
	for {
		batch := make([]T, actionsPerBatch) // anew, because what was yielded may be kept
		n, err := readBatch(reader, batch)
		for i := range n {
			if !yield(batch[i], nil) {
				return false
			}
		}
		if errors.Is(err, io.EOF) {
			return true
		}
		if err != nil {
			var zero T
			yield(zero, err)
			return false
		}
	}
}

func readBatch[T any](reader *parquet.GenericReader[T], batch []T) (n int, err error) {
	defer recovered(&err)
	n, err = reader.Read(batch)
	if err != nil && !errors.Is(err, io.EOF) {
		err = unreadable(err)
	}
	return n, err
}

// emptyFor tells whether a row group has only nulls in the top-level columns of a schema. Without statistics it is read.
func emptyFor(schema *parquet.Schema, file *parquet.File, group int) bool {
	wanted := map[string]bool{}
	for _, f := range schema.Fields() {
		wanted[f.Name()] = true
	}
	for _, c := range file.Metadata().RowGroups[group].Columns {
		top, _, _ := strings.Cut(strings.Join(c.MetaData.PathInSchema, "."), ".")
		if wanted[top] && c.MetaData.Statistics.NullCount != c.MetaData.NumValues {
			return false
		}
	}
	return true
}

// unreadable keeps what the storage said and calls everything else damage.
func unreadable(err error) error {
	if kind := pix.KindOf(err); kind != pix.Unexpected {
		return err
	}
	return pix.E(pix.Invalid, "decode Parquet", err)
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = pix.E(pix.Invalid, "decode Parquet", errors.New("the file is damaged: the decoder gave up"))
	}
}
