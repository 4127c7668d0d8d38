package store

import (
	"bytes"
	"context"
	"slices"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// trace is one event that a payment left in a stream, under one token.
type trace struct {
	stream
	cell *feature.Cell // the event's
	id   pix.EndToEndID
	kept []byte // value of the standing payment's event in the same column, nil when it has none there
	hot  bool
	raw  []string // rows that may hold it, first the one to put the standing payment's in
	hotState
}

// earliestCells is how many cells a stream's row is asked for to find the earliest event but one: that one, its statuses,
// and the next.
const earliestCells = 16

// withdrawal is what one call of Withdraw works with.
type withdrawal struct {
	store *Store
	now   int64
	found *rows
	batch batch
}

// Withdraw takes what a payment left out of the streams, under both tokens, and puts the standing payment's event back
// where both have one column: in one read and one bulk write, so that it may be tried again from anywhere.
//
// A first-ever fact is one version of its cell, so the older ones come forth again. Where another event of the very
// millisecond was hidden by it, or the table had collected the older ones, the earliest event that is left is written.
func (s *Store) Withdraw(ctx context.Context, tx, standing *pix.Transaction) (err error) {
	const op = "withdraw payment"
	defer s.timed("withdraw", &err)()
	traces, err := s.traces(ctx, tx, standing)
	if err != nil || len(traces) == 0 {
		return err
	}
	w := &withdrawal{store: s, now: s.cfg.Clock().UnixMilli()}
	if w.found, err = s.around(ctx, traces); err != nil {
		return err
	}
	for i := range traces {
		t := &traces[i]
		if t.hot {
			err = w.hotEvent(t)
		} else {
			w.event(t)
		}
		if err == nil && t.kept == nil {
			err = w.fact(t)
		}
		if err != nil {
			return pix.E(pix.Unexpected, op, err)
		}
	}
	return s.bulk(ctx, op, &w.batch)
}

// traces lists the events that a payment may have left.
func (s *Store) traces(ctx context.Context, tx, standing *pix.Transaction) ([]trace, error) {
	type place struct{ entity, family, qualifier string }
	kept := map[place][]byte{}
	for _, c := range feature.Cells(standing) {
		kept[place{c.Entity, c.Family, c.Qualifier}] = c.Value
	}
	var cells []feature.Cell
	for _, c := range feature.Cells(tx) {
		if c.Family == feature.FamilyFirst {
			continue
		}
		cells = append(cells, c)
		if previous := previousOf(tx, c.Entity); previous != "" {
			c.Entity = previous
			cells = append(cells, c)
		}
	}
	if err := s.lookUp(ctx, cells); err != nil {
		return nil, err
	}
	list := make([]trace, len(cells))
	for i := range cells {
		c := &cells[i]
		st := stream{c.Entity, c.Family}
		h, hot := s.index.get(st)
		list[i] = trace{
			stream: st, cell: c, id: tx.ID, kept: kept[place{c.Entity, c.Family, c.Qualifier}], hot: hot, raw: h.rawRows(st, c.At),
			hotState: h,
		}
	}
	return list, nil
}

// around reads what stands about traces: first-ever facts, the earliest events of each row, and every version of the
// event's own columns.
func (s *Store) around(ctx context.Context, traces []trace) (*rows, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	var keys bigtable.RowList
	filters := []bigtable.Filter{bigtable.FamilyFilter(feature.FamilyFirst)}
	for _, family := range [...]string{feature.FamilyOut, feature.FamilyIn, feature.FamilyUse} {
		filters = append(filters, bigtable.ChainFilters(bigtable.FamilyFilter(family), bigtable.LatestNFilter(1),
			bigtable.CellsPerRowLimitFilter(earliestCells)))
	}
	for i := range traces {
		t := &traces[i]
		keys = append(keys, t.entity)
		if t.hot {
			keys = append(keys, t.raw...)
			filters = append(filters, bigtable.ColumnRangeFilter(t.family, t.cell.Qualifier, t.cell.Qualifier+"$"))
		}
		if !t.hot || t.kept == nil {
			continue
		}
		filters = append(filters, bigtable.ChainFilters(
			bigtable.ColumnRangeFilter(familyLate, t.cell.Qualifier, t.cell.Qualifier+"$"), bigtable.LatestNFilter(1)))
		for _, level := range feature.Levels(t.finest(t.cell.At)) {
			keys = append(keys, t.row(level, t.cell.At))
		}
	}
	slices.Sort(keys)
	found := &rows{}
	err := s.table.ReadRows(ctx, slices.Compact(keys), func(r bigtable.Row) bool {
		found.list = append(found.list, r)
		return true
	}, bigtable.RowFilter(bigtable.InterleaveFilters(filters...)))
	return found, storeError("read what stands about a payment", err)
}

// event takes the event out of the entity's row, or puts the standing payment's in its place: it has the same stamp.
func (w *withdrawal) event(t *trace) {
	m := w.batch.row(t.entity)
	if t.kept == nil {
		m.DeleteCellsInColumn(t.family, t.cell.Qualifier)
		return
	}
	m.Set(t.family, t.cell.Qualifier, stamp(t.cell.At), t.kept)
}

// hotEvent takes the event out of the stream's rows. Of its tiles none is touched: where one may hold the event, a late
// cell that adds nothing is left beside it, so that whoever reads it has the tile made again.
func (w *withdrawal) hotEvent(t *trace) error {
	prior, at := w.own(t)
	if t.kept != nil && prior == nil {
		return nil
	}
	name := t.cell.Qualifier
	for _, key := range append([]string{t.entity}, t.raw...) {
		w.batch.row(key).DeleteCellsInColumn(t.family, name)
	}
	left := lateCell{name: name, value: t.cell.Value, event: t.cell.Value, known: true}
	if t.kept != nil {
		w.batch.row(t.raw[0]).Set(t.family, name, stamp(at), t.kept)
		e, err := withStatuses(name, t.kept, prior)
		if err != nil {
			return err
		}
		left.value, left.event, left.state, left.paid = t.kept, t.kept, e.State, e.Returned
	}
	for _, level := range feature.Levels(t.finest(t.cell.At)) {
		if err := w.beside(t, level, left); err != nil {
			return err
		}
	}
	return nil
}

// beside leaves a late cell beside the tile of a level, where there may be one, instead of the event's own. Where the
// standing payment's event takes the place of one that the tile lacks, it lacks this one too.
func (w *withdrawal) beside(t *trace, level feature.Level, left lateCell) error {
	key := t.row(level, t.cell.At)
	m := w.batch.row(key)
	m.DeleteCellsInColumn(familyLate, left.name)
	if after, _ := w.store.cfg.tuning.lags(t.hotState, w.now); floorTo(t.cell.At, level.Span())+level.Span() > w.now-after {
		return nil
	}
	for _, item := range w.found.row(key)[familyLate] {
		if t.kept == nil || qualifierOf(&item) != left.name {
			continue
		}
		lacking, err := decodeLate(left.name, item.Value)
		if err != nil {
			return err
		}
		left.known, left.state, left.paid = lacking.known, lacking.state, lacking.paid
	}
	m.Set(familyLate, left.name, stamp(w.now), left.encode())
	return nil
}

// own lists the cells of the event and its statuses that stand, nil when the standing payment's event is there untouched,
// and says by what stamp the event is to be put back.
func (w *withdrawal) own(t *trace) (prior map[string]seenCell, at int64) {
	prior, untouched := map[string]seenCell{}, true
	for _, key := range append([]string{t.entity}, t.raw...) {
		for _, item := range w.found.row(key)[t.family] {
			q := qualifierOf(&item)
			if eventName(q) != t.cell.Qualifier {
				continue
			}
			prior = addSeen(prior, []bigtable.ReadItem{item})
			untouched = untouched && (!isEvent(q) || bytes.Equal(item.Value, t.kept))
		}
	}
	switch seen, ok := prior[t.cell.Qualifier]; {
	case ok && untouched:
		return nil, 0
	case ok:
		return prior, seen.at
	default:
		return prior, w.now
	}
}

// fact takes out the first-ever fact that the event left, and writes that of the earliest event left unless as early a
// one stands.
func (w *withdrawal) fact(t *trace) error {
	w.store.firsts.forget(t.stream)
	mine := feature.FirstCell(t.entity, t.family, feature.First{At: t.cell.At, ID: t.id})
	stands := bigtable.Timestamp(-1)
	for _, item := range w.found.row(t.entity)[feature.FamilyFirst] {
		switch {
		case qualifierOf(&item) != t.family:
		case item.Timestamp == stamp(mine.At) && bytes.Equal(item.Value, mine.Value):
			w.batch.row(t.entity).DeleteTimestampRange(feature.FamilyFirst, t.family, stamp(mine.At), stamp(mine.At+1))
		default:
			stands = max(stands, item.Timestamp)
		}
	}
	e, err := w.earliest(t)
	if err != nil || e.IsZero() {
		return err
	}
	if c := feature.FirstCell(t.entity, t.family, e); stamp(c.At) > stands {
		w.batch.row(t.entity).Set(c.Family, c.Qualifier, stamp(c.At), c.Value)
	}
	return nil
}

// earliest is the earliest event of the stream but the trace's, as far as what was read tells.
func (w *withdrawal) earliest(t *trace) (first feature.First, err error) {
	for _, key := range append([]string{t.entity}, t.raw...) {
		for _, item := range w.found.row(key)[t.family] {
			q := qualifierOf(&item)
			if !isEvent(q) || q == t.cell.Qualifier {
				continue
			}
			at, err := timeOf(q)
			if err != nil {
				return first, err
			}
			first = first.Earlier(feature.First{At: at, ID: pix.EndToEndID(q[timeBytes:])})
		}
	}
	return first, nil
}
