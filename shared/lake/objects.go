package lake

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
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

// How much of an object is fetched at once, when little of it is wanted and when all of it is.
const (
	smallBlock = 64 << 10
	largeBlock = 4 << 20
)

// readerAt lets the Parquet decoder fetch the parts of an object that it needs. It keeps what it has fetched: a checkpoint
// at most.
type readerAt struct {
	ctx     context.Context //nolint:containedctx // io.ReaderAt has no context
	objects Objects
	object  Object
	block   int64
	blocks  map[int64][]byte
}

func newReaderAt(ctx context.Context, objects Objects, o Object, block int64) *readerAt {
	return &readerAt{ctx: ctx, objects: objects, object: o, block: block, blocks: map[int64][]byte{}}
}

// ReadAt implements io.ReaderAt.
func (r *readerAt) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < r.object.Size {
		number := off / r.block
		block, ok := r.blocks[number]
		if !ok {
			var err error
			if block, err = r.objects.Read(r.ctx, r.object.Name, number*r.block, r.block); err != nil {
				return n, pix.E(pix.Unavailable, "read "+r.object.Name, err)
			}
			r.blocks[number] = block
		}
		if off-number*r.block >= int64(len(block)) {
			return n, io.ErrUnexpectedEOF // shorter than it was said to be
		}
		k := copy(p[n:], block[off-number*r.block:])
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
