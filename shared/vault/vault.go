// Package vault reads secrets that a secret manager mounts as files, so that a cluster keeps no copy of them and no process
// list shows them.
package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sethvargo/go-envconfig"
)

// maxBytes bounds a secret, as Secret Manager does.
const maxBytes = 64 << 10

// Lookuper returns the environment and, behind it, the files of the directory that SECRETS_DIR names in it, if it names one, and
// of the directories in that: each file has a variable's name and holds its value. A file that cannot be read is an error: what
// is missing silently, as a previous key, costs an account its history. So is an empty file, and a name that comes twice. An error names files and holds nothing of them.
func Lookuper(env envconfig.Lookuper) (envconfig.Lookuper, error) {
	dir, set := env.Lookup("SECRETS_DIR")
	if !set || dir == "" {
		return env, nil
	}
	values := map[string]string{}
	if err := collect(dir, values, 1); err != nil {
		return nil, fmt.Errorf("SECRETS_DIR: %w", err)
	}
	return envconfig.MultiLookuper(env, envconfig.MapLookuper(values)), nil
}

// collect reads the files of a directory, and of as many levels of directories below it.
func collect(dir string, values map[string]string, below int) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for secrets: %w", err)
	}
	var problems []error
	for _, entry := range entries {
		name := entry.Name()
		switch {
		case strings.HasPrefix(name, ".."): // where the kubelet keeps what the names link to
		case entry.IsDir() && below > 0: // one for each secret that is mounted
			problems = append(problems, collect(filepath.Join(dir, name), values, below-1))
		case !variable(name):
			problems = append(problems, fmt.Errorf("a file that has no variable's name: %s", name))
		default:
			problems = append(problems, add(values, filepath.Join(dir, name)))
		}
	}
	return errors.Join(problems...)
}

// add reads a file into the values.
func add(values map[string]string, file string) error {
	name := filepath.Base(file)
	value, err := read(file)
	if err != nil {
		return err
	}
	if value == "" {
		return fmt.Errorf("%s is empty", name)
	}
	if _, twice := values[name]; twice {
		return fmt.Errorf("%s is in two directories", name)
	}
	values[name] = value
	return nil
}

// variable tells whether a file has a variable's name.
func variable(name string) bool {
	return strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
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
