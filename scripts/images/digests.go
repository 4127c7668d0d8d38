package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// digests are the images' digests by their names.
type digests map[string]string

// nothing says that no digests are expected. An empty text would say it too, where what should be there got lost.
const nothing = "none"

// expected reads the digests that an earlier build gave.
func expected(text string) (digests, error) {
	if text == nothing {
		return nil, nil
	}
	var d digests
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("read what is expected: %w", err)
	}
	if d == nil {
		return nil, errors.New("read what is expected: it names no images")
	}
	return d, nil
}

// check holds an image to what an earlier build of the same sources gave.
func (d digests) check(name, digest string) error {
	if want := d[name]; d != nil && want != digest {
		return fmt.Errorf("the digest is %s, and %q was expected: this is not what was tested", digest, want)
	}
	return nil
}

// sums is where the digests are kept for who deploys by hand.
func (o *options) sums() string { return filepath.Join(o.out, "checksums.txt") }

// forget removes what an earlier build told: who deploys after a build that failed must find nothing.
func forget(o *options) error {
	if err := os.Remove(o.sums()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the checksums of an earlier build: %w", err)
	}
	return nil
}

// tell writes checksums.txt into the directory of the layouts, as sha256sum prints them, with the names that were pushed; and,
// for the next step of a workflow, one line with all digests behind the file output.
func (d digests) tell(o *options) error {
	var sums strings.Builder
	for _, i := range images() {
		name := i.name
		if o.push != "" {
			name = o.push + "/" + name
		}
		fmt.Fprintf(&sums, "%s  %s\n", strings.TrimPrefix(d[i.name], "sha256:"), name)
	}
	if err := os.WriteFile(o.sums(), []byte(sums.String()), 0o600); err != nil {
		return fmt.Errorf("write checksums: %w", err)
	}
	if o.output == "" {
		return nil
	}
	line, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("write digests: %w", err)
	}
	f, err := os.OpenFile(o.output, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the workflow's output: %w", err)
	}
	if _, err := fmt.Fprintf(f, "digests=%s\n", line); err != nil {
		return fmt.Errorf("write the workflow's output: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("close the workflow's output: %w", err)
	}
	return nil
}
