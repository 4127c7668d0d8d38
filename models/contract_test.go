package models

import (
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

var update = flag.Bool("update", false, "write contract/features.json from the Go registry")

// TestFeaturesJSON holds the Python side's feature list to the registry that serves.
func TestFeaturesJSON(t *testing.T) {
	t.Parallel()
	doc := struct {
		Version  string               `json:"version"`
		Features []feature.Definition `json:"features"`
	}{feature.SetVersion(), feature.Definitions()}
	want, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	const path = "contract/features.json"
	if *update {
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s is not the registry; run go test ./models -update (-want +got):\n%s", path, diff)
	}
}
