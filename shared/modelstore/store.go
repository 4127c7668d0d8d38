package modelstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// currentFile names the version in force of a role.
const currentFile = "current"

// Bounds of what is read. scoring.Limits judges the content; these keep a wrong bucket from filling the memory.
const (
	maxFileBytes    = 32 << 20
	maxVersionBytes = 256
	maxVersions     = 10000
)

// Store reads artefacts from one root.
type Store struct {
	root source
}

// source is where a store's files are: a file system or a bucket. Names are slash-separated and relative to the root.
type source interface {
	// directories lists the names of the directories directly under dir, at most maxVersions.
	directories(ctx context.Context, dir string) ([]string, error)
	// read returns a whole file of at most limit bytes; fs.ErrNotExist when it is not there.
	read(ctx context.Context, name string, limit int64) ([]byte, error)
	close() error
}

// Artefact is one version of one role's model: a file system with model.txt, manifest.json and golden.json at its top,
// held in memory.
type Artefact struct {
	fs.FS
	Role    pix.Role
	Version string // the name of its directory
}

// Open returns the store at location: a directory, or gs://bucket/prefix. Options are for Cloud Storage only.
func Open(ctx context.Context, location string, opts ...option.ClientOption) (*Store, error) {
	if rest, ok := strings.CutPrefix(location, "gs://"); ok {
		root, err := openBucket(ctx, rest, opts)
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
	return FromFS(os.DirFS(location)), nil
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
	version, err := s.version(ctx, role)
	if err != nil {
		return Artefact{}, pix.E(pix.Unavailable, "find "+string(role)+" model", err)
	}
	return s.LoadVersion(ctx, role, version)
}

// LoadVersion returns a version by its name.
func (s *Store) LoadVersion(ctx context.Context, role pix.Role, version string) (Artefact, error) {
	op := "read " + string(role) + " model"
	if !fs.ValidPath(version) || strings.Contains(version, "/") || version == "." {
		return Artefact{}, pix.E(pix.Invalid, op, errors.New("the version is no single step of a path"))
	}
	files := memory{}
	for _, name := range []string{"model.txt", "manifest.json", "golden.json"} {
		data, err := s.root.read(ctx, path.Join(string(role), version, name), maxFileBytes)
		if errors.Is(err, fs.ErrNotExist) {
			continue // scoring.Load says what is missing
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

// version reads what is in force: the text of current, or else the highest version there is.
func (s *Store) version(ctx context.Context, role pix.Role) (string, error) {
	text, err := s.root.read(ctx, path.Join(string(role), currentFile), maxVersionBytes)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	names, err := s.root.directories(ctx, string(role))
	if err != nil {
		return "", err
	}
	highest := ""
	for _, name := range names {
		if highest == "" || higher(name, highest) {
			highest = name
		}
	}
	if highest == "" {
		return "", errors.New("there is no version")
	}
	return highest, nil
}

// higher compares versions as numbers where both are; a number is higher than a word, words compare as text.
func higher(a, b string) bool {
	x, errA := strconv.ParseUint(a, 10, 64)
	y, errB := strconv.ParseUint(b, 10, 64)
	switch {
	case errA == nil && errB == nil:
		return x > y
	case errA == nil || errB == nil:
		return errA == nil
	default:
		return a > b
	}
}
