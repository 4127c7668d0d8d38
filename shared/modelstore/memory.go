package modelstore

import (
	"bytes"
	"io/fs"
	"time"
)

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
