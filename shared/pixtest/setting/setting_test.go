package setting_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pixtest/setting"
)

// tree writes sources into a directory of their own.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// TestFigures: what the sources keep to themselves is read as it stands there, and what cannot be read is an error.
func TestFigures(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"p/p.go": "package p\n\nimport \"time\"\n\nconst (\n\tgrace = 9 * time.Second\n\tdrain = time.Second\n\tmany = 3\n)\n\nconst sum = grace + drain\n\n" +
			"func routes(mux m) { mux.Handle(\"GET /metrics\", h); mux.HandleFunc(\"GET /healthz\", h); mux.Other(\"GET /no\", h) }\n",
		"p/p_test.go": "package p\n\nconst hidden = 5 * time.Second\n",
	})
	for name, want := range map[string]time.Duration{"grace": 9 * time.Second, "drain": time.Second} {
		if got, err := setting.Duration(root, "p", name); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", name, got, err, want)
		}
	}
	for _, name := range []string{"many", "sum", "hidden", "none"} {
		if got, err := setting.Duration(root, "p", name); err == nil {
			t.Errorf("%s is read as %v", name, got)
		}
	}
	if paths, err := setting.Paths(root, "p"); err != nil || !slices.Equal(paths, []string{"/metrics", "/healthz"}) {
		t.Errorf("paths are %q, %v", paths, err)
	}
}

// TestReadByCall: a name in a call that reads the environment is found, with where it is; tests and build/ are not looked at.
func TestReadByCall(t *testing.T) {
	t.Parallel()
	root := tree(t, map[string]string{
		"a.go":       "package a\n\nvar _ = os.Getenv(\"ONE\") + other(\"TWO\") + env.Lookup(\"three\")\n",
		"a_test.go":  "package a\n\nvar _ = os.Getenv(\"FOUR\")\n",
		"build/b.go": "package b\n\nvar _ = os.Getenv(\"FIVE\")\n",
	})
	found, err := setting.ReadByCall(root)
	if err != nil || len(found) != 1 || found["ONE"] != filepath.Join(root, "a.go") {
		t.Errorf("found %v, %v", found, err)
	}
	if err := os.WriteFile(filepath.Join(root, "broken.go"), []byte("package"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := setting.ReadByCall(root); err == nil {
		t.Error("a file that cannot be parsed went by")
	}
}
