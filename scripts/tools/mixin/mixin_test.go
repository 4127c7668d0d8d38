package mixin_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/scripts/tools/mixin"
)

const root = "../../.."

var update = flag.Bool("update", false, "write the generated files")

func source(t *testing.T) mixin.Source {
	t.Helper()
	s, err := mixin.Read(t.Context(), os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFilesAreThoseOfTheSource: what is committed is what dashboards/ gives.
func TestFilesAreThoseOfTheSource(t *testing.T) {
	t.Parallel()
	files, err := source(t).Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		path := filepath.Join(root, name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the source gives; make rules writes it\n%s", name, cmp.Diff(string(got), string(want)))
		}
	}
}
