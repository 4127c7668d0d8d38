package modelstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// disk is the file system under one directory. It opens regular files and directories only, and without waiting: to open
// a pipe that nobody writes to would otherwise never return.
type disk string

// Files returns the files under a directory, of which only regular ones are opened, without waiting.
func Files(dir string) fs.FS { return disk(dir) }

// Open implements fs.FS.
func (d disk) Open(name string) (fs.File, error) {
	fail := func(err error) (fs.File, error) { return nil, &fs.PathError{Op: "open", Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	at := filepath.Join(string(d), filepath.FromSlash(name))
	info, err := os.Stat(at) // before it is opened: that alone sets a device going
	if err != nil {
		return fail(errors.Unwrap(err))
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return fail(errNotRegular)
	}
	file, err := os.OpenFile(at, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fail(errors.Unwrap(err))
	}
	return file, nil
}

// directory is a folder on disk, which can be written.
type directory struct {
	folder
	at string
}

// replace compares and renames under a lock, so that of two writers who read the same file one is told. The lock is the
// system's own, on a file that stays: a writer that died holds none.
func (d directory) replace(ctx context.Context, name string, text []byte, mark string) (err error) {
	file := filepath.Join(d.at, filepath.FromSlash(name))
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR|syscall.O_NONBLOCK, 0o666)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { _ = lock.Close() }() // which lets go of it
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("write %s: another writer is at work and holds %s.lock; look again", name, name)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	_, now, err := d.pointer(ctx, name, maxPointerBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if now != mark {
		return ErrChanged
	}
	if err := writeWhole(file, text); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// writeWhole puts a file in place as a whole, on the disk before it gets its name. Everybody may read it, whatever the
// writer's umask: a scorer runs as somebody else, and would keep the old model without a word of it here.
func writeWhole(file string, text []byte) (err error) {
	next := file + ".new"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a writer that died, perhaps another user
		return err //nolint:wrapcheck // names operation and file
	}
	f, err := os.OpenFile(next, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err //nolint:wrapcheck // names operation and file
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	return os.Rename(next, file) //nolint:wrapcheck // names operation and both files
}

// create links a file that is on the disk to its name, which fails where the name is taken.
func (d directory) create(_ context.Context, name string, data []byte) (err error) {
	file := filepath.Join(d.at, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // scorers run as somebody else
		return fmt.Errorf("write %s: %w", name, err)
	}
	own := file + "." + rand.Text()
	if err := writeWhole(own, data); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, os.Remove(own)) }()
	if err := os.Link(own, file); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
