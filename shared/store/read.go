package store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// maxPlans is how often a read is planned: once, and again for every thing that this process did not know of a stream.
const maxPlans = 4

// Read returns the histories and the decision that stands, in one multi-row read. Only when a stream turns out to be
// other than this process knew (promoted, no longer busy) it reads once more.
func (s *Store) Read(ctx context.Context, tx *pix.Transaction) (h feature.Histories, d *pix.Decision, err error) {
	const op = "read payment's rows"
	defer s.timed("read", &err)()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	for range maxPlans {
		p := s.plan(tx)
		rows, err := s.fetch(ctx, p)
		if err != nil {
			return feature.Histories{}, nil, storeError(op, err)
		}
		again, err := s.review(p, rows)
		if err != nil {
			return feature.Histories{}, nil, pix.E(pix.Unexpected, op, err)
		}
		if again == "" {
			h, again, err = s.histories(p, rows)
			if err != nil {
				return feature.Histories{}, nil, pix.E(pix.Unexpected, op, err)
			}
		}
		if again == "" {
			d, err = decodeDecision(rows.row(p.decision))
			return h, d, pix.E(pix.Unexpected, op, err)
		}
		s.metrics.again.WithLabelValues(again).Inc()
		if again == againOverflow && !s.caughtUp(p) {
			return feature.Histories{}, nil, pix.E(pix.Unavailable, op, errTooMany)
		}
	}
	return feature.Histories{}, nil, pix.E(pix.Unavailable, op, errRaced)
}

// section is one stream as one read sees it.
type section struct {
	stream
	hot   bool
	state hotState
	spans []feature.Span
}

// entity is the streams of one entity under one token.
type entity struct {
	key      string
	sections []section
}

// part is one entity of the payment under both tokens.
type part struct {
	into     func(*feature.Histories) *feature.History
	entities []entity
}

// plan is everything one read asks for.
type plan struct {
	tx       *pix.Transaction
	at       int64
	decision string
	parts    []part
	hot      bool
}

// plan decides which rows a payment reads, by what this process knows.
func (s *Store) plan(tx *pix.Transaction) *plan {
	p := &plan{tx: tx, at: tx.Moment().UnixMilli(), decision: decisionRow(tx.ID)}
	rows := feature.Rows(tx)
	account := []string{feature.FamilyOut, feature.FamilyIn}
	for _, want := range [...]struct {
		row      feature.Row
		families []string
		into     func(*feature.Histories) *feature.History
	}{
		{rows.Payer, account, func(h *feature.Histories) *feature.History { return &h.Payer }},
		{rows.Payee, account, func(h *feature.Histories) *feature.History { return &h.Payee }},
		{rows.Device, []string{feature.FamilyUse}, func(h *feature.Histories) *feature.History { return &h.Device }},
		{rows.Pair, account[:1], func(h *feature.Histories) *feature.History { return &h.Pair }},
		{rows.Reverse, account[:1], func(h *feature.Histories) *feature.History { return &h.Reverse }},
	} {
		one := part{into: want.into}
		for _, key := range [...]string{want.row.Previous, want.row.Current} {
			if key == "" || len(one.entities) > 0 && one.entities[0].key == key {
				continue
			}
			e := entity{key: key}
			for _, family := range want.families {
				e.sections = append(e.sections, s.section(stream{key, family}, p.at))
				p.hot = p.hot || e.sections[len(e.sections)-1].hot
			}
			one.entities = append(one.entities, e)
		}
		p.parts = append(p.parts, one)
	}
	return p
}

func (s *Store) section(st stream, at int64) section {
	c := section{stream: st}
	c.state, c.hot = s.index.get(st)
	if c.hot {
		c.state = s.born(c.state)
		c.spans = c.state.spans(at)
	}
	return c
}

// rowSet lists the rows of a plan: plain keys while no stream is hot, ranges else.
func (p *plan) rowSet() bigtable.RowSet {
	keys := bigtable.RowList{p.decision}
	var ranges bigtable.RowRangeList
	for i := range p.parts {
		for _, e := range p.parts[i].entities {
			if slices.Contains(keys, e.key) {
				continue
			}
			keys = append(keys, e.key)
			for j := range e.sections {
				ranges = append(ranges, e.sections[j].ranges()...)
			}
		}
	}
	if len(ranges) == 0 {
		return keys
	}
	for _, k := range keys {
		ranges = append(ranges, bigtable.NewClosedRange(k, k))
	}
	return ranges
}

// ranges lists the rows of a section, those that touch as one.
func (c *section) ranges() bigtable.RowRangeList {
	var out bigtable.RowRangeList
	for _, l := range rowLevels() {
		var start, end int64
		for _, span := range c.spans {
			if span.Level != l {
				continue
			}
			from, to := floorTo(span.Start, rowSpan(l)), floorTo(span.End-1, rowSpan(l))+rowSpan(l)
			if end > 0 && from > end {
				out = append(out, c.rowsIn(l, start, end))
				end = 0
			}
			if end == 0 {
				start = from
			}
			end = to
		}
		if end > 0 {
			out = append(out, c.rowsIn(l, start, end))
		}
	}
	return out
}

// rows is what a read returned, by ascending key.
type rows struct {
	list     []bigtable.Row
	overflow bool
}

// row returns the row of a key, nil when there is none.
func (r *rows) row(key string) bigtable.Row {
	i := r.search(key)
	if i < len(r.list) && r.list[i].Key() == key {
		return r.list[i]
	}
	return nil
}

func (r *rows) search(key string) int {
	return sort.Search(len(r.list), func(i int) bool { return r.list[i].Key() >= key })
}

// within returns the rows of a stream's level that hold [start, end).
func (r *rows) within(s stream, l feature.Level, start, end int64) []bigtable.Row {
	from, to := r.search(s.row(l, start)), r.search(s.row(l, end-1))
	if to < len(r.list) && r.list[to].Key() == s.row(l, end-1) {
		to++
	}
	return r.list[from:to]
}

// fetch reads the rows of a plan.
func (s *Store) fetch(ctx context.Context, p *plan) (*rows, error) {
	found, err := s.readRows(ctx, p.rowSet())
	if err == nil {
		s.metrics.read(found.list)
	}
	return found, err
}

// readRows reads rows. It stops at the bound of cells, so that no row can take the memory.
func (s *Store) readRows(ctx context.Context, set bigtable.RowSet) (*rows, error) {
	limit := s.cfg.tuning.maxCells
	r := &rowReader{limit: limit, open: s.scratch.take()}
	defer func() { s.scratch.put(r.open) }()
	err := s.table.ReadRows(r.in(ctx), set, func(row bigtable.Row) bool {
		r.add(row)
		return !r.overflow
	}, bigtable.RowFilter(bigtable.ChainFilters(bigtable.LatestNFilter(1), bigtable.CellsPerRowLimitFilter(limit+1))))
	if err := r.end(err); err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return &rows{r.rows, r.overflow}, nil
}

// sections lists the streams of a plan with the row of their entity.
func (p *plan) sections() iter.Seq2[string, *section] {
	return func(yield func(string, *section) bool) {
		for i := range p.parts {
			for _, e := range p.parts[i].entities {
				if !e.each(yield) {
					return
				}
			}
		}
	}
}

func (e *entity) each(yield func(string, *section) bool) bool {
	for i := range e.sections {
		if !yield(e.key, &e.sections[i]) {
			return false
		}
	}
	return true
}

// review learns what the entities' own rows say of hot streams, and says why the plan must be made anew, if so.
func (s *Store) review(p *plan, found *rows) (again string, err error) {
	for key, c := range p.sections() {
		marks, err := parseMeta(found.row(key))
		if err != nil {
			return "", err
		}
		mark, hot := marks[c.family]
		if !hot {
			continue
		}
		s.index.learn(c.stream, s.born(mark))
		if !c.hot || mark.fine > 0 && (c.state.fine == 0 || mark.fine < c.state.fine) {
			again = againHot
			s.tasks.add(c.stream, p.at)
		}
	}
	if found.overflow {
		s.relieve(p, found)
		again = againOverflow
	}
	return again, nil
}

// relieve asks for what makes the next read smaller.
func (s *Store) relieve(p *plan, found *rows) {
	now := s.cfg.Clock().UnixMilli()
	for key, c := range p.sections() {
		s.index.setCool(c.stream, false)
		switch {
		case c.hot && c.state.fine == 0 && now-c.state.sealed > fastMissed:
			s.tasks.add(c.stream, p.at) // upkeep is behind: that says nothing of the stream
		case c.hot || len(found.row(key)[c.family]) > s.cfg.tuning.busy:
			s.tasks.addFast(c.stream, p.at)
		}
	}
}

// caughtUp reports whether what was learned makes another plan than p.
func (s *Store) caughtUp(p *plan) bool {
	for _, c := range p.sections() {
		now, hot := s.index.get(c.stream)
		if hot && (!c.hot || c.state.cool || now.sealed > c.state.sealed) {
			return true
		}
	}
	return false
}
