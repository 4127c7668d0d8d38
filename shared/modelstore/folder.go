package modelstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// errNotRegular is why a file is not read: a pipe, a socket or a device may keep its reader waiting for ever.
var errNotRegular = errors.New("not a regular file")

// folder is a source over a file system. A call to it is as slow as the file system: on a mount that has stalled it
// never returns, whatever its context says.
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
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: %w", name, errNotRegular)
	}
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

func (f folder) create(_ context.Context, name string, _ []byte) error {
	return fmt.Errorf("write %s: %w", name, fs.ErrPermission)
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
