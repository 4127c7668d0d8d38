package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"path"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
)

// Bounds of one call to Cloud Storage, with the client's own retries, which would otherwise go on for as long as the
// caller allows.
const (
	callTimeout = 30 * time.Second
	chunkBytes  = 4 << 20 // of an upload: what a Writer holds beside its row group
)

// bucket is a table's storage in Cloud Storage.
type bucket struct {
	handle *storage.BucketHandle
	prefix string
	call   time.Duration
}

// NewBucket returns the storage of a table under a prefix of a bucket. The client stays the caller's, who closes it.
func NewBucket(client *storage.Client, name, prefix string) Objects {
	return &bucket{handle: client.Bucket(name), prefix: strings.Trim(prefix, "/"), call: callTimeout}
}

func (b *bucket) object(name string) *storage.ObjectHandle {
	return b.handle.Object(path.Join(b.prefix, name))
}

// Create implements Objects: one request that carries the precondition and all of the bytes. The client tries again by
// itself, which the precondition makes safe, so ErrExists may speak of its own success.
func (b *bucket) Create(ctx context.Context, name string, data []byte) error {
	err := b.put(ctx, b.object(name).If(storage.Conditions{DoesNotExist: true}), data)
	if hasStatus(err, http.StatusPreconditionFailed) {
		return fmt.Errorf("create %s: %w", name, ErrExists)
	}
	return err
}

// Replace implements Objects. It is repeatable, so the client may try again.
func (b *bucket) Replace(ctx context.Context, name string, data []byte) error {
	return b.put(ctx, b.object(name).Retryer(storage.WithPolicy(storage.RetryAlways)), data)
}

func (b *bucket) put(ctx context.Context, object *storage.ObjectHandle, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	w := object.NewWriter(ctx)
	// More than there is: one request, of bytes that are kept so that they can be sent again.
	w.ChunkSize = (len(data)/googleapi.MinUploadChunkSize + 1) * googleapi.MinUploadChunkSize
	w.CacheControl = "no-store"
	_, err := w.Write(data)
	if err = errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// Writer implements Objects.
func (b *bucket) Writer(ctx context.Context, name string) (io.WriteCloser, error) {
	w := b.object(name).If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	w.ChunkSize = chunkBytes
	w.ContentType = "application/vnd.apache.parquet"
	return w, nil
}

// Read implements Objects.
func (b *bucket) Read(ctx context.Context, name string, off, n int64) (_ []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	r, err := b.object(name).NewRangeReader(ctx, off, n)
	if err != nil {
		return nil, translate("read", name, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}

// Stat implements Objects.
func (b *bucket) Stat(ctx context.Context, name string) (Object, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	attrs, err := b.object(name).Attrs(ctx)
	if err != nil {
		return Object{}, translate("stat", name, err)
	}
	return describe(name, attrs), nil
}

// List implements Objects.
func (b *bucket) List(ctx context.Context, prefix, from string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		root := ""
		if b.prefix != "" {
			root = b.prefix + "/"
		}
		query := &storage.Query{Prefix: root + prefix, StartOffset: root + from, Projection: storage.ProjectionNoACL}
		err := query.SetAttrSelection([]string{"Name", "Size", "Updated", "Generation"})
		objects := b.handle.Objects(ctx, query)
		for err == nil {
			var attrs *storage.ObjectAttrs
			if attrs, err = objects.Next(); err != nil {
				break
			}
			if !yield(describe(strings.TrimPrefix(attrs.Name, root), attrs), nil) {
				return
			}
		}
		if !errors.Is(err, iterator.Done) {
			yield(Object{}, fmt.Errorf("list: %w", err))
		}
	}
}

// Delete implements Objects.
func (b *bucket) Delete(ctx context.Context, o Object) error {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	err := b.object(o.Name).If(storage.Conditions{GenerationMatch: o.Generation}).Delete(ctx)
	if err != nil && !errors.Is(err, storage.ErrObjectNotExist) && !hasStatus(err, http.StatusPreconditionFailed) {
		return fmt.Errorf("delete %s: %w", o.Name, err)
	}
	return nil
}

func describe(name string, attrs *storage.ObjectAttrs) Object {
	return Object{Name: name, Size: attrs.Size, Updated: attrs.Updated, Generation: attrs.Generation}
}

func translate(op, name string, err error) error {
	if errors.Is(err, storage.ErrObjectNotExist) {
		err = fs.ErrNotExist
	}
	return fmt.Errorf("%s %s: %w", op, name, err)
}

func hasStatus(err error, status int) bool {
	var api *googleapi.Error
	return errors.As(err, &api) && api.Code == status
}
