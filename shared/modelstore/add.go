package modelstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Add writes a version's files, the manifest last, and changes nothing that is in force: where no file current says so
// yet, one is written first, because the highest version would otherwise be. Files that are there already stay; where
// they differ the error is a Conflict, because a version never changes. To add again after a failure finishes the work.
// The content is not verified: callers do, before.
func (s *Store) Add(ctx context.Context, a Artefact) error {
	op := "add " + string(a.Role) + " model"
	if err := checkVersion(a.Version); err != nil {
		return pix.E(pix.Invalid, op, err)
	}
	if err := s.pin(ctx, a.Role); err != nil {
		return err
	}
	for _, name := range artefactFiles() {
		data, err := fs.ReadFile(a, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return pix.E(pix.Invalid, op, fmt.Errorf("read %s: %w", name, err))
		}
		if err := s.addFile(ctx, path.Join(string(a.Role), a.Version, name), data); err != nil {
			return pix.E(kindOfAdd(err), op, err)
		}
	}
	return nil
}

// errOtherContent is why a version is not added.
var errOtherContent = errors.New("it is there with other content, and a version never changes: choose another name")

func kindOfAdd(err error) pix.Kind {
	if errors.Is(err, errOtherContent) {
		return pix.Conflict
	}
	return pix.Unavailable
}

func (s *Store) addFile(ctx context.Context, name string, data []byte) error {
	err := s.root.create(ctx, name, data)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := s.root.read(ctx, name, maxFileBytes)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, data) {
		return fmt.Errorf("write %s: %w", name, errOtherContent)
	}
	return nil
}

// pin names what is in force where nothing but the order of versions says so. An empty store has nothing to pin.
func (s *Store) pin(ctx context.Context, role pix.Role) error {
	names, err := s.root.directories(ctx, string(role))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(names) == 0 {
		return nil
	}
	p, err := s.Current(ctx, role)
	if err != nil || p.mark != "" {
		return err
	}
	_, err = s.Promote(ctx, role, p.Versions[0])
	return err
}
