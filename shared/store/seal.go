package store

import (
	"context"
	"errors"
	"maps"
	"slices"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

const (
	// sealRows is how many raw rows one chunk of sealing reads: 20 minutes of a stream that never rests, 12 seconds of a
	// fast one.
	sealRows = 120
	// sealChunks bounds one round; the next goes on.
	sealChunks = 30
	// finalSteps is how many of its steps the second look has to get on to be worth while.
	finalSteps = 6
)

// seal makes the tiles that a stream is waiting for and moves its watermarks. Crashed anywhere, or run by two processes
// at once, it does no harm: a tile is a function of the events that had arrived by its stamp, the greatest stamp
// counts, and watermarks move after the tiles are written.
func (s *Store) seal(ctx context.Context, st stream, k *task, h hotState) error {
	now := s.cfg.Clock().UnixMilli()
	late, lag := s.cfg.tuning.lags(h, now-fastOpening)
	job := &sealing{store: s, stream: st, state: h, cut: now - (lag - late), from: h.sealed, sealed: h.sealed}
	target := max(floorTo(max(min(now, k.newest)-lag, 0), h.step()), h.sealed)
	final := max(floorTo(max(min(now-s.cfg.tuning.finalLag.Milliseconds(), target), 0), h.step()), h.final)
	for range sealChunks {
		todo := k.ready(job.cut, h)
		redone := len(todo)
		var err error
		before := h
		if h.sealed < target {
			h.sealed, err = job.chunk(ctx, todo, h.sealed, target)
		}
		if err == nil && final-h.final >= finalSteps*h.step() {
			h.final, err = job.chunk(ctx, todo, h.final, min(final, h.sealed))
		}
		if err == nil && (len(todo) > 0 || h.sealed > before.sealed) { // where nothing came, a tile over what came before ends too
			job.from, job.sealed = before.sealed, h.sealed
			err = job.build(ctx, todo)
		}
		if err == nil && h != before {
			err = s.advance(ctx, st, h, now)
		}
		if err != nil {
			for bucket := range todo {
				k.dirty[bucket] = max(k.dirty[bucket], job.cut)
			}
			if errors.Is(err, errRaced) { // the other process is at it
				s.tasks.back(st, k)
				return nil
			}
			return pix.E(pix.KindOf(err), "seal stream", err)
		}
		if h == before && redone == 0 {
			break
		}
	}
	if len(k.dirty) > 0 || h.sealed < target {
		s.tasks.back(st, k)
	}
	return nil
}

// advance moves the watermarks, in the entity's row and as a hint in the index.
func (s *Store) advance(ctx context.Context, st stream, h hotState, now int64) error {
	var b batch
	m := b.row(st.entity)
	for name, v := range map[string]int64{metaSealed: h.sealed, metaFinal: h.final} {
		m.DeleteTimestampRange(familyMeta, name+st.family, 0, stamp(v))
		m.Set(familyMeta, name+st.family, stamp(v), number(v))
	}
	b.keys, b.mutations = append(b.keys, st.hotRow()), append(b.mutations, indexCell(h, now))
	if err := s.bulk(ctx, "move watermark", &b); err != nil {
		return err
	}
	s.index.learn(st, hotState{since: h.since, sealed: h.sealed, final: h.final, listed: now})
	s.metrics.lag.Set(float64(now-h.sealed) / 1000)
	return nil
}

// sealing is one round over one stream.
type sealing struct {
	store *Store
	stream
	state        hotState
	cut          int64 // what arrived by then is in the tiles
	from, sealed int64 // the watermark moves from, to
}

// chunk adds the buckets of [start, end) that hold something, sealRows of them at most, and returns how far it got.
func (j *sealing) chunk(ctx context.Context, into map[int64]bool, start, end int64) (int64, error) {
	if start >= end {
		return start, nil
	}
	level := j.state.raw(start)
	if level == feature.LevelRaw && j.state.fine > 0 {
		end = min(end, j.state.fine)
	}
	ctx, cancel := context.WithTimeout(ctx, j.store.cfg.CallTimeout)
	defer cancel()
	rows := 0
	var last int64
	var bad error
	err := j.store.table.ReadRows(ctx, j.rowsIn(level, start, end), func(r bigtable.Row) bool {
		items := r[j.family]
		if len(items) == 0 {
			return true
		}
		at, err := timeOf(qualifierOf(&items[0]))
		if err != nil {
			bad = err
			return false
		}
		last = j.state.bucket(at)
		into[last] = true
		rows++
		return true
	}, bigtable.LimitRows(sealRows), bigtable.RowFilter(bigtable.ChainFilters(
		bigtable.FamilyFilter(j.family), bigtable.CellsPerRowLimitFilter(1), bigtable.StripValueFilter())))
	if err = errors.Join(err, bad); err != nil {
		return start, storeError("list raw rows", err)
	}
	if rows == sealRows {
		end = last + rowSpan(level)
	}
	if level == fineRaw {
		return end, j.strays(ctx, into, start, end)
	}
	return end, nil
}

// build makes the tiles over buckets, level by level. When a tile of one level turns out to lack a late event that
// arrived by the cut, it begins again with that bucket too: a tile must not hold less than its stamp says.
func (j *sealing) build(ctx context.Context, buckets map[int64]bool) error {
	for range 3 {
		lacking, err := j.levels(ctx, buckets)
		if err != nil || len(lacking) == 0 {
			return err
		}
		maps.Copy(buckets, lacking)
	}
	return errRaced
}

// levels makes every tile over buckets, and those that are complete now that the watermark moves.
func (j *sealing) levels(ctx context.Context, buckets map[int64]bool) (lacking map[int64]bool, err error) {
	of := map[feature.Level]map[int64]bool{feature.LevelTenth: {}, feature.LevelTenSeconds: {}}
	for b := range buckets {
		if l := j.state.finest(b); b+l.Span() <= j.sealed {
			of[l][b] = true
		}
	}
	for l, slots := range of {
		if err := j.fine(ctx, l, slots); err != nil {
			return nil, err
		}
	}
	slots := of[feature.LevelTenth]
	for _, l := range feature.Levels(feature.LevelSecond) {
		parents := map[int64]bool{}
		for start := range slots {
			parents[floorTo(start, l.Span())] = true
		}
		if j.from > 0 && (l > feature.LevelTenSeconds || j.state.finest(floorTo(j.from-1, l.Span())) < l) {
			parents[floorTo(j.from-1, l.Span())] = true
		}
		maps.DeleteFunc(parents, func(start int64, _ bool) bool { return start+l.Span() > j.sealed })
		if lacking, err = j.coarse(ctx, l, parents); err != nil || len(lacking) > 0 {
			return lacking, err
		}
		if slots = parents; l == feature.LevelTenSeconds {
			maps.Copy(slots, of[l])
		}
	}
	return nil, nil
}

// slot is what one tile is made from and what stands.
type slot struct {
	start int64
	tile  *feature.Tile
	value []byte // of the tile that stands
	stamp int64  // of the tile that stands
	late  []bigtable.ReadItem
}

// fine makes tiles of the finest level from raw events.
func (j *sealing) fine(ctx context.Context, level feature.Level, buckets map[int64]bool) error {
	var keys bigtable.RowList
	for b := range buckets {
		keys = append(append(keys, j.state.rawRows(j.stream, b)...), j.row(level, b))
	}
	found, err := j.read(ctx, keys)
	if err != nil {
		return err
	}
	var slots []slot
	for _, b := range slices.Sorted(maps.Keys(buckets)) {
		one := slot{start: b}
		if err := one.standing(found.row(j.row(level, b)), level); err != nil {
			return err
		}
		events, err := j.arrived(found, b, b+level.Span())
		if err != nil {
			return err
		}
		if len(events) > 0 {
			t := feature.NewTile(j.family, level, b, events)
			one.tile = &t
		}
		slots = append(slots, one)
	}
	return j.write(ctx, level, slots)
}

// arrived decodes the events of a bucket that were there by the cut. What was written in time is stamped with its event
// time, what was late with its arrival.
func (j *sealing) arrived(found *rows, start, end int64) ([]feature.Event, error) {
	var cells []rawCell
	for _, key := range j.state.rawRows(j.stream, start) {
		items := found.row(key)[j.family]
		for i := range items {
			name := qualifierOf(&items[i])
			at, err := timeOf(name)
			if err != nil {
				return nil, err
			}
			stamped := millis(items[i].Timestamp)
			if at < start || at >= end || stamped != at && stamped > j.cut {
				continue
			}
			cells = append(cells, rawCell{name, items[i].Value})
		}
	}
	sortRaw(cells)
	cells = slices.CompactFunc(cells, func(x, y rawCell) bool { return x.name == y.name })
	return feature.DecodeStream(len(cells), rawColumns(cells))
}

// coarse makes tiles of a level from those of the level below, or returns the buckets that those lack.
func (j *sealing) coarse(
	ctx context.Context, l feature.Level, parents map[int64]bool,
) (lacking map[int64]bool, err error) {
	var keys bigtable.RowList
	for p := range parents {
		keys = append(keys, j.row(l-1, p), j.row(l, p))
	}
	found, err := j.read(ctx, keys)
	if err != nil {
		return nil, err
	}
	lacking = map[int64]bool{}
	var slots []slot
	for _, p := range slices.Sorted(maps.Keys(parents)) {
		one := slot{start: p}
		if err := one.standing(found.row(j.row(l, p)), l); err != nil {
			return nil, err
		}
		if err := j.merge(&one, found.row(j.row(l-1, p)), l, lacking); err != nil {
			return nil, err
		}
		slots = append(slots, one)
	}
	if len(lacking) > 0 {
		return lacking, nil
	}
	return nil, j.write(ctx, l, slots)
}

// merge makes the tile of a slot from its children, and collects the buckets that they lack.
func (j *sealing) merge(one *slot, r bigtable.Row, l feature.Level, lacking map[int64]bool) error {
	end := one.start + l.Span()
	for _, item := range r[familyLate] {
		at, err := timeOf(qualifierOf(&item))
		if err != nil {
			return err
		}
		if at >= one.start && at < end && millis(item.Timestamp) <= j.cut {
			lacking[j.state.bucket(at)] = true
		}
	}
	items := r[familyTile]
	for i := range items {
		start, err := timeOf(qualifierOf(&items[i]))
		if err != nil {
			return err
		}
		if start < one.start || start >= end || i > 0 && items[i].Column == items[i-1].Column {
			continue
		}
		if millis(items[i].Timestamp) > j.cut {
			return errRaced
		}
		child, err := feature.DecodeTile(l-1, start, items[i].Value)
		if err != nil {
			return err
		}
		if one.tile == nil {
			one.tile = &feature.Tile{Level: l, Start: one.start}
		}
		one.tile.Merge(&child)
	}
	return nil
}

// standing notes the tile and the late cells that a slot has.
func (o *slot) standing(r bigtable.Row, l feature.Level) error {
	name := familyTile + ":" + timeName(o.start)
	for _, item := range r[familyTile] {
		if item.Column == name {
			o.value, o.stamp = item.Value, millis(item.Timestamp)
			break
		}
	}
	for _, item := range r[familyLate] {
		at, err := timeOf(qualifierOf(&item))
		if err != nil {
			return err
		}
		if at >= o.start && at < o.start+l.Span() {
			o.late = append(o.late, item)
		}
	}
	return nil
}

// write puts tiles that are not what stands, and in the same mutation of the row removes the late cells that they hold.
// A tile that another process made of more is left alone: its parents are then that process's too.
func (j *sealing) write(ctx context.Context, l feature.Level, slots []slot) error {
	var b batch
	for i := range slots {
		one := &slots[i]
		if one.stamp > j.cut {
			return errRaced
		}
		held := slices.DeleteFunc(one.late, func(item bigtable.ReadItem) bool { return millis(item.Timestamp) > j.cut })
		var value []byte
		if one.tile != nil {
			value = one.tile.AppendValue(nil)
		}
		if slices.Equal(value, one.value) && len(held) == 0 {
			continue
		}
		m := b.row(j.row(l, one.start))
		for _, item := range held {
			m.DeleteTimestampRange(familyLate, qualifierOf(&item), 0, stamp(j.cut+1))
		}
		switch {
		case value != nil:
			m.DeleteTimestampRange(familyTile, timeName(one.start), 0, stamp(j.cut))
			m.Set(familyTile, timeName(one.start), stamp(j.cut), value)
			j.store.metrics.sealed(l)
		case one.value != nil: // every event of it was withdrawn
			m.DeleteTimestampRange(familyTile, timeName(one.start), 0, stamp(j.cut+1))
		}
	}
	if len(b.keys) == 0 {
		return nil
	}
	return j.store.bulk(ctx, "write tiles", &b)
}

// read reads rows by their keys.
func (j *sealing) read(ctx context.Context, keys bigtable.RowList) (*rows, error) {
	found := &rows{}
	if len(keys) == 0 {
		return found, nil
	}
	slices.Sort(keys)
	ctx, cancel := context.WithTimeout(ctx, j.store.cfg.CallTimeout)
	defer cancel()
	err := j.store.table.ReadRows(ctx, slices.Compact(keys), func(r bigtable.Row) bool {
		found.list = append(found.list, r)
		return true
	})
	return found, storeError("read rows to seal", err)
}
