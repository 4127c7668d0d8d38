package modelstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of what is read. scoring.Limits judges the content; these keep a wrong bucket from filling the memory.
const (
	maxFileBytes = 32 << 20
	maxVersions  = 10000
)

// Store reads artefacts from one root, and writes which of them are in force where it was opened for that.
type Store struct {
	root source
}

// source is where a store's files are: a file system or a bucket. Names are slash-separated and relative to the root.
type source interface {
	// directories lists the names of the directories directly under dir, at most maxVersions.
	directories(ctx context.Context, dir string) ([]string, error)
	// read returns a whole file of at most limit bytes; fs.ErrNotExist when it is not there.
	read(ctx context.Context, name string, limit int64) ([]byte, error)
	// pointer returns a small file as it is now, and a mark that is another once the file is written again.
	pointer(ctx context.Context, name string, limit int64) (text []byte, mark string, err error)
	// replace writes a small file if its mark is still this one, empty for a file that is not there; else ErrChanged. It
	// fails with ErrUncertain where it cannot tell whether it wrote.
	replace(ctx context.Context, name string, text []byte, mark string) error
	// create writes a file that must not be there yet; else fs.ErrExist. What was there is never changed, and a file is
	// there as a whole or not at all.
	create(ctx context.Context, name string, data []byte) error
	close() error
}

// Artefact is one version of one role's model: a file system with model.txt, manifest.json, golden.json and, where it has
// them, reference.json and the signature manifest.json.sig at its top, held in memory.
type Artefact struct {
	fs.FS
	Role    pix.Role
	Version string // the name of its directory
}

// artefactFiles returns the files of a version, in the order in which they are written: without its manifest no version
// is served.
func artefactFiles() [5]string {
	return [5]string{"model.txt", "golden.json", "reference.json", "manifest.json.sig", "manifest.json"}
}

// Open returns the store at location for reading: a directory, or gs://bucket/prefix. Options are for Cloud Storage only.
func Open(ctx context.Context, location string, opts ...option.ClientOption) (*Store, error) {
	return open(ctx, location, append([]option.ClientOption{option.WithScopes(storage.ScopeReadOnly)}, opts...))
}

// OpenWritable returns the store at location for those who decide what is in force: it may also write pointers.
func OpenWritable(ctx context.Context, location string, opts ...option.ClientOption) (*Store, error) {
	return open(ctx, location, append([]option.ClientOption{option.WithScopes(storage.ScopeReadWrite)}, opts...))
}

// open gives up after callTimeout, whatever it meets: a mount that has stalled, a metadata server that does not answer.
func open(ctx context.Context, location string, opts []option.ClientOption) (*Store, error) {
	type opened struct {
		store *Store
		err   error
	}
	done := make(chan opened, 1)
	lasting := context.WithoutCancel(ctx) // credentials are renewed with it for as long as the store is used
	go func() {
		s, err := openAny(lasting, location, opts)
		done <- opened{s, err}
	}()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	select {
	case o := <-done:
		return o.store, o.err
	case <-ctx.Done():
		return nil, pix.E(pix.Unavailable, "open model store", fmt.Errorf("%s does not answer: %w", location, ctx.Err()))
	}
}

func openAny(ctx context.Context, location string, opts []option.ClientOption) (*Store, error) {
	if rest, ok := strings.CutPrefix(location, "gs://"); ok {
		root, err := openBucket(ctx, rest, newTransport(), opts)
		if err != nil {
			return nil, err
		}
		return &Store{root}, nil
	}
	info, err := os.Stat(location)
	if err == nil && !info.IsDir() {
		err = errors.New("not a directory")
	}
	if err != nil {
		return nil, pix.E(pix.Unavailable, "open model store", err)
	}
	return &Store{directory{folder{disk(location)}, location}}, nil
}

// FromFS returns a store over files at hand, such as those embedded in the binary.
func FromFS(fsys fs.FS) *Store { return &Store{folder{fsys}} }

// Close releases the connection to Cloud Storage.
func (s *Store) Close() error {
	if err := s.root.close(); err != nil {
		return pix.E(pix.Unexpected, "close model store", err)
	}
	return nil
}

// Load returns the version in force of a role's artefact. Its content is not verified. The error is Unavailable when
// there is none or it cannot be read.
func (s *Store) Load(ctx context.Context, role pix.Role) (Artefact, error) {
	p, err := s.current(ctx, role)
	if err != nil {
		return Artefact{}, pix.E(pix.Unavailable, "find "+string(role)+" model", err)
	}
	return s.LoadVersion(ctx, role, p.Versions[0])
}

// LoadVersion returns a version by its name.
func (s *Store) LoadVersion(ctx context.Context, role pix.Role, version string) (Artefact, error) {
	op := "read " + string(role) + " model"
	if err := checkVersion(version); err != nil {
		return Artefact{}, pix.E(pix.Invalid, op, err)
	}
	files := memory{}
	for _, name := range artefactFiles() {
		data, err := s.root.read(ctx, path.Join(string(role), version, name), maxFileBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue // scoring.Load says what is missing, and whether a signature must be there
		}
		if err != nil {
			return Artefact{}, pix.E(pix.Unavailable, op, err)
		}
		files[name] = data
	}
	if len(files) == 0 {
		return Artefact{}, pix.E(pix.Unavailable, op, fmt.Errorf("version %q holds no file", version))
	}
	return Artefact{FS: files, Role: role, Version: version}, nil
}
