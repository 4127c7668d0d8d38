package terraform_test

import (
	"io/fs"
	"path"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/terraform/internal/plan"
)

// modules are the directories of terraform that hold configuration.
func modules(t *testing.T, files fs.FS) []string {
	t.Helper()
	seen := map[string]bool{}
	err := fs.WalkDir(files, "terraform", func(name string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		if err == nil && strings.HasSuffix(name, ".tf") && !strings.HasPrefix(name, "terraform/envs/") { // TestDeployment's
			seen[path.Dir(name)] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sorted(seen)
}

// TestEveryBlockIsInTheSchema: each resource and data source of each module alone, whatever its variables will be, has the
// arguments and blocks that its provider knows, and those that it requires.
func TestEveryBlockIsInTheSchema(t *testing.T) {
	t.Parallel()
	files, schema := repository(), providersSchema(t)
	used := map[string]bool{}
	for _, dir := range modules(t, files) {
		made, err := plan.Work(plan.Request{Files: files, Dir: dir, Schema: schema})
		if err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		for typ := range made.Types {
			used[typ] = true
		}
	}
	for typ := range schema.Resources {
		if !used[typ] {
			t.Errorf("no module uses %s any more: extract the schema again, as terraform/schema/main.go says", typ)
		}
	}
	if len(schema.Resources) == 0 {
		t.Error("the schema has no type")
	}
}
