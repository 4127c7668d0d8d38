package store

import (
	"context"
	"errors"
	"regexp"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/engine"
)

var _ engine.Register = (*Store)(nil)

// Value returns the value of a name, empty when it has none.
func (s *Store) Value(ctx context.Context, name string) (_ string, err error) {
	defer s.timed("value", &err)()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	row, err := s.table.ReadRow(ctx, registerRow(name), bigtable.RowFilter(bigtable.LatestNFilter(1)))
	if err != nil {
		return "", storeError("read value", err)
	}
	if items := row[familyMeta]; len(items) > 0 {
		return string(items[0].Value), nil
	}
	return "", nil
}

// Swap gives the name another value if it has the first one, in one conditional write, and returns the value that stands.
func (s *Store) Swap(ctx context.Context, name, was, next string) (_ string, err error) {
	defer s.timed("swap", &err)()
	m := bigtable.NewMutation()
	if next == "" {
		m.DeleteRow()
	} else {
		// Always the same stamp: the value that was written last counts, whatever clocks say.
		m.Set(familyMeta, column, 0, []byte(next))
	}
	condition := bigtable.ChainFilters(bigtable.FamilyFilter(familyMeta), bigtable.LatestNFilter(1))
	ifHas, ifNot := m, (*bigtable.Mutation)(nil)
	if was == "" {
		ifHas, ifNot = nil, m
	} else {
		condition = bigtable.ChainFilters(condition, bigtable.ValueFilter(regexp.QuoteMeta(was)))
	}
	var has bool
	err = s.swap(ctx, registerRow(name), bigtable.NewCondMutation(condition, ifHas, ifNot), &has)
	if err == nil && has == (was != "") {
		return next, nil
	}
	// Another value stands; or the reply was lost, and only what stands tells whether the write was carried out.
	stands, readErr := s.Value(ctx, name)
	if readErr != nil || err != nil && stands != next {
		return "", storeError("swap value", errors.Join(err, readErr))
	}
	return stands, nil
}

func (s *Store) swap(ctx context.Context, row string, m *bigtable.Mutation, has *bool) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	return s.table.Apply(ctx, row, m, bigtable.GetCondMutationResult(has)) //nolint:wrapcheck // Swap wraps it
}
