package modelstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of one call to Cloud Storage, with the client's own retries: the client would otherwise go on for as long as
// its caller allows.
const (
	callTimeout     = 10 * time.Second // of what is small: a pointer, a list, a pack
	artefactTimeout = 30 * time.Second // of a file of an artefact
)

// writerKey names, in an object's metadata, the write that made it: a precondition that failed may be the work of one's
// own write whose reply was lost, and only this tells it from somebody else's.
const writerKey = "sentinela-write"

// bucket is a source over Cloud Storage.
type bucket struct {
	client *storage.Client
	base   *http.Transport
	handle *storage.BucketHandle
	prefix string

	call, artefact time.Duration // bounds of one call
}

// openBucket opens bucket/prefix through connections that base makes.
func openBucket(ctx context.Context, location string, base *http.Transport, opts []option.ClientOption) (*bucket, error) {
	name, prefix, _ := strings.Cut(location, "/")
	if name == "" {
		return nil, pix.E(pix.Invalid, "open model store", errors.New("gs:// without a bucket"))
	}
	client, err := newClient(ctx, base, opts)
	if err != nil {
		return nil, pix.E(pix.Unavailable, "open model store", err)
	}
	return &bucket{
		client: client, base: base, handle: client.Bucket(name), prefix: strings.Trim(prefix, "/"),
		call: callTimeout, artefact: artefactTimeout,
	}, nil
}

func (b *bucket) close() error {
	defer b.base.CloseIdleConnections()
	if err := b.client.Close(); err != nil {
		return fmt.Errorf("storage client: %w", err)
	}
	return nil
}

func (b *bucket) directories(ctx context.Context, dir string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
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
	ctx, cancel := context.WithTimeout(ctx, b.artefact)
	defer cancel()
	data, _, err := b.get(ctx, name, limit)
	return data, err
}

func (b *bucket) pointer(ctx context.Context, name string, limit int64) ([]byte, string, error) {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
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

// replace leaves the comparison to Cloud Storage: the write takes effect on exactly the generation that was read. The
// client retries a write whose reply was lost and is then refused by its own success, so after any failure that may hide
// one the object is asked who wrote it.
func (b *bucket) replace(ctx context.Context, name string, text []byte, mark string) error {
	condition := storage.Conditions{DoesNotExist: true}
	if mark != "" {
		generation, err := strconv.ParseInt(mark, 10, 64)
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		condition = storage.Conditions{GenerationMatch: generation}
	}
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	return b.write(ctx, name, text, condition)
}

// create has more time than a pointer: a model has megabytes.
func (b *bucket) create(ctx context.Context, name string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, b.artefact)
	defer cancel()
	err := b.write(ctx, name, data, storage.Conditions{DoesNotExist: true})
	if errors.Is(err, ErrChanged) {
		return fmt.Errorf("write %s: %w", name, fs.ErrExist)
	}
	return err
}

func (b *bucket) write(ctx context.Context, name string, data []byte, condition storage.Conditions) error {
	writer := rand.Text()
	err := b.put(ctx, b.object(name).If(condition), writer, data)
	if err == nil {
		return nil
	}
	status := refusal(err)
	if status != 0 && status != http.StatusPreconditionFailed {
		return fmt.Errorf("write %s: %w", name, err)
	}
	ours, readErr := b.wrote(ctx, name, writer)
	switch {
	case ours:
		return nil
	case readErr == nil && status == http.StatusPreconditionFailed:
		return ErrChanged
	default:
		return fmt.Errorf("write %s: %w: %w", name, ErrUncertain, errors.Join(err, readErr))
	}
}

func (b *bucket) put(ctx context.Context, object *storage.ObjectHandle, writer string, text []byte) error {
	w := object.NewWriter(ctx)
	w.ContentType, w.CacheControl = "text/plain; charset=utf-8", "no-store"
	w.Metadata = map[string]string{writerKey: writer}
	_, err := w.Write(text)
	return errors.Join(err, w.Close())
}

// wrote tells whether the object as it is now is the work of this write. It asks even when the caller has given up:
// what was written must not be called a failure.
func (b *bucket) wrote(ctx context.Context, name, writer string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.call)
	defer cancel()
	attrs, err := b.object(name).Attrs(ctx)
	if errors.Is(err, storage.ErrObjectNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read back: %w", err)
	}
	return attrs.Metadata[writerKey] == writer, nil
}

// refusal returns the status with which Cloud Storage refused a write for good, 0 when the failure says nothing of
// whether the write took effect.
func refusal(err error) int {
	var api *googleapi.Error
	if !errors.As(err, &api) || api.Code < 400 || api.Code >= 500 ||
		api.Code == http.StatusRequestTimeout || api.Code == http.StatusTooManyRequests {
		return 0
	}
	return api.Code
}

func (b *bucket) object(name string) *storage.ObjectHandle {
	return b.handle.Object(path.Join(b.prefix, name))
}
