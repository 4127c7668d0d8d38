package stack_test

import (
	"os"
	"testing"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/stack"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestServesFromANamedStore: a stack that is told of a model store serves what is there, and nothing else.
func TestServesFromANamedStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if s, err := stack.Start(t.Context(), stack.Options{Models: dir}); err == nil {
		t.Errorf("a store without a model serves something: %v", s.Stop(t.Context()))
	}
	if err := os.CopyFS(dir, models.Shipped()); err != nil {
		t.Fatal(err)
	}
	s := start(t, stack.Options{Models: dir})
	for _, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		if _, err := s.Models().Model(role); err != nil {
			t.Errorf("%s: %v", role, err)
		}
	}
}
