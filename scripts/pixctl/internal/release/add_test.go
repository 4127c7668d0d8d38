package release

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAddThenPromote adds a version to a store, which changes nothing that is in force, and asks what is.
func TestAddThenPromote(t *testing.T) {
	t.Parallel()
	from, store := t.TempDir(), t.TempDir()
	if err := os.CopyFS(from, shippedAs(t, "1", "2", "broken")); err != nil {
		t.Fatal(err)
	}
	made := func(version string) string { return filepath.Join(from, "v1", "payer", version) }
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"current"}, 1, "find payer model"},
		{[]string{"add", made("1")}, 0, "payer/1 is in the store; payer/1 is in force"},
		{[]string{"add", made("2")}, 0, "payer/2 is in the store; payer/1 is in force"},
		{[]string{"add", made("2")}, 0, "payer/2 is in the store; payer/1 is in force"},
		{[]string{"add", made("broken")}, 1, "refused"},
		{[]string{"add", made("3")}, 1, "holds no file"},
		{[]string{"add", from}, 2, "PATH/payer/VERSION"},
		{[]string{"challengers", "2"}, 0, "in shadow: 2"},
		{[]string{"current"}, 0, "payer/1 is in force; in shadow: 2"},
		{[]string{"promote", "2"}, 0, "payer/2 is in force; before it was 1"},
		{[]string{"current"}, 0, "payer/2 is in force, before it was 1"},
	} {
		args := append([]string{"model", c.args[0], "-store", store, "payer"}, c.args[1:]...)
		if code, out := pixctl(t, nil, args...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, out)
		}
	}
	if _, err := os.Stat(filepath.Join(store, "payer", "broken")); err == nil {
		t.Error("what was refused is in the store")
	}
}
