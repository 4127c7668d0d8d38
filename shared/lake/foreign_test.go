package lake_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/lake"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// foreignTables says, of each table that Spark or delta-rs wrote, what a refusal must name; "" if we may append.
// scripts/conformance/delta.sh makes them anew; testdata/foreign has their logs.
func foreignTables() map[string]string {
	return map[string]string{
		"plain-deltars":          "",
		"plain-spark":            "",
		"plain-optimised":        "",
		"spark-deletion-vectors": "deletionVectors",
		"spark-column-mapping":   "columnMapping",
		"spark-row-tracking":     "rowTracking",
		"spark-not-append-only":  "delta.appendOnly is not true",
		"spark-forgets":          "delta.setTransactionRetentionDuration",
		"spark-partitioned":      "partitioned by [s]",
	}
}

// TestForeignTables appends to what others wrote, or refuses it. LAKE_FOREIGN names a directory of such tables.
func TestForeignTables(t *testing.T) {
	t.Parallel()
	root := os.Getenv("LAKE_FOREIGN")
	if root == "" {
		root = t.TempDir()
		if err := os.CopyFS(root, os.DirFS("testdata/foreign")); err != nil {
			t.Fatal(err)
		}
	}
	for name, refusal := range foreignTables() {
		objects, err := lake.NewDirectory(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		err = appendOurs(t.Context(), objects)
		switch {
		case refusal == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case refusal != "" && (err == nil || !strings.Contains(err.Error(), refusal) || pix.KindOf(err) != pix.Invalid):
			t.Errorf("%s: %v, want a refusal that names %q", name, err, refusal)
		}
	}
}

// appendOurs appends the row (99, 'ours') and enough commits for checkpoints of ours over theirs.
func appendOurs(ctx context.Context, objects lake.Objects) error {
	schema, err := lake.ParseSchema([]byte(`[{"name":"id","type":"INTEGER"},{"name":"s","type":"STRING"}]`))
	if err != nil {
		return err
	}
	table, err := lake.Open(ctx, objects, "foreign", schema, lake.Config{CheckpointEvery: 2})
	if err != nil {
		return err
	}
	w := table.NewWriter(ctx)
	if err := w.Append([]lake.Value{lake.Integer(99), lake.Text("ours")}); err != nil {
		return err
	}
	files, err := w.Close()
	if err != nil {
		return err
	}
	for i := range int64(4) {
		if _, err := table.Commit(ctx, files, lake.Txn{AppID: app, From: i, Version: i + 1}); err != nil {
			return err
		}
		files = nil
		if _, err := table.Tend(ctx); err != nil {
			return err
		}
	}
	return nil
}
