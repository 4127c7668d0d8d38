package store

import (
	"cmp"
	"iter"
	"slices"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

// histories joins the rows of each entity, under its current and its previous token.
func (s *Store) histories(p *plan, found *rows) (h feature.Histories, again string, err error) {
	for i := range p.parts {
		into := p.parts[i].into(&h)
		for _, e := range p.parts[i].entities {
			if err := s.join(into, &e, found, p.at); err != nil {
				return h, "", err
			}
		}
		s.outlasting(&p.parts[i], found)
		if s.reconsider(p, &p.parts[i], into) {
			again = againCool
		}
	}
	return h, again, nil
}

// join adds what is known of an entity under one token.
func (s *Store) join(h *feature.History, e *entity, found *rows, at int64) error {
	main := found.row(e.key)
	var earliest feature.Firsts
	for i := range e.sections {
		c := &e.sections[i]
		into := streamOf(h, c.family)
		one, err := s.stream(c, main, found, at)
		if err != nil {
			return err
		}
		if !c.hot && len(one.Events) > 0 {
			*earliest.Of(c.family) = feature.First{At: one.Events[0].At, ID: one.Events[0].ID}
		}
		if len(into.Events) == 0 {
			into.Events = one.Events
		} else {
			into.Events = feature.Sort(append(into.Events, one.Events...))
		}
		into.Tiles = append(into.Tiles, one.Tiles...)
	}
	var firsts feature.Firsts
	for q, value := range columns(main, feature.FamilyFirst) {
		first, err := feature.DecodeFirst(value)
		if err != nil {
			return err
		}
		if into := firsts.Of(q); into != nil {
			*into = first
			s.firsts.learn(stream{e.key, q}, first.At)
		}
	}
	s.mendFirsts(e, firsts, earliest)
	h.First = h.First.Earlier(firsts)
	marks, err := feature.DecodeMarks(columns(main, feature.FamilyMark))
	if len(marks) > 0 {
		h.Marks = feature.SortMarks(append(h.Marks, marks...))
	}
	return err
}

func streamOf(h *feature.History, family string) *feature.Stream {
	switch family {
	case feature.FamilyOut:
		return &h.Out
	case feature.FamilyIn:
		return &h.In
	default:
		return &h.Use
	}
}

// rawCell is a cell of an event or a status.
type rawCell struct {
	name  string
	value []byte
}

// stream reads one stream: what is in the entity's row, raw rows, tiles, and late cells beside tiles.
func (s *Store) stream(c *section, main bigtable.Row, found *rows, at int64) (feature.Stream, error) {
	items := main[c.family]
	if !c.hot {
		events, err := feature.DecodeStream(len(items), columns(main, c.family))
		switch {
		case len(events) <= s.cfg.tuning.busy:
		case s.cfg.tuning.fast(events, at):
			s.tasks.addFast(c.stream, at)
		default:
			s.tasks.add(c.stream, at)
		}
		return feature.Stream{Events: events}, err
	}
	a := assembly{section: c, family: c.family}
	for name, value := range columns(main, c.family) {
		a.raw = append(a.raw, rawCell{name, value})
	}
	if len(a.raw) > 0 {
		s.tasks.add(c.stream, at) // left over from before the promotion
	}
	for _, span := range c.spans {
		for _, r := range found.within(c.stream, span.Level, span.Start, span.End) {
			if err := a.row(r, span); err != nil {
				return feature.Stream{}, err
			}
		}
	}
	out, err := a.result(func(at, arrived int64) { s.tasks.dirty(c.stream, at, arrived) })
	behind := a.behind(s.cfg.Clock().UnixMilli(), &s.cfg.tuning)
	switch fast := !c.state.cool && s.cfg.tuning.fast(out.Events, at); {
	case fast && c.state.fine == 0, behind && c.state.fine > 0:
		s.tasks.addFast(c.stream, at)
	case behind:
		s.tasks.add(c.stream, at)
	}
	return out, err
}

// assembly gathers a hot stream from its rows.
type assembly struct {
	*section
	family string
	raw    []rawCell
	tiles  []feature.Tile
	late   []servedLate
	count  int // raw cells behind the watermark
}

// servedLate is a late cell beside a tile that is served.
type servedLate struct {
	lateCell
	at, arrived int64
	level       feature.Level
}

// row takes what one row holds of a span.
func (a *assembly) row(r bigtable.Row, span feature.Span) error {
	if span.Level == feature.LevelRaw || span.Level == fineRaw {
		return a.rawRow(r, span)
	}
	items := r[familyTile]
	for i := range items {
		start, err := timeOf(qualifierOf(&items[i]))
		if err != nil {
			return err
		}
		if start < span.Start || start >= span.End || i > 0 && items[i].Column == items[i-1].Column {
			continue
		}
		t, err := feature.DecodeTile(span.Level, start, items[i].Value)
		if err != nil {
			return err
		}
		a.tiles = append(a.tiles, t)
	}
	return a.lateRow(r[familyLate], span)
}

// rawRow takes the events of a span, of which there may be others in the row.
func (a *assembly) rawRow(r bigtable.Row, span feature.Span) error {
	for name, value := range columns(r, a.family) {
		at, err := timeOf(name)
		if err != nil {
			return err
		}
		if at < span.Start || at >= span.End {
			continue
		}
		a.raw = append(a.raw, rawCell{name, value})
		if at >= a.state.sealed {
			a.count++
		}
	}
	return nil
}

// lateRow takes the late cells beside the tiles of the span. That they are there says that their tiles lack them: a
// tile that takes a late cell in removes it in the same mutation.
func (a *assembly) lateRow(items []bigtable.ReadItem, span feature.Span) error {
	for i := range items {
		name := qualifierOf(&items[i])
		at, err := timeOf(name)
		if err != nil {
			return err
		}
		if at < span.Start || at >= span.End {
			continue
		}
		l, err := decodeLate(name, items[i].Value)
		if err != nil {
			return err
		}
		a.late = append(a.late, servedLate{l, at, millis(items[i].Timestamp), span.Level})
	}
	return nil
}

// behind reports whether enough lies behind the watermark, or long enough, for sealing to be worth while.
func (a *assembly) behind(now int64, t *tuning) bool {
	if a.state.cool {
		return false
	}
	if a.state.final+2*t.finalLag.Milliseconds() < now && a.state.final < a.state.sealed {
		return true
	}
	_, lag := t.lags(a.state, now-fastOpening)
	return a.count >= t.sealBatch && a.state.sealed+lag+a.state.step() <= now
}

// result puts the stream together and reports the buckets whose tiles lack something.
func (a *assembly) result(dirty func(at, arrived int64)) (feature.Stream, error) {
	sortRaw(a.raw)
	a.raw = slices.CompactFunc(a.raw, func(x, y rawCell) bool { return x.name == y.name })
	events, err := feature.DecodeStream(len(a.raw), rawColumns(a.raw))
	if err != nil {
		return feature.Stream{}, err
	}
	out := feature.Stream{Events: events, Tiles: a.tiles}
	slices.SortFunc(a.late, func(x, y servedLate) int { return cmp.Compare(x.name, y.name) })
	for from := 0; from < len(a.late); {
		to := from
		var cells []lateCell
		for ; to < len(a.late) && eventName(a.late[to].name) == eventName(a.late[from].name); to++ {
			dirty(a.late[to].at, a.late[to].arrived)
			cells = append(cells, a.late[to].lateCell)
		}
		if err := addLate(&out, &a.late[from], cells); err != nil {
			return out, err
		}
		from = to
	}
	out.Events = feature.Sort(out.Events)
	return out, nil
}

// addLate adds the late cells of one event.
func addLate(out *feature.Stream, l *servedLate, cells []lateCell) error {
	sum, err := sumLate(cells)
	switch {
	case err != nil:
		return err
	case sum.event != nil:
		out.Events = append(out.Events, *sum.event)
	case sum.delta != (feature.Totals{}):
		out.Tiles = append(out.Tiles, feature.Tile{
			Level: l.level, Start: floorTo(l.at, l.level.Span()), Totals: sum.delta,
		})
	}
	return nil
}

func sortRaw(cells []rawCell) {
	byName := func(x, y rawCell) int { return cmp.Compare(x.name, y.name) }
	if !slices.IsSortedFunc(cells, byName) {
		slices.SortStableFunc(cells, byName)
	}
}

func rawColumns(cells []rawCell) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := range cells {
			if !yield(cells[i].name, cells[i].value) {
				return
			}
		}
	}
}

// reconsider looks whether a stream that is served from tiles is still busy: of one that is not, every event is wanted.
// It reports whether another read must fetch them.
func (s *Store) reconsider(p *plan, one *part, h *feature.History) (again bool) {
	for _, e := range one.entities {
		for i := range e.sections {
			c := &e.sections[i]
			if !c.hot {
				continue
			}
			st := streamOf(h, c.family)
			busy := p.visible(st) > s.cfg.tuning.busy
			s.index.setCool(c.stream, !busy)
			again = again || !busy && !c.state.cool && len(st.Tiles) > 0
		}
	}
	return again
}

// visible is how many events the payment sees in its longest window.
func (p *plan) visible(s *feature.Stream) int {
	n := 0
	for i := range s.Tiles {
		n += s.Tiles[i].Totals.Count
	}
	for i := range s.Events {
		e := &s.Events[i]
		age := p.at - e.At
		if age >= 0 && age < feature.MaxWindow.Milliseconds() && e.ID != p.tx.ID && (age > 0 || e.ID < p.tx.ID) {
			n++
		}
	}
	return n
}
