package modelstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"cloud.google.com/go/storage"
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

// openBucket opens bucket/prefix for reading.
func openBucket(ctx context.Context, location string, opts []option.ClientOption) (*bucket, error) {
	name, prefix, _ := strings.Cut(location, "/")
	if name == "" {
		return nil, pix.E(pix.Invalid, "open model store", errors.New("gs:// without a bucket"))
	}
	client, err := storage.NewClient(ctx, append([]option.ClientOption{option.WithScopes(storage.ScopeReadOnly)}, opts...)...)
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

func (b *bucket) read(ctx context.Context, name string, limit int64) (_ []byte, err error) {
	r, err := b.handle.Object(path.Join(b.prefix, name)).NewReader(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return nil, fmt.Errorf("read %s: %w", name, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return readAll(r, name, limit)
}
