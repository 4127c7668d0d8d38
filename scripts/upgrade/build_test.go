package upgrade_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository's, seen from this package.
const root = "../.."

// version is one version of the product as it is deployed.
type version struct {
	name string
	tree string // its sources
	bin  string // holds bridge, scorer and functions
	// framework says that its functions are served by the functions framework, which has no probe and no graceful stop.
	framework bool
}

// models is a model store with the models that the version ships.
func (v *version) models() string { return filepath.Join(v.tree, "models") }

// schema is where the schema of each of its tables is.
func (v *version) schema() string { return filepath.Join(v.tree, "shared", "warehouse", "schema") }

// packages are what is deployed, by the name of its binary.
func packages() map[string]string {
	return map[string]string{"bridge": "./kafka-bridge", "scorer": "./functions/score/server", "functions": "./functions/server"}
}

// now builds what is checked out.
func now(t *testing.T) *version {
	t.Helper()
	bin := absolute(t, filepath.Join(root, "build", "upgrade", "now"))
	compile(t, root, bin)
	return &version{name: "now", tree: absolute(t, root), bin: bin}
}

// before builds the version that before.txt names, once. The test is skipped where the history does not hold it.
func before(t *testing.T) *version {
	t.Helper()
	text, err := os.ReadFile("before.txt")
	if err != nil {
		t.Fatal(err)
	}
	commit, why, _ := strings.Cut(string(text), "\n")
	if len(commit) != 40 || strings.TrimSpace(why) == "" {
		t.Fatal("before.txt: want a whole commit id and, below, why it is this one")
	}
	if err := exec.CommandContext(t.Context(), "git", "-C", root, "cat-file", "-e", commit+"^{commit}").Run(); err != nil {
		t.Skipf("the version before is not in this history (a shallow clone, or no .git): git fetch --unshallow brings %s", commit)
	}
	dir := absolute(t, filepath.Join(root, "build", "upgrade", commit))
	if _, err := os.Stat(dir); err != nil {
		build(t, commit, dir)
	}
	main, err := os.ReadFile(filepath.Join(dir, "functions", "server", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	return &version{name: "before", tree: dir, bin: filepath.Join(dir, "bin"), framework: bytes.Contains(main, []byte("funcframework"))}
}

// build unpacks and compiles a commit. The directory appears once all of it is there.
func build(t *testing.T, commit, dir string) {
	t.Helper()
	fresh, err := os.MkdirTemp(mkdir(t, filepath.Dir(dir)), "building-") //nolint:usetesting // what is renamed must be on the same file system
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	unpack(t, commit, fresh)
	addServer(t, fresh)
	compile(t, fresh, filepath.Join(fresh, "bin"))
	if err := os.Rename(fresh, dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // nobody else was faster
			t.Fatal(err)
		}
	}
}

// addServer adds to a version without functions/server the few lines with which a buildpack serves its functions.
func addServer(t *testing.T, tree string) {
	t.Helper()
	main := filepath.Join(tree, "functions", "server", "main.go")
	if _, err := os.Stat(main); err == nil {
		return
	}
	text, err := os.ReadFile("testdata/functions.go.txt")
	if err != nil {
		t.Fatal(err)
	}
	mkdir(t, filepath.Dir(main))
	if err := os.WriteFile(main, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// unpack writes the files of a commit into a directory.
func unpack(t *testing.T, commit, into string) {
	t.Helper()
	archive, err := exec.CommandContext(t.Context(), "git", "-C", root, "archive", "--format=tar", commit).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		name := filepath.Join(into, filepath.FromSlash(h.Name))
		mkdir(t, filepath.Dir(name))
		data, err := io.ReadAll(files)
		if err == nil {
			err = os.WriteFile(name, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// compile builds what is deployed of a source tree, with the flags of make where make runs the test.
func compile(t *testing.T, tree, into string) {
	t.Helper()
	mkdir(t, into)
	for name, pkg := range packages() {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(into, name), pkg)
		build.Dir = tree
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build %s in %s: %v\n%s", pkg, tree, err, out)
		}
	}
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func absolute(t *testing.T, name string) string {
	t.Helper()
	out, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
