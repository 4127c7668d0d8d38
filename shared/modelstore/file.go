package modelstore

import (
	"context"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// ReadFile returns a file of at most limit bytes as it is now. Name is slash-separated and relative to the root: what is
// followed beside models, such as a policy pack, is kept where they are.
func (s *Store) ReadFile(ctx context.Context, name string, limit int64) ([]byte, error) {
	data, err := s.root.read(ctx, name, limit)
	if err != nil {
		return nil, pix.E(pix.Unavailable, "read file", err)
	}
	return data, nil
}
