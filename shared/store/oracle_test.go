package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// oracle is a single-threaded reference: every event of every stream, one by one, with what statuses said of it.
type oracle struct {
	events map[[2]string]map[pix.EndToEndID]*feature.Event
	notes  map[string]bool
}

func newOracle() *oracle {
	return &oracle{events: map[[2]string]map[pix.EndToEndID]*feature.Event{}, notes: map[string]bool{}}
}

func (o *oracle) record(tx *pix.Transaction) {
	for _, w := range feature.Writes(tx) {
		key := [2]string{w.Row, w.Family}
		if o.events[key] == nil {
			o.events[key] = map[pix.EndToEndID]*feature.Event{}
		}
		if o.events[key][w.Event.ID] == nil {
			o.events[key][w.Event.ID] = &w.Event
		}
	}
}

func (o *oracle) status(tx *pix.Transaction, s *pix.Status) {
	for _, w := range feature.StatusWrites(tx, s) {
		name := fmt.Sprint(w.Row, w.Family, w.Note)
		if e := o.events[[2]string{w.Row, w.Family}][w.Note.ID]; e != nil && !o.notes[name] {
			o.notes[name] = true
			e.Apply(&w.Note)
		}
	}
}

// stream lists the events of an entity's family under both tokens.
func (o *oracle) stream(r feature.Row, family string) feature.Stream {
	var s feature.Stream
	for _, row := range []string{r.Previous, r.Current} {
		for _, e := range o.events[[2]string{row, family}] {
			s.Events = append(s.Events, *e)
		}
	}
	s.Events = feature.Sort(s.Events)
	return s
}

// window is everything that a payment sees of a stream in one window.
type window struct {
	Totals  feature.Totals
	Parties feature.Sketch
	Last    int64
	Amounts string
}

// windows sums a stream up as the payment sees it, from tiles and events alike. It fails when an edge of a window
// divides a tile.
func windows(t *testing.T, tx *pix.Transaction, family string, s feature.Stream) (out []window) {
	t.Helper()
	at := tx.Moment().UnixMilli()
	for _, span := range []time.Duration{
		time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, feature.MaxWindow,
	} {
		from := at - span.Milliseconds() + 1
		sum := feature.Tile{}
		for i := range s.Tiles {
			switch tile := &s.Tiles[i]; {
			case tile.Start+tile.Level.Span() > at:
				t.Fatalf("a tile of level %d reaches into the payment's future", tile.Level)
			case tile.Start >= from:
				sum.Merge(tile)
			case tile.Start+tile.Level.Span() > from:
				t.Fatalf("the edge of the %v window divides a tile of level %d", span, tile.Level)
			}
		}
		var seen []feature.Event
		for _, e := range s.Events {
			if e.At >= from && (e.At < at || e.At == at && e.ID < tx.ID) && e.ID != tx.ID {
				seen = append(seen, e)
			}
		}
		rest := feature.NewTile(family, feature.LevelDay, 0, seen)
		sum.Merge(&rest)
		out = append(out, window{sum.Totals, sum.Parties, sum.Last, fmt.Sprint(sum.Amounts)})
	}
	return out
}

// totals leaves out of windows what nobody can read.
func totals(list []window) (out []feature.Totals) {
	for _, w := range list {
		out = append(out, w.Totals)
	}
	return out
}

// clock is a wall clock that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) at(skew time.Duration) func() time.Time {
	return func() time.Time {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.now.Add(skew)
	}
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *clock) advance(d time.Duration) { c.set(c.at(0)().Add(d)) }

// merchant is a world with one busy payee, seen by several processes.
type merchant struct {
	*oracle
	t      *testing.T
	clock  *clock
	opts   []option.ClientOption
	cfg    store.Config
	stores []*store.Store
	number int
	rotate func(kind pix.TokenKind, n int) pix.TokenPair
}

func newMerchant(t *testing.T, tuning store.Tuning) *merchant {
	t.Helper()
	m := &merchant{
		oracle: newOracle(), t: t, clock: &clock{now: storetest.Start()}, opts: server(t), rotate: storetest.Pair,
	}
	m.cfg = store.Tuned(config(t), tuning)
	return m
}

// process opens one more process whose clock is off by skew.
func (m *merchant) process(skew time.Duration, extra ...option.ClientOption) *store.Store {
	m.t.Helper()
	cfg := m.cfg
	cfg.Clock = m.clock.at(skew)
	s := open(m.t, cfg, m.opts, extra...)
	m.stores = append(m.stores, s)
	return s
}

const payee = 7777

// payment makes the next payment to the merchant, at a moment.
func (m *merchant) payment(at time.Time) pix.Transaction {
	m.number++
	tx := storetest.Payment(m.number, m.number%97, payee)
	tx.EventTime = at.Truncate(time.Millisecond)
	if m.number%4 == 3 { // it came now, and says another date
		tx.EventTime, tx.ReceivedAt = tx.EventTime.Add(-3*time.Hour), tx.EventTime
	}
	tx.Payer.Account, tx.Payee.Account = m.rotate(pix.AccountToken, m.number%97), m.rotate(pix.AccountToken, payee)
	tx.DeviceToken = m.rotate(pix.DeviceToken, 10_000+m.number%97)
	return tx
}

// record records a payment through one process.
func (m *merchant) pay(s *store.Store, tx *pix.Transaction) {
	m.t.Helper()
	must(m.t, s.Record(m.t.Context(), tx))
	m.record(tx)
}

func (m *merchant) mark(s *store.Store, tx *pix.Transaction, status *pix.Status) {
	m.t.Helper()
	must(m.t, s.MarkStatus(m.t.Context(), tx, status))
	m.status(tx, status)
}

// tend does a round of upkeep in every process.
func (m *merchant) tend() {
	m.t.Helper()
	for _, s := range m.stores {
		must(m.t, s.Tend(m.t.Context()))
	}
}

// read gives what a payment of now sees of the merchant.
func (m *merchant) read(s *store.Store, tx *pix.Transaction) feature.Histories {
	m.t.Helper()
	h, _, err := s.Read(m.t.Context(), tx)
	must(m.t, err)
	return h
}

// check compares what a payment sees with the oracle, in every process.
func (m *merchant) check(tx *pix.Transaction) (tiles int) {
	m.t.Helper()
	rows := feature.Rows(tx)
	for i, s := range m.stores {
		h := m.read(s, tx)
		for _, c := range []struct {
			name, family string
			row          feature.Row
			got          feature.Stream
		}{
			{"payee in", feature.FamilyIn, rows.Payee, h.Payee.In},
			{"payee out", feature.FamilyOut, rows.Payee, h.Payee.Out},
			{"payer out", feature.FamilyOut, rows.Payer, h.Payer.Out},
			{"device", feature.FamilyUse, rows.Device, h.Device.Use},
			{"pair", feature.FamilyOut, rows.Pair, h.Pair.Out},
		} {
			want, got := windows(m.t, tx, c.family, m.stream(c.row, c.family)), windows(m.t, tx, c.family, c.got)
			if !slices.Equal(want, got) {
				m.t.Fatalf("process %d, payment %d at %v: %s with %d tiles and %d events (-want +got):\n%s", i, m.number,
					tx.EventTime, c.name, len(c.got.Tiles), len(c.got.Events), cmp.Diff(totals(want), totals(got)))
			}
		}
		tiles = max(tiles, len(h.Payee.In.Tiles))
	}
	return tiles
}
