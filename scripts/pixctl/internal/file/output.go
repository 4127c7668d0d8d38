package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
)

// partial ends the name of an output that is not whole yet.
const partial = ".partial"

// Output is a file being written. It has its name after Commit; until then Discard leaves what had it before.
type Output struct {
	*os.File
	name   string // empty for what cannot be renamed: a pipe or a device is written as it is
	closed bool
}

// Create begins an output that is not also one of the inputs. A symbolic link keeps pointing where it does.
func Create(name string, inputs ...string) (*Output, error) {
	if err := Distinct(name, inputs...); err != nil {
		return nil, err
	}
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil, command.Usagef("%s is a directory, not a file to write", name)
	case err == nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("create: %w", err)
		}
		return &Output{File: f}, nil
	}
	if err := Distinct(name+partial, inputs...); err != nil {
		return nil, err
	}
	f, err := os.Create(name + partial)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: there is no directory %s", name, filepath.Dir(name))
	}
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	return &Output{File: f, name: name}, nil
}

// Distinct is a UsageError when an output is the same file as one of the inputs, under whatever name. Empty names are no
// inputs.
func Distinct(name string, inputs ...string) error {
	out, err := os.Stat(name)
	if err != nil || !out.Mode().IsRegular() {
		return nil //nolint:nilerr // what is not there is no input
	}
	for _, input := range inputs {
		if in, err := os.Stat(input); err == nil && os.SameFile(in, out) {
			return command.Usagef("%s would be written over the input %s: choose another name", name, input)
		}
	}
	return nil
}

// Commit closes the file and gives it its name. A full disk shows here.
func (o *Output) Commit() error {
	o.closed = true
	if err := o.Close(); err != nil {
		return fmt.Errorf("complete %s: %w", o.name, err)
	}
	if o.name == "" {
		return nil
	}
	if err := os.Rename(o.name+partial, o.name); err != nil {
		return fmt.Errorf("complete: %w", err)
	}
	return nil
}

// Discard removes what Commit has not completed; after Commit it does nothing.
func (o *Output) Discard() {
	if o.closed {
		return
	}
	o.closed = true
	_ = o.Close()
	if o.name != "" {
		_ = os.Remove(o.name + partial)
	}
}
