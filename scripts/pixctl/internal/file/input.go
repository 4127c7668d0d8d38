package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrEmpty is an input without a byte. Nothing comes of it, and whoever named it expected otherwise.
var ErrEmpty = errors.New("the file is empty")

// Open opens an input. It may be a pipe, whose emptiness only shows when it is read.
func Open(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, named(name, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a directory, not a file", name)
	case info.Mode().IsRegular() && info.Size() == 0:
		err = fmt.Errorf("%s: %w", name, ErrEmpty)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// named says which part of a path is missing: of a long one, people look at the end.
func named(name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open: %w", err)
	}
	dir := filepath.Dir(name)
	if _, missing := os.Stat(dir); missing != nil {
		return fmt.Errorf("%s: there is no directory %s", name, dir)
	}
	return fmt.Errorf("there is no file %s", name)
}
