package modelstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// folder is a source over a file system.
type folder struct{ fsys fs.FS }

func (f folder) close() error { return nil }

func (f folder) directories(ctx context.Context, dir string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	entries, err := fs.ReadDir(f.fsys, dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && len(names) < maxVersions {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (f folder) read(ctx context.Context, name string, limit int64) (_ []byte, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return readAll(file, name, limit)
}

// pointer marks a file by the hash of its content: a file system has no generations.
func (f folder) pointer(ctx context.Context, name string, limit int64) ([]byte, string, error) {
	data, err := f.read(ctx, name, limit)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(data)
	return data, hex.EncodeToString(sum[:]), nil
}

func (f folder) replace(_ context.Context, name string, _ []byte, _ string) error {
	return fmt.Errorf("write %s: %w", name, fs.ErrPermission)
}

// directory is a folder on disk, which can be written.
type directory struct {
	folder
	at string
}

// replace holds a lock file while it compares and renames, so that of two writers who read the same file one is told.
func (d directory) replace(ctx context.Context, name string, text []byte, mark string) (err error) {
	file := filepath.Join(d.at, filepath.FromSlash(name))
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: another writer holds %s.lock", name, name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, lock.Close(), os.Remove(lock.Name())) }()
	_, now, err := d.pointer(ctx, name, maxPointerBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if now != mark {
		return ErrChanged
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// readAll reads to the end and refuses what is longer than limit.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: larger than %d bytes", name, limit)
	}
	return data, nil
}

// memory is a flat file system of what was read, so that what is verified is what was downloaded.
type memory map[string][]byte

// Open implements fs.FS.
func (m memory) Open(name string) (fs.File, error) {
	data, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryFile{bytes.NewReader(data), name}, nil
}

// memoryFile is an open file of memory.
type memoryFile struct {
	*bytes.Reader
	name string
}

// Stat implements fs.File.
func (f *memoryFile) Stat() (fs.FileInfo, error) { return f, nil }

// Close implements fs.File.
func (f *memoryFile) Close() error { return nil }

// Name implements fs.FileInfo.
func (f *memoryFile) Name() string { return f.name }

// Mode implements fs.FileInfo: read-only.
func (f *memoryFile) Mode() fs.FileMode { return 0o444 }

// ModTime implements fs.FileInfo: not known.
func (f *memoryFile) ModTime() time.Time { return time.Time{} }

// IsDir implements fs.FileInfo.
func (f *memoryFile) IsDir() bool { return false }

// Sys implements fs.FileInfo.
func (f *memoryFile) Sys() any { return nil }
