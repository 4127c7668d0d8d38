package store

import (
	"context"
	"sync"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

const (
	maxCarried = 50_000 // cells: some ten megabytes
	carryBatch = 1_000  // rows of one bulk write
)

// carried is what outlives the windows and is not yet where it must be: first-ever facts that a row lacks, and what was
// found in the row of an entity's token before a rotation only, first-ever facts and reports of fraud. While the rotation
// lasts every payment reads both rows; what is to be known after it must lie in the row of the current token by then. It is
// bounded: what finds no place is found again by the entity's next payment.
type carried struct {
	mu      sync.Mutex
	rows    map[string][]feature.Cell // by the row to write
	cells   int
	dropped func()
}

func newCarried(dropped func()) *carried {
	return &carried{rows: map[string][]feature.Cell{}, dropped: dropped}
}

// add queues the cells of a row.
func (c *carried) add(row string, cells []feature.Cell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.rows[row]) > 0: // found by an earlier read
	case c.cells+len(cells) > maxCarried:
		c.dropped()
	default:
		c.rows[row] = cells
		c.cells += len(cells)
	}
}

// take removes rows from the queue, carryBatch at most.
func (c *carried) take() map[string][]feature.Cell {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := map[string][]feature.Cell{}
	for row, cells := range c.rows {
		if len(taken) == carryBatch {
			break
		}
		taken[row] = cells
		delete(c.rows, row)
		c.cells -= len(cells)
	}
	return taken
}

// outlasting queues what the row of an entity's previous token has and that of its current one lacks. A cell's stamp says
// which of two is wanted: a first-ever fact is the earlier the greater its stamp is, and a report's is its arrival.
func (s *Store) outlasting(one *part, found *rows) {
	if len(one.entities) < 2 {
		return
	}
	from, to := found.row(one.entities[0].key), one.entities[1].key
	have := found.row(to)
	var cells []feature.Cell
	for _, family := range [...]string{feature.FamilyFirst, feature.FamilyMark} {
		stamps := map[string]bigtable.Timestamp{}
		for i := range have[family] {
			item := &have[family][i]
			stamps[item.Column] = max(stamps[item.Column], item.Timestamp)
		}
		for i := range from[family] {
			item := &from[family][i]
			if known, ok := stamps[item.Column]; !ok || known < item.Timestamp {
				cells = append(cells, feature.Cell{
					Entity: to, Family: family, Qualifier: qualifierOf(item), At: millis(item.Timestamp), Value: item.Value,
				})
			}
		}
	}
	if len(cells) > 0 {
		s.carried.add(to, cells)
	}
}

// mendFirsts queues first-ever facts that a row lacks, later than its earliest event: a process that had learned of an
// earlier one left it out, and then that one was withdrawn.
func (s *Store) mendFirsts(e *entity, firsts, earliest feature.Firsts) {
	var cells []feature.Cell
	for i := range e.sections {
		c := &e.sections[i]
		known, seen := firsts.Of(c.family), earliest.Of(c.family)
		if known.IsZero() {
			s.firsts.forget(c.stream)
		}
		if !seen.IsZero() && (known.IsZero() || seen.At < known.At) {
			cells = append(cells, feature.FirstCell(e.key, c.family, *seen))
		}
	}
	if len(cells) > 0 {
		s.carried.add(e.key, cells)
	}
}

// carryOver writes what is queued. Writing it again, or by two processes, changes nothing. What could not be written
// waits on.
func (s *Store) carryOver(ctx context.Context) error {
	for {
		taken := s.carried.take()
		if len(taken) == 0 {
			return nil
		}
		var b batch
		for row, cells := range taken {
			m := bigtable.NewMutation()
			for i := range cells {
				m.Set(cells[i].Family, cells[i].Qualifier, stamp(cells[i].At), cells[i].Value)
			}
			b.keys, b.mutations = append(b.keys, row), append(b.mutations, m)
		}
		if err := s.bulk(ctx, "carry over a rotation", &b); err != nil {
			for row, cells := range taken {
				s.carried.add(row, cells)
			}
			return err
		}
	}
}
