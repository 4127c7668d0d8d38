package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/feature"
)

const fixture = "../../../../shared/scoring/testdata/single"

// artefact rewrites the scorer's one-leaf fixture for the feature list of this build and returns its directory.
func artefact(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "payer", "single")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	names := feature.Names()
	model := strings.Split(string(read(t, filepath.Join(fixture, "model.txt"))), "\n")
	for i, line := range model {
		switch {
		case strings.HasPrefix(line, "max_feature_idx="):
			model[i] = "max_feature_idx=" + string(must(t, len(names)-1))
		case strings.HasPrefix(line, "feature_names="):
			model[i] = "feature_names=" + strings.Join(names, " ")
		case strings.HasPrefix(line, "feature_infos="):
			model[i] = "feature_infos=" + strings.TrimSpace(strings.Repeat("none ", len(names)))
		}
	}
	var golden map[string]any
	if err := json.Unmarshal(read(t, filepath.Join(fixture, "golden.json")), &golden); err != nil {
		t.Fatal(err)
	}
	golden["features"] = len(names)
	for _, key := range []string{"vectors", "contributions"} {
		for i, row := range golden[key].([]any) {
			values := row.([]any)
			tail := values[6:]
			padded := append([]any{}, values[:6]...)
			for len(padded) < len(names) {
				padded = append(padded, 0)
			}
			golden[key].([]any)[i] = append(padded, tail...)
		}
	}
	var manifest map[string]any
	if err := json.Unmarshal(read(t, filepath.Join(fixture, "manifest.json")), &manifest); err != nil {
		t.Fatal(err)
	}
	manifest["features"], manifest["feature_set"] = names, feature.SetVersion()
	files := map[string][]byte{"model.txt": []byte(strings.Join(model, "\n")), "golden.json": must(t, golden)}
	sums := map[string]string{}
	for name, data := range files {
		sum := sha256.Sum256(data)
		sums[name] = hex.EncodeToString(sum[:])
	}
	manifest["files"] = sums
	files["manifest.json"] = must(t, manifest)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func must(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func pixctl(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	std := command.IO{Out: &out, Err: &out, Getenv: func(string) string { return "" }}
	return command.Dispatch(t.Context(), std, []command.Command{Command()}, append([]string{"model", "verify"}, args...)), out.String()
}

func TestVerify(t *testing.T) {
	t.Parallel()
	dir := artefact(t)
	if code, out := pixctl(t, dir); code != 0 || !strings.Contains(out, "payer/single would be served: 1 trees") {
		t.Fatalf("a good artefact: exit code %d: %s", code, out)
	}
	if code, out := pixctl(t, dir, "-json"); code != 0 || !strings.Contains(out, `"version":"single"`) {
		t.Errorf("-json: exit code %d: %s", code, out)
	}
	if code, out := pixctl(t, dir, "-role", "receiver"); code != 1 || !strings.Contains(out, "refused") {
		t.Errorf("another role: exit code %d: %s", code, out)
	}
	elsewhere := filepath.Join(t.TempDir(), "payer", "2")
	if err := os.CopyFS(elsewhere, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if code, out := pixctl(t, elsewhere); code != 1 || !strings.Contains(out, `version is "single", its place says "2"`) {
		t.Errorf("in the directory of another version: exit code %d: %s", code, out)
	}
	name := filepath.Join(dir, "model.txt")
	text := bytes.Replace(read(t, name), []byte("leaf_value=-0.9"), []byte("leaf_value=-0.8"), 1)
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := pixctl(t, dir); code != 1 || !strings.Contains(out, "refused") {
		t.Errorf("a changed leaf: exit code %d: %s", code, out)
	}
}

func TestRefusedAndUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{nil, 2, "want 1 arguments"},
		{[]string{t.TempDir()}, 2, "-role"},
		{[]string{t.TempDir(), "-role", "payer"}, 1, "refused"},
		{[]string{fixture, "-role", "payer"}, 1, "refused"}, // another feature list
		{[]string{"-h"}, 0, "usage: pixctl model verify"},
	} {
		if code, out := pixctl(t, c.args...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, out)
		}
	}
}

// TestPipes: a pipe in the place of a file, or of the keys, is refused and not waited for.
func TestPipes(t *testing.T) {
	t.Parallel()
	dir := artefact(t)
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := pixctl(t, dir, "-keys", pipe); code != 1 || !strings.Contains(out, "not a regular file") {
		t.Errorf("keys: exit code %d: %s", code, out)
	}
	if err := os.Rename(pipe, filepath.Join(dir, "golden.json")); err != nil {
		t.Fatal(err)
	}
	if code, out := pixctl(t, dir); code != 1 || !strings.Contains(out, "not a regular file") {
		t.Errorf("a file: exit code %d: %s", code, out)
	}
}
