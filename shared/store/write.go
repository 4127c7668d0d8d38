package store

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// batch collects mutations, one for each row.
type batch struct {
	keys      []string
	mutations []*bigtable.Mutation
}

// row returns the mutation of a row.
func (b *batch) row(key string) *bigtable.Mutation {
	if k := slices.Index(b.keys, key); k >= 0 {
		return b.mutations[k]
	}
	return b.add(key)
}

// add returns the mutation of a row that the batch need not look for.
func (b *batch) add(key string) *bigtable.Mutation {
	m := bigtable.NewMutation()
	b.keys, b.mutations = append(b.keys, key), append(b.mutations, m)
	return m
}

// Record writes the payment's event to the streams of payer, payee, device and pair, and its mark, in one bulk write. Now
// and then the write also says that the mark's minute is open, without which no sweep would look there.
// It is done only when every row took its cell. An event that is late at a hot stream costs one read before: see known.
func (s *Store) Record(ctx context.Context, tx *pix.Transaction) (err error) {
	const op = "record payment"
	defer s.timed("record", &err)()
	if at := tx.Moment().UnixMilli(); at < 0 || at >= feature.MaxTime || tx.ID == "" {
		return pix.E(pix.Invalid, op, errors.New("event time or id out of bounds"))
	}
	var b batch
	if err := s.place(ctx, &b, tx, arrival{feature.Cells(tx), s.cfg.Clock().UnixMilli()}); err != nil {
		return err
	}
	opened := s.placeMark(&b, tx)
	if err := s.bulk(ctx, op, &b); err != nil {
		return err
	}
	opened()
	return nil
}

// placeMark adds the payment's mark, and now and then before it that its minute is open: call what it returns once that is
// written.
func (s *Store) placeMark(b *batch, tx *pix.Transaction) (opened func()) {
	now, minute := s.cfg.Clock(), minuteOf(tx.EventTime)
	opened = func() {}
	if !s.opened.holds(minute, now.UnixMilli()) {
		b.row(minuteRow(minute)).Set(familyPending, column, milli(now), nil)
		opened = func() { s.opened.note(minute, now.UnixMilli()) }
	}
	b.row(pendingRow(tx.ID, minute)).Set(familyPending, column, milli(now), nil)
	return opened
}

// mark writes a payment's mark alone, row by row: what the table refuses of a bulk write it may take of one row.
func (s *Store) mark(ctx context.Context, tx *pix.Transaction) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	var b batch
	opened := s.placeMark(&b, tx)
	for i, key := range b.keys {
		if err := s.table.Apply(ctx, key, b.mutations[i]); err != nil {
			return storeError("mark payment", err)
		}
	}
	opened()
	return nil
}

// MarkStatus writes what became of a payment beside its events, in one bulk write.
func (s *Store) MarkStatus(ctx context.Context, tx *pix.Transaction, status *pix.Status) (err error) {
	defer s.timed("mark_status", &err)()
	cells := feature.StatusCells(tx, status)
	if len(cells) == 0 {
		return nil
	}
	if err := s.lookUp(ctx, cells); err != nil {
		return err
	}
	var b batch
	if err := s.place(ctx, &b, tx, arrival{cells, s.cfg.Clock().UnixMilli()}); err != nil {
		return err
	}
	if len(b.keys) == 0 {
		return nil
	}
	return s.bulk(ctx, "mark status", &b)
}

// MarkFraud writes a report of fraud to the rows of payer, payee and device, in one bulk write.
func (s *Store) MarkFraud(ctx context.Context, tx *pix.Transaction, l *pix.Label) (err error) {
	const op = "mark fraud"
	defer s.timed("mark_fraud", &err)()
	for _, at := range [...]int64{l.ArrivedAt.UnixMilli(), tx.Moment().UnixMilli()} {
		if at < 0 || at >= feature.MaxTime {
			return pix.E(pix.Invalid, op, errors.New("arrival or event time out of bounds"))
		}
	}
	var b batch
	if err := s.place(ctx, &b, tx, arrival{feature.MarkCells(tx, l), 0}); err != nil || len(b.keys) == 0 {
		return err
	}
	return s.bulk(ctx, op, &b)
}

// arrival is the cells of one message and when it came, in milliseconds.
type arrival struct {
	cells []feature.Cell
	now   int64
}

// place puts cells where they belong: into the entity's row, or into a bucket row of a hot stream.
func (s *Store) place(ctx context.Context, b *batch, tx *pix.Transaction, a arrival) error {
	var late []feature.Cell
	for i := range a.cells {
		c := &a.cells[i]
		if c.Family == feature.FamilyFirst && s.firsts.covers(stream{c.Entity, c.Qualifier}, tx.Moment().UnixMilli()) {
			continue
		}
		st := stream{c.Entity, c.Family}
		hot, known := s.index.get(st)
		after, _ := s.cfg.tuning.lags(hot, a.now)
		switch {
		case !known || a.now < hot.since:
			b.row(c.Entity).Set(c.Family, c.Qualifier, stamp(c.At), c.Value)
		case a.now-c.At <= after:
			b.row(hot.rawRows(st, c.At)[0]).Set(c.Family, c.Qualifier, stamp(c.At), c.Value)
		default:
			late = append(late, *c)
		}
	}
	if len(late) == 0 {
		return nil
	}
	return s.placeLate(ctx, b, tx, arrival{late, a.now})
}

// placeLate writes events and statuses whose buckets may be sealed: into their raw rows, stamped with their arrival,
// and beside every tile that may lack them. What is there already is left alone: its tile may hold it.
func (s *Store) placeLate(ctx context.Context, b *batch, tx *pix.Transaction, a arrival) error {
	late := a.cells
	found, err := s.known(ctx, tx, late)
	if err != nil {
		return err
	}
	events := feature.Cells(tx)
	for i := range late {
		c := &late[i]
		st, prior := stream{c.Entity, c.Family}, found[i]
		if seen, ok := prior[c.Qualifier]; ok {
			s.metrics.metLate(true)
			if seen.at != c.At { // perhaps only half of that write was carried out: its tile is made again
				s.tasks.dirty(st, c.At, seen.at)
			}
			continue
		}
		s.metrics.metLate(false)
		j := slices.IndexFunc(events, func(e feature.Cell) bool { return e.Entity == c.Entity && e.Family == c.Family })
		if j < 0 {
			continue // a status of a stream that the payment has no event in
		}
		put := lateWrite{c, events[j].Value, prior, a.now}
		if err := s.putLate(b, &put); err != nil {
			return err
		}
		s.tasks.dirty(st, c.At, a.now)
	}
	return nil
}

// lateWrite is a late cell, its event, what the table had of that event before, and when the cell came.
type lateWrite struct {
	*feature.Cell
	event []byte
	prior map[string]seenCell
	now   int64
}

// putLate writes one late cell.
func (s *Store) putLate(b *batch, c *lateWrite) error {
	now := c.now
	l := lateCell{name: c.Qualifier, value: c.Value, event: c.event}
	_, l.known = c.prior[eventName(c.Qualifier)]
	e, err := withStatuses(eventName(c.Qualifier), c.event, c.prior)
	if err != nil {
		return pix.E(pix.Unexpected, "place late event", err)
	}
	l.state, l.paid = e.State, e.Returned
	st := stream{c.Entity, c.Family}
	h, _ := s.index.get(st)
	after, _ := s.cfg.tuning.lags(h, now)
	b.row(h.rawRows(st, c.At)[0]).Set(c.Family, c.Qualifier, stamp(now), c.Value)
	value := l.encode()
	for _, level := range feature.Levels(h.finest(c.At)) {
		if end := floorTo(c.At, level.Span()) + level.Span(); end <= now-after {
			b.row(st.row(level, c.At)).Set(familyLate, c.Qualifier, stamp(now), value)
		}
	}
	return nil
}

// withStatuses is an event with the statuses that are known of it.
func withStatuses(name string, event []byte, prior map[string]seenCell) (feature.Event, error) {
	list, err := feature.DecodeStream(1, func(yield func(string, []byte) bool) {
		if !yield(name, event) {
			return
		}
		for _, q := range slices.Sorted(maps.Keys(prior)) {
			if !isEvent(q) && !yield(q, prior[q].value) {
				return
			}
		}
	})
	if err != nil || len(list) == 0 {
		return feature.Event{}, err
	}
	return list[0], nil
}

// seenCell is a cell that was there before: value and earliest stamp.
type seenCell struct {
	value []byte
	at    int64
}

// known reads what the table has of the event of each late cell, in the entity's row and the raw row, under both
// tokens: all in one read of single columns. Without it a redelivery, which comes late by nature, would count twice
// until the tile is made again.
func (s *Store) known(ctx context.Context, tx *pix.Transaction, late []feature.Cell) ([]map[string]seenCell, error) {
	s.metrics.again.WithLabelValues(againLate).Inc()
	name := eventName(late[0].Qualifier) // all are of one payment
	var keys bigtable.RowList
	var filters []bigtable.Filter
	owner := map[string][]int{}
	for i := range late {
		st := stream{late[i].Entity, late[i].Family}
		for _, entity := range [...]string{st.entity, previousOf(tx, st.entity)} {
			if entity == "" {
				continue
			}
			of := stream{entity, st.family}
			h, _ := s.index.get(of)
			for _, key := range append(h.rawRows(of, late[i].At), entity) {
				owner[key] = append(owner[key], i)
				keys = append(keys, key)
			}
		}
		filters = append(filters, bigtable.ColumnRangeFilter(st.family, name, name+"$")) // '$' follows '#'
	}
	filter := filters[0]
	if len(filters) > 1 {
		filter = bigtable.InterleaveFilters(filters...)
	}
	found := make([]map[string]seenCell, len(late))
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	err := s.table.ReadRows(ctx, keys, func(r bigtable.Row) bool {
		for _, i := range owner[r.Key()] {
			found[i] = addSeen(found[i], r[late[i].Family])
		}
		return true
	}, bigtable.RowFilter(filter))
	return found, storeError("look for late event", err)
}

func addSeen(seen map[string]seenCell, items []bigtable.ReadItem) map[string]seenCell {
	if seen == nil {
		seen = map[string]seenCell{}
	}
	for i := range items {
		q, at := qualifierOf(&items[i]), millis(items[i].Timestamp)
		if old, ok := seen[q]; ok && old.at < at {
			at = old.at
		}
		seen[q] = seenCell{items[i].Value, at}
	}
	return seen
}

// previousOf is the row under the previous token of an entity that the payment names, empty when there is none.
func previousOf(tx *pix.Transaction, entity string) string {
	rows := feature.Rows(tx)
	for _, r := range [...]feature.Row{rows.Payer, rows.Payee, rows.Device, rows.Pair} {
		if r.Current == entity && r.Previous != entity {
			return r.Previous
		}
	}
	return ""
}

// staleIndex is how old the index may be before a process that reads no histories asks the table which streams are hot.
const staleIndex = 2 * time.Minute

// lookUp learns whether the streams of cells are hot, when the index does not say. A process that only marks statuses
// never meets the marks of hot streams otherwise.
func (s *Store) lookUp(ctx context.Context, cells []feature.Cell) error {
	if s.index.age(s.cfg.Clock().UnixMilli()) < staleIndex.Milliseconds() {
		return nil
	}
	var keys bigtable.RowList
	for i := range cells {
		keys = append(keys, cells[i].Entity)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	var bad error
	err := s.table.ReadRows(ctx, keys, func(r bigtable.Row) bool {
		marks, err := parseMeta(r)
		for family, h := range marks {
			s.index.learn(stream{r.Key(), family}, s.born(h))
		}
		bad = errors.Join(bad, err)
		return true
	}, bigtable.RowFilter(bigtable.ChainFilters(bigtable.FamilyFilter(familyMeta), bigtable.LatestNFilter(1))))
	return storeError("look up hot streams", errors.Join(err, bad))
}

// bulk applies all mutations or fails: an entry's failure is the call's.
func (s *Store) bulk(ctx context.Context, op string, b *batch) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	entries, err := s.table.ApplyBulk(ctx, b.keys, b.mutations)
	if err != nil {
		return storeError(op, err)
	}
	for _, e := range entries {
		if e != nil {
			return storeError(op, e)
		}
	}
	return nil
}

// timed measures an operation: defer what it returns.
func (s *Store) timed(op string, err *error) func() {
	began := time.Now()
	return func() { s.metrics.called(op, began, *err) }
}
