package vault_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/sethvargo/go-envconfig"

	"github.com/sentinela-pix/sentinela/shared/vault"
)

// mount lays files out as the kubelet does: the names are links into a hidden directory.
func mount(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "..data"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, "..data", name), []byte(content), 0o400); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLookuper(t *testing.T) {
	t.Parallel()
	dir := mount(t, map[string]string{"TOKEN_KEY": "from the file\n", "KAFKA_SASL_PASSWORD": " spaces stay "})
	nested := t.TempDir()
	for name, content := range map[string]string{"TOKEN_KEY": "new", "PREVIOUS_TOKEN_KEY": "old"} {
		if err := os.Rename(mount(t, map[string]string{name: content}), filepath.Join(nested, strings.ToLower(name))); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		env  map[string]string
		want map[string]string
	}{
		"no directory": {map[string]string{"TOKEN_KEY": "set"}, map[string]string{"TOKEN_KEY": "set"}},
		"a directory for each": {map[string]string{"SECRETS_DIR": nested},
			map[string]string{"TOKEN_KEY": "new", "PREVIOUS_TOKEN_KEY": "old"}},
		"an empty name is none": {map[string]string{"SECRETS_DIR": ""}, map[string]string{}},
		"files": {map[string]string{"SECRETS_DIR": dir},
			map[string]string{"TOKEN_KEY": "from the file", "KAFKA_SASL_PASSWORD": " spaces stay "}},
		"the environment wins": {map[string]string{"SECRETS_DIR": dir, "TOKEN_KEY": "set"},
			map[string]string{"TOKEN_KEY": "set", "KAFKA_SASL_PASSWORD": " spaces stay "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, err := vault.Lookuper(envconfig.MapLookuper(c.env))
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, variable := range []string{"TOKEN_KEY", "KAFKA_SASL_PASSWORD", "PREVIOUS_TOKEN_KEY"} {
				if value, found := env.Lookup(variable); found {
					got[variable] = value
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnreadable: a secret that is there and cannot be read is no secret that is missing.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	dangling := t.TempDir()
	if err := os.Symlink("nowhere", filepath.Join(dangling, "PREVIOUS_TOKEN_KEY")); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "token-key", "TOKEN_KEY"), 0o700); err != nil {
		t.Fatal(err)
	}
	twice := t.TempDir()
	for _, below := range []string{"new", "old"} {
		if err := os.Rename(mount(t, map[string]string{"TOKEN_KEY": "hunter2 " + below}), filepath.Join(twice, below)); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct{ dir, want string }{
		"no such directory": {filepath.Join(folder, "none"), "SECRETS_DIR"},
		"dangling":          {dangling, "PREVIOUS_TOKEN_KEY"},
		"a directory":       {folder, "TOKEN_KEY"},
		"too large":         {mount(t, map[string]string{"TOKEN_KEY": strings.Repeat("x", 65<<10)}), "TOKEN_KEY"},
		"twice":             {twice, "TOKEN_KEY is in two directories"},
		"empty":             {mount(t, map[string]string{"TOKEN_KEY": ""}), "TOKEN_KEY is empty"},
		"a line end alone":  {mount(t, map[string]string{"TOKEN_KEY": "\n"}), "TOKEN_KEY is empty"},
		"misspelt":          {mount(t, map[string]string{"token-key": "hunter2"}), "token-key"},
	} {
		_, err := vault.Lookuper(envconfig.MapLookuper(map[string]string{"SECRETS_DIR": c.dir}))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want an error that names %s", name, err, c.want)
		}
	}
}
