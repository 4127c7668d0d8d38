package scoring

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestShapes loads every artefact below SENTINELA_SHAPES, which scripts/conformance/shapes.sh lets LightGBM 4.7 and 3.3
// train. Loading compares scores, on hostile rows and at every threshold, and contributions with LightGBM's.
func TestShapes(t *testing.T) {
	t.Parallel()
	root := os.Getenv("SENTINELA_SHAPES")
	if root == "" {
		t.Skip("SENTINELA_SHAPES names no directory of artefacts; make conformance trains them")
	}
	manifests, err := filepath.Glob(filepath.Join(root, "*", "*", ManifestFile))
	if err != nil || len(manifests) == 0 {
		t.Fatalf("no artefact below %s (%v)", root, err)
	}
	for _, path := range manifests {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(filepath.Dir(dir))+"/"+filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			var m Manifest
			if err := json.Unmarshal(readFile(t, dir, ManifestFile), &m); err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if _, err := Load(os.DirFS(dir), DefaultLimits(), Contract{Role: m.Role, FeatureNames: m.Features}); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %d trees, %d leaves, %d features: loaded in %v",
				m.LightGBM, m.Trees, m.Leaves, len(m.Features), time.Since(start).Round(time.Millisecond))
		})
	}
}
