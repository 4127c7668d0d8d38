package modelstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// bucket is a source over Cloud Storage.
type bucket struct {
	client *storage.Client
	handle *storage.BucketHandle
	prefix string
}

// openBucket opens bucket/prefix.
func openBucket(ctx context.Context, location string, opts []option.ClientOption) (*bucket, error) {
	name, prefix, _ := strings.Cut(location, "/")
	if name == "" {
		return nil, pix.E(pix.Invalid, "open model store", errors.New("gs:// without a bucket"))
	}
	client, err := storage.NewClient(ctx, opts...)
	if err != nil {
		return nil, pix.E(pix.Unavailable, "open model store", err)
	}
	return &bucket{client, client.Bucket(name), strings.Trim(prefix, "/")}, nil
}

func (b *bucket) close() error {
	if err := b.client.Close(); err != nil {
		return fmt.Errorf("storage client: %w", err)
	}
	return nil
}

func (b *bucket) directories(ctx context.Context, dir string) ([]string, error) {
	prefix := path.Join(b.prefix, dir) + "/"
	query := &storage.Query{Prefix: prefix, Delimiter: "/"}
	if err := query.SetAttrSelection([]string{"Name"}); err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var names []string
	for it := b.handle.Objects(ctx, query); len(names) < maxVersions; {
		attrs, err := it.Next()
		if errors.Is(err, iterator.Done) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", dir, err)
		}
		if attrs.Prefix != "" {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(attrs.Prefix, prefix), "/"))
		}
	}
	return names, nil
}

func (b *bucket) read(ctx context.Context, name string, limit int64) ([]byte, error) {
	data, _, err := b.get(ctx, name, limit)
	return data, err
}

func (b *bucket) pointer(ctx context.Context, name string, limit int64) ([]byte, string, error) {
	data, generation, err := b.get(ctx, name, limit)
	return data, strconv.FormatInt(generation, 10), err
}

// get returns a whole object and its generation.
func (b *bucket) get(ctx context.Context, name string, limit int64) (_ []byte, generation int64, err error) {
	r, err := b.object(name).NewReader(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil, 0, fmt.Errorf("read %s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	data, err := readAll(r, name, limit)
	return data, r.Attrs.Generation, err
}

// replace leaves the comparison to Cloud Storage: the write takes effect on exactly the generation that was read.
func (b *bucket) replace(ctx context.Context, name string, text []byte, mark string) error {
	condition := storage.Conditions{DoesNotExist: true}
	if mark != "" {
		generation, err := strconv.ParseInt(mark, 10, 64)
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		condition = storage.Conditions{GenerationMatch: generation}
	}
	w := b.object(name).If(condition).NewWriter(ctx)
	w.ContentType, w.CacheControl = "text/plain; charset=utf-8", "no-store"
	_, err := w.Write(text)
	err = errors.Join(err, w.Close())
	var api *googleapi.Error
	if errors.As(err, &api) && api.Code == http.StatusPreconditionFailed {
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (b *bucket) object(name string) *storage.ObjectHandle {
	return b.handle.Object(path.Join(b.prefix, name))
}
