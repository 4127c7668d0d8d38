// Package vault reads secrets that a secret manager mounts as files, so that a cluster keeps no copy of them and no process
// list shows them.
package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// maxBytes bounds a secret, as Secret Manager does.
const maxBytes = 64 << 10

// Lookuper returns the environment and, behind it, the files of the directory that SECRETS_DIR names in it, if it names one:
// each has a variable's name and holds its value. A
// file that cannot be read is an error: what is missing silently, as a previous key, costs an account its history. An error
// names files and holds nothing of them.
func Lookuper(env envconfig.Lookuper) (envconfig.Lookuper, error) {
	dir, set := env.Lookup("SECRETS_DIR")
	if !set || dir == "" {
		return env, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("SECRETS_DIR: %w", err)
	}
	shape, values, problems := regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`), map[string]string{}, []error(nil)
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, "..") { // where the kubelet keeps what the names link to
			continue
		}
		if !shape.MatchString(name) {
			problems = append(problems, fmt.Errorf("SECRETS_DIR: a file that has no variable's name: %s", name))
			continue
		}
		value, err := read(filepath.Join(dir, name))
		if err != nil {
			problems = append(problems, fmt.Errorf("SECRETS_DIR: %w", err))
		}
		values[name] = value
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return envconfig.MultiLookuper(env, envconfig.MapLookuper(values)), nil
}

// read returns a file without the line end that an editor left.
func read(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", fmt.Errorf("look at a secret: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxBytes {
		return "", fmt.Errorf("%s is no file of at most %d bytes", filepath.Base(name), maxBytes)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
