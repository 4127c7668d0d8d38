package store

import (
	"context"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/engine"
)

// scanTimeout is the least time for listing marks: the table may have to step over the tombstones of many.
const scanTimeout = 15 * time.Second

// MarkPublished removes marks and writes beside the decisions that they are published, in one bulk write.
func (s *Store) MarkPublished(ctx context.Context, marks []engine.Mark) (err error) {
	defer s.timed("mark_published", &err)()
	if len(marks) == 0 {
		return nil
	}
	now := milli(s.cfg.Clock())
	b := batch{keys: make([]string, 0, 2*len(marks)), mutations: make([]*bigtable.Mutation, 0, 2*len(marks))}
	for i := range marks {
		b.add(pendingRow(marks[i].ID, minuteOf(marks[i].Minute))).DeleteRow()
		b.add(decisionRow(marks[i].ID)).Set(familyDecision, columnPublished, now, nil)
	}
	return s.bulk(ctx, "mark payments published", &b)
}

// DropMarks removes recordings of payments that nobody decided, in one bulk write.
func (s *Store) DropMarks(ctx context.Context, marks []engine.Mark) (err error) {
	defer s.timed("drop_marks", &err)()
	if len(marks) == 0 {
		return nil
	}
	var b batch
	for i := range marks {
		b.add(pendingRow(marks[i].ID, minuteOf(marks[i].Minute))).
			DeleteTimestampRange(familyPending, column, 0, milli(marks[i].RecordedAt.Add(time.Millisecond)))
	}
	return s.bulk(ctx, "drop marks", &b)
}

// Unpublished lists a page of marks. The order is that of the rows: by shard, minute and id.
func (s *Store) Unpublished(ctx context.Context, q engine.MarkQuery) (_ []engine.Mark, err error) {
	defer s.timed("unpublished", &err)()
	ranges := pendingRanges(q.Minutes, q.After)
	if q.Limit <= 0 || len(ranges) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, max(s.cfg.CallTimeout, scanTimeout))
	defer cancel()
	var out []engine.Mark
	var bad error
	err = s.table.ReadRows(ctx, ranges, func(r bigtable.Row) bool {
		m, ok := parsePendingRow(r.Key())
		if !ok {
			bad = errMark
			return false
		}
		m.RecordedAt = r[familyPending][0].Timestamp.Time().UTC()
		out = append(out, m)
		return true
	}, bigtable.RowFilter(bigtable.ChainFilters(
		bigtable.TimestampRangeFilterMicros(0, milli(q.Before)), bigtable.LatestNFilter(1),
	)), bigtable.LimitRows(int64(q.Limit)))
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, storeError("list unpublished payments", err)
	}
	return out, nil
}

// pendingRanges are the ranges of rows that hold the marks of minutes, behind the row of the last mark of the page before.
// Minutes that follow one another share a range in each shard.
func pendingRanges(minutes []time.Time, after engine.Mark) (ranges bigtable.RowRangeList) {
	done := ""
	if after.ID != "" {
		done = pendingRow(after.ID, minuteOf(after.Minute)) + "\x00"
	}
	for shard := range uint32(pendingShards) {
		for i := 0; i < len(minutes); i++ {
			first := minuteOf(minutes[i])
			last := first
			for i+1 < len(minutes) && minuteOf(minutes[i+1]) == last+1 {
				i, last = i+1, last+1
			}
			begin, end := pendingRows(shard, first), pendingRows(shard, last)
			end = end[:len(end)-1] + "$" // '$' follows '#'
			if end > done {
				ranges = append(ranges, bigtable.NewRange(max(begin, done), end))
			}
		}
	}
	return ranges
}

// OpenMinutes lists minutes that were opened and not closed.
func (s *Store) OpenMinutes(ctx context.Context, after time.Time, limit int) (_ []engine.OpenMinute, err error) {
	defer s.timed("open_minutes", &err)()
	if limit <= 0 {
		return nil, nil
	}
	first := int64(0)
	if !after.IsZero() {
		first = minuteOf(after) + 1
	}
	ctx, cancel := context.WithTimeout(ctx, max(s.cfg.CallTimeout, scanTimeout))
	defer cancel()
	var out []engine.OpenMinute
	var bad error
	err = s.table.ReadRows(ctx, bigtable.NewRange(minuteRow(first), minutePrefix+"~"), func(r bigtable.Row) bool {
		n, err := parseNumber([]byte(r.Key()[len(minutePrefix):]))
		if err != nil {
			bad = errMark
			return false
		}
		out = append(out, engine.OpenMinute{Minute: minuteStart(n), OpenedAt: r[familyPending][0].Timestamp.Time().UTC()})
		return true
	}, bigtable.RowFilter(bigtable.LatestNFilter(1)), bigtable.LimitRows(int64(limit)))
	if err == nil {
		err = bad
	}
	if err != nil {
		return nil, storeError("list open minutes", err)
	}
	return out, nil
}

// CloseMinutes takes minutes off the list. An opening that is later than the one that was read stays.
func (s *Store) CloseMinutes(ctx context.Context, minutes []engine.OpenMinute) (err error) {
	defer s.timed("close_minutes", &err)()
	if len(minutes) == 0 {
		return nil
	}
	var b batch
	for _, m := range minutes {
		b.row(minuteRow(minuteOf(m.Minute))).
			DeleteTimestampRange(familyPending, column, 0, milli(m.OpenedAt.Add(time.Millisecond)))
	}
	return s.bulk(ctx, "close minutes", &b)
}
