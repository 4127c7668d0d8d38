package modelstore

import (
	"testing"
	"testing/fstest"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestReadFile reads a file beside the models, whatever the store is, as it is now and within its bound.
func TestReadFile(t *testing.T) {
	t.Parallel()
	files := layout("", "1")
	files["policy.yaml"] = &fstest.MapFile{Data: []byte("version: 1")}
	for backend, s := range backends(t, files) {
		data, err := s.ReadFile(t.Context(), "policy.yaml", 10)
		if err != nil || string(data) != "version: 1" {
			t.Errorf("%s: %q, %v", backend, data, err)
		}
		for name, limit := range map[string]int64{"policy.yaml": 9, "none.yaml": 10} {
			if data, err := s.ReadFile(t.Context(), name, limit); pix.KindOf(err) != pix.Unavailable || data != nil {
				t.Errorf("%s: %s within %d bytes gave %q, %v", backend, name, limit, data, err)
			}
		}
	}
}
