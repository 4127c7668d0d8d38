package lake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// What a Writer holds is bounded by these, whatever it is given.
const (
	rowsPerBatch  = 512       // shredded, before they go to the encoder
	rowGroupBytes = 16 << 20  // of values, before they go to the object
	fileBytes     = 256 << 20 // of a file, before the next one begins
	pageBytes     = 64 << 10  // of a column
)

// File is a complete data file, which counts once it is committed.
type File struct {
	Path  string // below the table's root
	Size  int64  // bytes
	Rows  int64
	stats string // as the log has them
	begun time.Time
}

// Writer streams rows into data files. It holds one row group at most. An error ends it: what it began is no part of the
// table, and Sweep removes it one day.
type Writer struct {
	table  *Table
	ctx    context.Context //nolint:containedctx // bounds the upload, which outlives the call that begins it
	cancel context.CancelFunc
	open   *dataFile // nil between files
	files  []File
	broken error
}

// NewWriter begins to write data files. End it with Close or Abort; ctx bounds all of it.
func (t *Table) NewWriter(ctx context.Context) *Writer {
	ctx, cancel := context.WithCancel(ctx)
	return &Writer{table: t, ctx: ctx, cancel: cancel}
}

// Append takes in one row: a value for each column of the schema, in its order. Null in a required column, a value of
// another type, invalid UTF-8 and a time outside the years 1 to 9999 are refused.
func (w *Writer) Append(row []Value) error {
	if w.broken != nil {
		return w.broken
	}
	if err := w.append(row); err != nil {
		w.fail(pix.E(pix.KindOf(err), "append to "+w.table.name, err))
	}
	return w.broken
}

func (w *Writer) append(row []Value) error {
	if w.open == nil {
		f, err := w.table.newDataFile(w.ctx)
		if err != nil {
			return err
		}
		w.open = f
	}
	full, err := w.open.append(row)
	if err != nil || !full {
		return err
	}
	return w.finish()
}

// Close completes the files and returns them for Commit. Without rows there are none.
func (w *Writer) Close() ([]File, error) {
	if w.broken == nil && w.open != nil {
		if err := w.finish(); err != nil {
			w.fail(pix.E(pix.KindOf(err), "write to "+w.table.name, err))
		}
	}
	if w.broken != nil {
		return nil, w.broken
	}
	w.fail(errors.New("the writer is closed"))
	return w.files, nil
}

// Abort ends the writer; nothing of it will be read.
func (w *Writer) Abort() { w.fail(errors.New("the writer was aborted")) }

func (w *Writer) fail(err error) {
	w.broken = err
	w.cancel()
	if w.open != nil {
		_ = w.open.out.Close() // cancelled: gives back what it holds, leaves nothing
		w.open = nil
	}
}

func (w *Writer) finish() error {
	f, err := w.open.finish(w.ctx)
	if err != nil {
		return err
	}
	w.files, w.open = append(w.files, f), nil
	return nil
}

// dataFile is a file that is being written.
type dataFile struct {
	table   *Table
	name    string
	begun   time.Time
	out     io.WriteCloser
	written int64
	parquet *parquet.GenericWriter[any]
	stats   []*stat
	rows    *shredder
	batch   int   // rows in the shredder
	group   int64 // bytes in the row group
	count   int64 // rows in the file
}

// newDataFile begins a file under a name that nobody else uses.
func (t *Table) newDataFile(ctx context.Context) (*dataFile, error) {
	f := &dataFile{table: t, name: dataPrefix + rand.Text() + ".zstd.parquet", begun: t.cfg.Now(), stats: newStats(t.schema)}
	out, err := t.objects.Writer(ctx, f.name)
	if err != nil {
		return nil, pix.E(pix.Unavailable, "begin "+f.name, err)
	}
	f.out, f.rows = out, newShredder(t.schema, f.stats)
	f.parquet = parquet.NewGenericWriter[any](f, parquet.NewSchema("row", node(t.schema)),
		parquet.Compression(&parquet.Zstd), parquet.PageBufferSize(pageBytes),
		parquet.CreatedBy("sentinela", "1", ""))
	return f, nil
}

// Write counts what goes to the object.
func (f *dataFile) Write(p []byte) (int, error) {
	n, err := f.out.Write(p)
	f.written += int64(n)
	return n, err //nolint:wrapcheck // the encoder's caller wraps
}

func (f *dataFile) append(row []Value) (full bool, err error) {
	if err := f.rows.row(row); err != nil {
		return false, pix.E(pix.Invalid, "encode row", err)
	}
	f.count++
	if f.batch++; f.batch < rowsPerBatch && f.rows.bytes < rowGroupBytes {
		return false, nil
	}
	if err := f.flushBatch(); err != nil || f.group < rowGroupBytes {
		return false, err
	}
	if err := f.parquet.Flush(); err != nil {
		return false, pix.E(pix.Unavailable, "write row group", err)
	}
	f.group = 0
	return f.written >= fileBytes, nil
}

// flushBatch hands the shredded rows to the encoder.
func (f *dataFile) flushBatch() error {
	writers := f.parquet.ColumnWriters()
	for i, values := range f.rows.leaves {
		if _, err := writers[i].WriteRowValues(values); err != nil {
			return fmt.Errorf("encode column: %w", err)
		}
		clear(values) // so that texts are let go
		f.rows.leaves[i] = values[:0]
	}
	f.group += f.rows.bytes
	f.rows.bytes, f.batch = 0, 0
	return nil
}

// finish completes the file. The reply of the upload may be lost: as the name is ours alone and objects become visible
// whole, one of the right size is ours.
func (f *dataFile) finish(ctx context.Context) (File, error) {
	if err := f.flushBatch(); err != nil {
		return File{}, err
	}
	if err := f.parquet.Close(); err != nil {
		return File{}, pix.E(pix.Unavailable, "write "+f.name, err)
	}
	stats, err := encodeStats(f.stats, f.count)
	if err != nil {
		return File{}, fmt.Errorf("stats of %s: %w", f.name, err)
	}
	if err := f.out.Close(); err != nil {
		o, statErr := f.table.objects.Stat(ctx, f.name)
		if statErr != nil || o.Size != f.written {
			return File{}, pix.E(pix.Unavailable, "complete "+f.name, errors.Join(err, statErr))
		}
	}
	return File{Path: f.name, Size: f.written, Rows: f.count, stats: stats, begun: f.begun}, nil
}
