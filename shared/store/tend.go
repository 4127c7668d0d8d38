package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

const (
	// indexEvery is how often the index of hot streams is read. It is a fraction of the delay of a promotion, so that
	// every process knows a stream before its first event goes to a bucket row.
	indexEvery = time.Minute
	// tendWorkers is how many streams are looked after at once.
	tendWorkers = 4
	// tendTimeout bounds the upkeep of one stream.
	tendTimeout = 30 * time.Second
	// headFactor times the events that make a stream busy is how many cells of an entity's row one look takes.
	headFactor = 4
)

// Run looks after hot streams at every tick until ctx ends: it refreshes the index, promotes streams that became busy,
// moves what was left behind and seals tiles; and it carries over what a rotation of the token key must not forget. A tick
// of 10 seconds is meant. What fails is told to Config.Degraded and tried again at the next tick. Where no process runs
// it, reads grow until they reach their bound, and the end of a rotation forgets.
func (s *Store) Run(ctx context.Context, ticks <-chan time.Time) error {
	var fast sync.WaitGroup
	defer fast.Wait()
	fast.Go(func() { s.runFast(ctx) })
	for {
		if err := s.Tend(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Degraded(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
		}
	}
}

// Tend does one round of what Run does, and returns what failed.
func (s *Store) Tend(ctx context.Context) error {
	var errs []error
	if now := s.cfg.Clock().UnixMilli(); s.index.age(now) >= indexEvery.Milliseconds() {
		errs = append(errs, s.refresh(ctx, now))
	}
	errs = append(errs, s.carryOver(ctx))
	errs = append(errs, s.tendAll(ctx, s.tasks.take())...)
	s.metrics.hot.Set(float64(s.index.size()))
	return errors.Join(errs...)
}

// tendAll does what was asked for, and returns what failed.
func (s *Store) tendAll(ctx context.Context, queue map[stream]*task) (errs []error) {
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, tendWorkers)
	for st, k := range queue {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			if err := s.tend(ctx, st, k); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	group.Wait()
	return errs
}

// tend does for one stream what its state asks for, and queues what is left.
func (s *Store) tend(ctx context.Context, st stream, k *task) error {
	ctx, cancel := context.WithTimeout(ctx, tendTimeout)
	defer cancel()
	now := s.cfg.Clock().UnixMilli()
	if h, known := s.index.get(st); known && now < h.since && (!k.fast || h.fine > 0) {
		s.tasks.back(st, k)
		return nil
	}
	main, err := s.head(ctx, st)
	if err == nil {
		err = s.tendHead(ctx, st, k, main)
	}
	if err != nil {
		s.tasks.back(st, k)
	}
	return err
}

// tendHead goes by what the entity's row says.
func (s *Store) tendHead(ctx context.Context, st stream, k *task, main bigtable.Row) error {
	marks, err := parseMeta(main)
	if err != nil {
		return storeError("tend stream", err)
	}
	h := marks[st.family]
	now := s.cfg.Clock().UnixMilli()
	left := main[st.family]
	if h.since == 0 || k.fast && h.fine == 0 && now+fastLead+rawSpan < h.since {
		if eventCount(left) > s.cfg.tuning.busy {
			s.tasks.back(st, k)
			return s.promote(ctx, st, now, k.fast)
		}
		return nil
	}
	if k.fast && h.fine == 0 {
		if h, err = s.quicken(ctx, st, h); err != nil {
			return err
		}
	}
	h = s.born(h)
	s.index.learn(st, h)
	switch known, _ := s.index.get(st); {
	case now < h.since:
		s.tasks.back(st, k)
		return nil
	case len(left) > 0:
		s.tasks.back(st, k) // sealing waits, so that no event is in a tile while it is here
		return s.move(ctx, st, left)
	case now-known.listed > hotRefresh.Milliseconds():
		var b batch
		b.keys, b.mutations = []string{st.hotRow()}, []*bigtable.Mutation{indexCell(h, now)}
		if err := s.bulk(ctx, "list hot stream", &b); err != nil {
			return err
		}
		s.index.learn(st, hotState{since: h.since, listed: now})
	}
	return s.seal(ctx, st, k, h)
}

// head reads an entity's row: the marks of its streams, and what it holds of one.
func (s *Store) head(ctx context.Context, st stream) (bigtable.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	row, err := s.table.ReadRow(ctx, st.entity, bigtable.RowFilter(bigtable.InterleaveFilters(
		bigtable.ChainFilters(bigtable.FamilyFilter(familyMeta), bigtable.LatestNFilter(1)),
		bigtable.ChainFilters(bigtable.FamilyFilter(st.family), bigtable.LatestNFilter(1),
			bigtable.CellsPerRowLimitFilter(headFactor*(s.cfg.tuning.busy+1))),
	)))
	return row, storeError("read head of stream", err)
}

func eventCount(items []bigtable.ReadItem) int {
	n := 0
	for i := range items {
		if isEvent(qualifierOf(&items[i])) {
			n++
		}
	}
	return n
}

// promote marks a stream as hot, from a moment by which every process has read the index. Of several promotions the
// earliest counts: its stamp is the greatest. The mark in the entity's row comes first: what the index says always stands
// there too.
func (s *Store) promote(ctx context.Context, st stream, now int64, fast bool) error {
	h := hotState{since: now + s.cfg.tuning.hotDelay.Milliseconds(), listed: now}
	if fast {
		h.since, h.fine = now+s.cfg.tuning.fastDelay.Milliseconds(), 1
	}
	h = s.born(h)
	if s.index.full() {
		return nil
	}
	var b batch
	b.row(st.entity).Set(familyMeta, metaHot+st.family, stamp(farFuture-h.since), number(h.since))
	if fast {
		b.row(st.entity).Set(familyMeta, metaFine+st.family, stamp(farFuture-h.fine), number(h.fine))
	}
	if err := s.bulk(ctx, "promote stream", &b); err != nil {
		return err
	}
	s.index.learn(st, h)
	var listed batch
	listed.row(st.hotRow()).Set(familyHot, column, stamp(now), indexValue(h))
	return s.bulk(ctx, "list hot stream", &listed)
}

// moveBatch is how many cells are moved at once.
const moveBatch = 500

// move rewrites what the entity's row holds of a hot stream as late events, then deletes it there. A reader meets each
// event in either place or in both, and no tile can hold it before the next round: by then no read is under way that
// saw it in the entity's row.
func (s *Store) move(ctx context.Context, st stream, left []bigtable.ReadItem) error {
	for len(left) > 0 {
		n := min(len(left), moveBatch)
		for n < len(left) && eventName(qualifierOf(&left[n])) == eventName(qualifierOf(&left[n-1])) {
			n++
		}
		if err := s.moveSome(ctx, st, left[:n]); err != nil {
			return err
		}
		left = left[n:]
	}
	return nil
}

func (s *Store) moveSome(ctx context.Context, st stream, left []bigtable.ReadItem) error {
	cells := make([]feature.Cell, len(left))
	for i := range left {
		q := qualifierOf(&left[i])
		at, err := timeOf(q)
		if err != nil {
			return err
		}
		cells[i] = feature.Cell{Entity: st.entity, Family: st.family, Qualifier: q, At: at, Value: left[i].Value}
	}
	seen, err := s.rawSeen(ctx, st, cells)
	if err != nil {
		return err
	}
	var b batch
	gone := bigtable.NewMutation()
	now := s.cfg.Clock().UnixMilli()
	h, _ := s.index.get(st)
	var event []byte
	for i := range cells {
		c := &cells[i]
		gone.DeleteCellsInColumn(c.Family, c.Qualifier)
		prior := seen[eventName(c.Qualifier)]
		switch {
		case isEvent(c.Qualifier):
			event = c.Value
		case i == 0 || eventName(cells[i-1].Qualifier) != eventName(c.Qualifier):
			event = prior[eventName(c.Qualifier)].value
		}
		if old, ok := prior[c.Qualifier]; ok {
			s.tasks.dirty(st, c.At, old.at)
			continue
		}
		if event == nil { // a status of an event that nobody has seen
			b.row(h.rawRows(st, c.At)[0]).Set(c.Family, c.Qualifier, stamp(now), c.Value)
		} else if err := s.putLate(&b, &lateWrite{c, event, prior, now}); err != nil {
			return err
		}
		s.tasks.dirty(st, c.At, now)
	}
	if len(b.keys) > 0 {
		if err := s.bulk(ctx, "move events of hot stream", &b); err != nil {
			return err
		}
	}
	return s.bulk(ctx, "delete moved events", &batch{[]string{st.entity}, []*bigtable.Mutation{gone}})
}

// rawSeen reads what the raw rows hold of the events of cells, by the event's name.
func (s *Store) rawSeen(ctx context.Context, st stream, cells []feature.Cell) (map[string]map[string]seenCell, error) {
	wanted := map[string]map[string]seenCell{}
	h, _ := s.index.get(st)
	var keys bigtable.RowList
	for i := range cells {
		wanted[eventName(cells[i].Qualifier)] = map[string]seenCell{}
		keys = append(keys, h.rawRows(st, cells[i].At)...)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	err := s.table.ReadRows(ctx, keys, func(r bigtable.Row) bool {
		items := r[st.family]
		for i := range items {
			if name := eventName(qualifierOf(&items[i])); wanted[name] != nil {
				addSeen(wanted[name], items[i:i+1])
			}
		}
		return true
	})
	return wanted, storeError("look for moved events", err)
}
