package store

import (
	"context"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// MarkPublished removes the marks of these payments, in one bulk write.
func (s *Store) MarkPublished(ctx context.Context, ids []pix.EndToEndID) (err error) {
	defer s.timed("mark_published", &err)()
	if len(ids) == 0 {
		return nil
	}
	b := batch{keys: make([]string, len(ids)), mutations: make([]*bigtable.Mutation, len(ids))}
	for i, id := range ids {
		m := bigtable.NewMutation()
		m.DeleteRow()
		b.keys[i], b.mutations[i] = pendingRow(id), m
	}
	return s.bulk(ctx, "mark payments published", &b)
}

// Unpublished lists at most limit payments that were first recorded before the given moment and are still marked.
func (s *Store) Unpublished(ctx context.Context, before time.Time, limit int) (_ []engine.Unpublished, err error) {
	defer s.timed("unpublished", &err)()
	if limit <= 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	var out []engine.Unpublished
	err = s.table.ReadRows(ctx, bigtable.PrefixRange(pendingPrefix), func(r bigtable.Row) bool {
		oldest := r[familyPending][len(r[familyPending])-1] // a redelivery adds a newer cell; newest first
		out = append(out, engine.Unpublished{ID: pendingID(r.Key()), RecordedAt: oldest.Timestamp.Time().UTC()})
		return true
	}, bigtable.RowFilter(bigtable.TimestampRangeFilterMicros(0, milli(before))), bigtable.LimitRows(int64(limit)))
	if err != nil {
		return nil, storeError("list unpublished payments", err)
	}
	return out, nil
}
