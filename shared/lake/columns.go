package lake

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/url"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// readColumns yields some columns of a data file, row by row. They must be neither records nor lists. A row is good until
// the next one.
func (t *Table) readColumns(ctx context.Context, f tallied, names ...string) iter.Seq2[[]Value, error] {
	return func(yield func([]Value, error) bool) {
		path, err := url.PathUnescape(f.path)
		if err != nil {
			yield(nil, pix.E(pix.Invalid, "read data file", err))
			return
		}
		file, err := openParquet(&ranged{ctx: ctx, objects: t.objects, name: path, size: f.size}, f.size, parquet.ReadBufferSize(1<<20))
		if err != nil {
			yield(nil, pix.E(pix.KindOf(err), "open "+path, err))
			return
		}
		for _, group := range file.RowGroups() {
			for row, err := range t.readGroup(file, group, names) {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// readGroup yields the columns of a row group side by side.
func (t *Table) readGroup(file *parquet.File, group parquet.RowGroup, names []string) iter.Seq2[[]Value, error] {
	return func(yield func([]Value, error) bool) {
		cursors := make([]*cursor, len(names))
		for i, name := range names {
			leaf, ok := file.Schema().Lookup(name)
			f, ours := t.plainColumn(name)
			if !ok || !ours || !sameForm(f, leaf) {
				yield(nil, errColumn("a data file", name))
				return
			}
			cursors[i] = &cursor{pages: group.ColumnChunks()[leaf.ColumnIndex].Pages(), timestamp: f.Type == TypeTimestamp}
			defer func(c *cursor) { _ = c.pages.Close() }(cursors[i])
		}
		row := make([]Value, len(names))
		for range group.NumRows() {
			for i, c := range cursors {
				v, err := c.next()
				if err != nil {
					yield(nil, pix.E(pix.KindOf(err), "read column "+names[i], err))
					return
				}
				row[i] = v
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// plainColumn finds a column that is neither record nor list.
func (t *Table) plainColumn(name string) (Field, bool) {
	for _, f := range t.schema {
		if f.Name == name {
			return f, f.Type != TypeRecord && !f.repeated()
		}
	}
	return Field{}, false
}

// sameForm tells whether a column of a data file is written as ours are. A timestamp of another unit would be another time.
func sameForm(f Field, leaf parquet.LeafColumn) bool {
	if !leaf.Node.Leaf() || leaf.MaxRepetitionLevel > 0 {
		return false
	}
	ours, theirs := single(f).Type(), leaf.Node.Type()
	return ours.Kind() == theirs.Kind() && (f.Type != TypeTimestamp || ours.String() == theirs.String())
}

// cursor walks a column's values.
type cursor struct {
	pages     parquet.Pages
	timestamp bool
	values    parquet.ValueReader
	buffer    [256]parquet.Value
	ready     []parquet.Value
}

func (c *cursor) next() (Value, error) {
	for len(c.ready) == 0 {
		if err := c.fill(); err != nil {
			return Value{}, err
		}
	}
	v := c.ready[0]
	c.ready = c.ready[1:]
	return c.value(v), nil
}

// fill decodes some values more. The decoder panics on some damaged files.
func (c *cursor) fill() (err error) {
	defer recovered(&err)
	if c.values == nil {
		page, err := c.pages.ReadPage()
		if err != nil {
			return unreadable(err)
		}
		c.values = page.Values()
	}
	n, err := c.values.ReadValues(c.buffer[:])
	if err != nil && !errors.Is(err, io.EOF) {
		return unreadable(err)
	}
	if err != nil {
		c.values = nil
	}
	c.ready = c.buffer[:n]
	return nil
}

func (c *cursor) value(v parquet.Value) Value {
	switch {
	case v.IsNull():
		return Value{}
	case v.Kind() == parquet.ByteArray:
		return Text(string(v.ByteArray()))
	case v.Kind() == parquet.Boolean:
		return Boolean(v.Boolean())
	case v.Kind() == parquet.Double:
		return Float(v.Double())
	case c.timestamp:
		return Micros(v.Int64())
	default:
		return Integer(v.Int64())
	}
}

// ranged reads an object piece by piece.
type ranged struct {
	ctx     context.Context //nolint:containedctx // io.ReaderAt has none
	objects Objects
	name    string
	size    int64
}

// ReadAt implements io.ReaderAt.
func (r *ranged) ReadAt(p []byte, off int64) (int, error) {
	data, err := r.objects.Read(r.ctx, r.name, off, int64(len(p)))
	n := copy(p, data)
	if err != nil {
		return n, pix.E(pix.Unavailable, "read "+r.name, err)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
