package modelstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Files that name versions of a role, one a line.
const (
	currentFile     = "current"     // the version in force, then those before it, newest first
	challengersFile = "challengers" // the versions that score in shadow
)

// Bounds of those files.
const (
	maxPointerBytes = 4096
	maxHistory      = 10 // versions that current remembers, so that going back has somewhere to go
)

// MaxChallengers bounds how many models of a role score in shadow: each costs every decision a score and the process
// its memory.
const MaxChallengers = 4

// ErrChanged is why a pointer was not written: somebody else wrote it after it was read.
var ErrChanged = errors.New("the pointer has changed since it was read; look again")

// ErrUncertain says that nobody knows whether a write took effect: neither its own reply nor what was asked after it
// came.
var ErrUncertain = errors.New("the write may have taken effect or not")

// Pointer is what a file of versions says.
type Pointer struct {
	Versions []string // never empty in what Current returns
	mark     string   // changes when the file does: a generation or a hash; empty where there is no file
}

// Key tells apart what a pointer names and when it was written.
func (p Pointer) Key() string { return p.mark + " " + strings.Join(p.Versions, " ") }

// Current reads which version of a role is in force and which were before it: what the file current says, or else every
// version there is, from the highest down.
func (s *Store) Current(ctx context.Context, role pix.Role) (Pointer, error) {
	p, err := s.current(ctx, role)
	if err != nil {
		return Pointer{}, pix.E(pix.Unavailable, "find "+string(role)+" model", err)
	}
	return p, nil
}

// Challengers reads which versions of a role score in shadow; none where there is no file.
func (s *Store) Challengers(ctx context.Context, role pix.Role) (Pointer, error) {
	p, err := s.challengers(ctx, role)
	if err != nil {
		return Pointer{}, pix.E(pix.Unavailable, "find "+string(role)+" challengers", err)
	}
	return p, nil
}

// ErrNone is the cause where a role has no version at all.
var ErrNone = errors.New("there is no version")

func (s *Store) current(ctx context.Context, role pix.Role) (Pointer, error) {
	p, err := s.pointer(ctx, role, currentFile)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	names, err := s.root.directories(ctx, string(role))
	if err != nil {
		return Pointer{}, err
	}
	if len(names) == 0 {
		return Pointer{}, ErrNone
	}
	sort.Slice(names, func(i, j int) bool { return higher(names[i], names[j]) })
	return Pointer{Versions: names[:min(len(names), maxHistory)]}, nil
}

func (s *Store) challengers(ctx context.Context, role pix.Role) (Pointer, error) {
	p, err := s.pointer(ctx, role, challengersFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Pointer{}, nil
	}
	return p, err
}

func (s *Store) pointer(ctx context.Context, role pix.Role, name string) (Pointer, error) {
	text, mark, err := s.root.pointer(ctx, path.Join(string(role), name), maxPointerBytes)
	if err != nil {
		return Pointer{}, err
	}
	versions := strings.Split(strings.TrimSpace(string(text)), "\n")
	for i, v := range versions {
		versions[i] = strings.TrimSpace(v)
	}
	if name == challengersFile {
		versions = slices.DeleteFunc(versions, func(v string) bool { return v == "" })
	}
	return Pointer{versions, mark}, nil
}

// Promote puts a version in force and keeps those before it for Rollback. It does not verify the artefact: callers do,
// before. It returns the version that was in force, empty when there was none.
func (s *Store) Promote(ctx context.Context, role pix.Role, version string) (before string, err error) {
	op := "promote " + string(role) + " model"
	if err := checkVersion(version); err != nil {
		return "", pix.E(pix.Invalid, op, err)
	}
	p, err := s.current(ctx, role)
	if err != nil {
		return "", pix.E(pix.Unavailable, op, err)
	}
	before = p.Versions[0]
	if before == version && p.mark != "" {
		return before, nil
	}
	history := slices.DeleteFunc(slices.Clone(p.Versions), func(v string) bool { return v == version })
	if p.mark == "" { // what was in force without a file; anything else was never promoted
		history = slices.DeleteFunc([]string{before}, func(v string) bool { return v == version })
	}
	return before, s.replace(ctx, role, op, Pointer{append([]string{version}, history...), p.mark})
}

// Rollback puts the version before the one in force back in force, and returns both. The one that was in force is
// forgotten, so that going back once more goes one step further. Whoever is not to take a second step by mistake names
// from, the version that is to be left: where another is in force nothing is written, and the error is a Conflict that
// says which. An empty from is whatever is in force.
func (s *Store) Rollback(ctx context.Context, role pix.Role, from string) (left, to string, err error) {
	op := "roll back " + string(role) + " model"
	p, err := s.current(ctx, role)
	if err != nil {
		return "", "", pix.E(pix.Unavailable, op, err)
	}
	left = p.Versions[0]
	if from != "" && from != left {
		return "", "", pix.E(pix.Conflict, op, fmt.Errorf("%q is not in force, %q is: nothing was changed", from, left))
	}
	if len(p.Versions) < 2 {
		return "", "", pix.E(pix.Invalid, op, fmt.Errorf("%q is in force and no version before it is known", left))
	}
	p.Versions = p.Versions[1:]
	return left, p.Versions[0], s.replace(ctx, role, op, p)
}

// SetChallengers names the versions that score in shadow, in place of those before.
func (s *Store) SetChallengers(ctx context.Context, role pix.Role, versions []string) error {
	op := "name " + string(role) + " challengers"
	if len(versions) > MaxChallengers {
		return pix.E(pix.TooLarge, op,
			fmt.Errorf("%d challengers are more than the limit of %d", len(versions), MaxChallengers))
	}
	for _, v := range versions {
		if err := checkVersion(v); err != nil {
			return pix.E(pix.Invalid, op, err)
		}
	}
	p, err := s.challengers(ctx, role)
	if err != nil {
		return pix.E(pix.Unavailable, op, err)
	}
	return s.write(ctx, path.Join(string(role), challengersFile), op, Pointer{versions, p.mark})
}

func (s *Store) replace(ctx context.Context, role pix.Role, op string, p Pointer) error {
	p.Versions = p.Versions[:min(len(p.Versions), maxHistory)]
	return s.write(ctx, path.Join(string(role), currentFile), op, p)
}

func (s *Store) write(ctx context.Context, name, op string, p Pointer) error {
	text := strings.Join(p.Versions, "\n") + "\n"
	err := s.root.replace(ctx, name, []byte(text), p.mark)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrChanged):
		return pix.E(pix.Conflict, op, err)
	default:
		return pix.E(pix.Unavailable, op, err)
	}
}

// checkVersion wants a name that is one step of a path.
func checkVersion(version string) error {
	if !fs.ValidPath(version) || strings.ContainsAny(version, "/\n") || version == "." {
		return errors.New("the version is no single step of a path")
	}
	return nil
}
