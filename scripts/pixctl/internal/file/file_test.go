package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestInputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty, full := write(t, dir+"/empty", ""), write(t, dir+"/full", "x")
	for name, says := range map[string]string{
		full: "", empty: "the file is empty", dir: "is a directory", dir + "/none": "there is no file " + dir + "/none",
		dir + "/no/f": "there is no directory " + dir + "/no", os.DevNull: "",
	} {
		f, err := file.Open(name)
		if err == nil {
			err = f.Close()
		}
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", name, err, says)
		}
	}
}

func TestOutputIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := write(t, filepath.Join(dir, "out"), "before")
	link := filepath.Join(dir, "link")
	if err := os.Symlink(name, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		commit bool
		want   string
	}{{false, "before"}, {true, "after"}} {
		o, err := file.Create(link)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.WriteString("after"); err != nil {
			t.Fatal(err)
		}
		if got := read(t, name); got != "before" {
			t.Fatalf("%q while it is written", got)
		}
		if c.commit {
			if err := o.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		o.Discard()
		if got := read(t, name); got != c.want {
			t.Errorf("commit %v: %q, want %q", c.commit, got, c.want)
		}
	}
	if left, _ := filepath.Glob(dir + "/*.partial"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is one no more: %v", err)
	}
}

func TestOutputIsNoInput(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in"), "kept")
	partial := write(t, filepath.Join(dir, "o.partial"), "kept")
	hard, soft := filepath.Join(dir, "hard"), filepath.Join(dir, "soft")
	if err := os.Link(in, hard); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(in, soft); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{in, hard, soft, dir + "/../" + filepath.Base(dir) + "/in", filepath.Join(dir, "o"), dir} {
		_, err := file.Create(name, "", in, partial)
		if command.ExitCode(err) != command.ExitUsage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := file.Create(filepath.Join(dir, "no", "o"), in); err == nil || !strings.Contains(err.Error(), "there is no directory "+dir+"/no") {
		t.Errorf("no directory: %v", err)
	}
	if read(t, in) != "kept" || read(t, partial) != "kept" {
		t.Error("an input was written over")
	}
}

// TestDevices are written as they are: one that is renamed over is lost.
func TestDevices(t *testing.T) {
	t.Parallel()
	o, err := file.Create(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Commit(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
}
