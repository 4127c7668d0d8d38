package modelstore

import (
	"context"
	"path"
	"strings"

	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// File is one file that is followed beside models, such as a policy pack. It is kept where they may be, and read like
// their pointers.
type File struct {
	store *Store
	name  string
	limit int64
}

// OpenFile returns the file at location, a path or gs://bucket/object, of which at most limit bytes are read. Its
// directory must be there. Options are for Cloud Storage only.
func OpenFile(ctx context.Context, location string, limit int64, opts ...option.ClientOption) (*File, error) {
	at := strings.LastIndexByte(location, '/')
	root, name := location[:at+1], location[at+1:]
	if root == "" {
		root = "."
	}
	store, err := Open(ctx, root, opts...)
	if err != nil {
		return nil, err
	}
	return &File{store, path.Clean(name), limit}, nil
}

// FileOf returns a file at hand, such as one embedded in the binary.
func FileOf(data []byte) *File {
	const name = "file"
	return &File{&Store{folder{memory{name: data}}}, name, int64(len(data))}
}

// Read returns the file as it is now, and a mark that is another once it is written again.
func (f *File) Read(ctx context.Context) (data []byte, mark string, err error) {
	data, mark, err = f.store.root.pointer(ctx, f.name, f.limit)
	if err != nil {
		return nil, "", pix.E(pix.Unavailable, "read file", err)
	}
	return data, mark, nil
}

// Close releases the connection to Cloud Storage.
func (f *File) Close() error { return f.store.Close() }
