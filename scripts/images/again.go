package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// elsewhere copies the sources, as git knows them, to another directory: a build there must give the same digest.
func elsewhere(ctx context.Context, source string) (dir string, remove func(), err error) {
	cmd := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = source
	list, err := cmd.Output()
	if err != nil {
		return "", nil, fmt.Errorf("list the sources: %w", err)
	}
	if dir, err = os.MkdirTemp("", "elsewhere"); err != nil {
		return "", nil, fmt.Errorf("make a directory: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) }
	for file := range bytes.SplitSeq(bytes.TrimRight(list, "\x00"), []byte{0}) {
		if err := copyFile(source, dir, string(file)); err != nil {
			remove()
			return "", nil, err
		}
	}
	return dir, remove, nil
}

func copyFile(from, to, name string) error {
	data, err := os.ReadFile(filepath.Join(from, name))
	if os.IsNotExist(err) {
		return nil // git knows it and it was removed
	}
	if err != nil {
		return fmt.Errorf("read a source: %w", err)
	}
	target := filepath.Join(to, name)
	if err := os.MkdirAll(filepath.Dir(target), 0o750); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	if err := os.WriteFile(target, data, 0o600); err != nil {
		return fmt.Errorf("copy a source: %w", err)
	}
	return nil
}

// again builds an image once more, elsewhere and with nothing compiled before, and returns an error when it is another one.
func (b *built) again(ctx context.Context, i image, o *options) error {
	source, remove, err := elsewhere(ctx, o.source)
	if err != nil {
		return err
	}
	defer remove()
	other := *o
	other.source, other.sbom = source, ""
	if o.cache == "" {
		if other.cache, err = os.MkdirTemp("", "cache"); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
		defer func() { _ = os.RemoveAll(other.cache) }()
	}
	second, err := i.build(ctx, &other, b.architectures())
	if err != nil {
		return fmt.Errorf("again: %w", err)
	}
	one, err := b.index.Digest()
	if err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	two, err := second.index.Digest()
	if err != nil {
		return fmt.Errorf("digest: %w", err)
	}
	if one != two {
		return fmt.Errorf("two builds of the same sources differ: %s and %s", one, two)
	}
	return nil
}

func (b *built) architectures() []string {
	var all []string
	for _, p := range b.platforms {
		all = append(all, p.architecture)
	}
	return all
}
