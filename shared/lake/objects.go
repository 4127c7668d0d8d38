package lake

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

// ErrExists says that an object was not created because there is one of that name.
var ErrExists = errors.New("object exists already")

// Object is what a store says about an object.
type Object struct {
	Name       string // below the table's root, such as _delta_log/00000000000000000000.json
	Size       int64  // bytes
	Updated    time.Time
	Generation int64 // changes with every write of the name; 0 where the store has none
}

// Objects is the storage of one table. A failed write may have taken effect all the same; the table finds out by
// reading. Reading a name that is not there is fs.ErrNotExist. All methods may be called from any goroutine.
type Objects interface {
	// Create writes a whole object at once, visible only when complete, unless there is one: ErrExists.
	Create(ctx context.Context, name string, data []byte) error
	// Replace writes a whole object at once, whether or not there is one.
	Replace(ctx context.Context, name string, data []byte) error
	// Writer streams an object that is visible after Close. Cancelling ctx before that leaves nothing.
	Writer(ctx context.Context, name string) (io.WriteCloser, error)
	// Read returns n bytes from off, all that follow if n < 0.
	Read(ctx context.Context, name string, off, n int64) ([]byte, error)
	// Stat describes an object.
	Stat(ctx context.Context, name string) (Object, error)
	// List yields, in order of name, the objects whose name begins with prefix and is not before from.
	List(ctx context.Context, prefix, from string) iter.Seq2[Object, error]
	// Delete removes an object if it is still of that generation. One that is gone already is no error.
	Delete(ctx context.Context, o Object) error
}

// readerAt lets the Parquet decoder fetch the parts of an object that it needs.
type readerAt struct {
	ctx     context.Context //nolint:containedctx // io.ReaderAt has no context
	objects Objects
	name    string
}

// ReadAt implements io.ReaderAt.
func (r *readerAt) ReadAt(p []byte, off int64) (int, error) {
	data, err := r.objects.Read(r.ctx, r.name, off, int64(len(p)))
	n := copy(p, data)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err //nolint:wrapcheck // io.ReaderAt's callers compare io.EOF
}
