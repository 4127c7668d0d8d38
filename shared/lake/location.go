package lake

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Location is a place of tables: gs://bucket/prefix or a local directory.
type Location struct {
	root   string
	bucket string
	prefix string
	client *storage.Client
}

// OpenLocation opens a place of tables without asking whether it is there. Options are those of the Cloud Storage client.
// Close it.
func OpenLocation(ctx context.Context, place string, opts ...option.ClientOption) (*Location, error) {
	const op = "open lake"
	if place == "" {
		return nil, pix.E(pix.Invalid, op, errors.New("no place is named"))
	}
	if !strings.Contains(place, "://") {
		return &Location{root: place}, nil
	}
	u, err := url.Parse(place)
	if err != nil || u.Scheme != "gs" || u.Host == "" || u.Host != u.Hostname() || place != "gs://"+u.Host+u.Path {
		return nil, pix.E(pix.Invalid, op, errors.New("the place is neither gs://bucket/prefix nor a directory"))
	}
	client, err := storage.NewClient(ctx, opts...)
	if err != nil {
		return nil, pix.E(pix.Unavailable, op, err)
	}
	return &Location{bucket: u.Host, prefix: u.Path, client: client}, nil
}

// Table returns the storage of a table by its name.
func (l *Location) Table(name string) (Objects, error) {
	if l.client == nil {
		return NewDirectory(filepath.Join(l.root, name))
	}
	return NewBucket(l.client, l.bucket, path.Join(l.prefix, name)), nil
}

// Close ends the connections.
func (l *Location) Close() error {
	if l.client == nil {
		return nil
	}
	if err := l.client.Close(); err != nil {
		return fmt.Errorf("close lake: %w", err)
	}
	return nil
}
