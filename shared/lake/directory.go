package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// tempPrefix begins the names of files that are being written. Readers of Delta tables pass over names with a dot.
const tempPrefix = ".writing-"

// directory is a table's storage in a local directory, for demos, tests and a first look. Its modification times stand in
// for a bucket's.
type directory struct{ root string }

// NewDirectory returns the storage of a table in a local directory, which is made.
func NewDirectory(root string) (Objects, error) {
	if err := os.MkdirAll(filepath.Join(root, logPrefix), 0o755); err != nil {
		return nil, fmt.Errorf("lake directory: %w", err)
	}
	return &directory{root: root}, nil
}

func (d *directory) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// Create implements Objects. A link fails where a rename would replace.
func (d *directory) Create(ctx context.Context, name string, data []byte) error {
	temp, err := d.write(ctx, data)
	if err != nil {
		return err
	}
	err = os.Link(temp, d.path(name))
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s: %w", name, ErrExists)
	}
	if err = errors.Join(err, os.Remove(temp)); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	return nil
}

// Replace implements Objects.
func (d *directory) Replace(ctx context.Context, name string, data []byte) error {
	temp, err := d.write(ctx, data)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, d.path(name)); err != nil {
		return fmt.Errorf("replace: %w", errors.Join(err, os.Remove(temp)))
	}
	return nil
}

// write writes a temporary file to the disk and returns its path.
func (d *directory) write(ctx context.Context, data []byte) (string, error) {
	w, err := d.temp(ctx, "")
	if err != nil {
		return "", err
	}
	_, err = w.Write(data)
	if err = errors.Join(err, w.file.Sync(), w.file.Close()); err != nil {
		return "", fmt.Errorf("write: %w", errors.Join(err, os.Remove(w.file.Name())))
	}
	return w.file.Name(), nil
}

func (d *directory) temp(ctx context.Context, name string) (*directoryWriter, error) {
	file, err := os.CreateTemp(d.root, tempPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	if err := file.Chmod(0o644); err != nil { // a temporary file is its owner's alone; Spark may be somebody else
		return nil, fmt.Errorf("create: %w", errors.Join(err, file.Close(), os.Remove(file.Name())))
	}
	return &directoryWriter{ctx: ctx, file: file, target: d.path(name)}, nil
}

// Writer implements Objects.
func (d *directory) Writer(ctx context.Context, name string) (io.WriteCloser, error) {
	return d.temp(ctx, name)
}

// directoryWriter is a file that gets its name when it is complete.
type directoryWriter struct {
	ctx    context.Context //nolint:containedctx // its end means that the file is given up
	file   *os.File
	target string
}

func (w *directoryWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, fmt.Errorf("write: %w", err)
	}
	return w.file.Write(p) //nolint:wrapcheck // io.Writer
}

func (w *directoryWriter) Close() error {
	err := errors.Join(w.ctx.Err(), w.file.Sync(), w.file.Close())
	if err == nil {
		err = os.Rename(w.file.Name(), w.target)
	}
	if err != nil {
		return fmt.Errorf("write: %w", errors.Join(err, os.Remove(w.file.Name())))
	}
	return nil
}

// Read implements Objects.
func (d *directory) Read(_ context.Context, name string, off, n int64) (_ []byte, err error) {
	file, err := os.Open(d.path(name))
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	rest := max(info.Size()-off, 0)
	if n < 0 || n > rest {
		n = rest
	}
	data := make([]byte, n)
	if _, err := file.ReadAt(data, off); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read: %w", err)
	}
	return data, nil
}

// Stat implements Objects.
func (d *directory) Stat(_ context.Context, name string) (Object, error) {
	info, err := os.Stat(d.path(name))
	if err != nil {
		return Object{}, fmt.Errorf("stat: %w", err)
	}
	return Object{Name: name, Size: info.Size(), Updated: info.ModTime()}, nil
}

// List implements Objects. Names are listed whole and then cut: a directory is not for tables of a year.
func (d *directory) List(_ context.Context, prefix, from string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		dir := prefix[:strings.LastIndex(prefix, "/")+1]
		entries, err := os.ReadDir(d.path(dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(Object{}, fmt.Errorf("list: %w", err))
			return
		}
		first := sort.Search(len(entries), func(i int) bool { return dir+entries[i].Name() >= from })
		for _, e := range entries[first:] {
			name := dir + e.Name()
			if e.IsDir() || !strings.HasPrefix(name, prefix) || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed since
			}
			if err != nil {
				yield(Object{}, fmt.Errorf("list: %w", err))
				return
			}
			if !yield(Object{Name: name, Size: info.Size(), Updated: info.ModTime()}, nil) {
				return
			}
		}
	}
}

// Delete implements Objects.
func (d *directory) Delete(_ context.Context, o Object) error {
	if err := os.Remove(d.path(o.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}
