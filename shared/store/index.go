package store

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"cloud.google.com/go/bigtable"
)

// hotState is what a process knows of a hot stream. Moments are in milliseconds. Every field may lag behind the table:
// an older watermark is still one, and a reader that meets a stream it does not know reads again.
type hotState struct {
	since  int64 // from this moment on events go to bucket rows
	sealed int64 // every bucket that ends here or before has its tiles
	final  int64 // every bucket that ends here or before was looked at twice
	fine   int64 // of a fast stream: buckets from here on are of a tenth of a second; 0 for any other
	cool   bool  // no longer busy: read its events one by one
	listed int64 // when its index row was written
}

// index is the bounded set of hot streams in memory.
type index struct {
	mu      sync.RWMutex
	streams map[stream]hotState
	max     int
	fresh   int64 // when the table's index was last read
}

func newIndex(limit int) *index { return &index{streams: map[stream]hotState{}, max: limit} }

// get returns what is known of a stream.
func (x *index) get(s stream) (hotState, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	h, ok := x.streams[s]
	return h, ok
}

// learn merges news of a stream: the earliest promotion and the latest watermarks count. When there is no room, another
// stream is forgotten: it is learned again when it is met.
func (x *index) learn(s stream, news hotState) {
	x.mu.Lock()
	defer x.mu.Unlock()
	h, known := x.streams[s]
	if !known && len(x.streams) >= x.max {
		for other := range x.streams {
			delete(x.streams, other)
			break
		}
	}
	if !known || news.since < h.since {
		h.since = news.since
	}
	h.sealed, h.final = max(h.sealed, news.sealed), max(h.final, news.final)
	h.listed = max(h.listed, news.listed)
	if h.fine == 0 || news.fine > 0 && news.fine < h.fine {
		h.fine = news.fine
	}
	x.streams[s] = h
}

// full reports whether no further stream should be promoted.
func (x *index) full() bool { return x.size() >= x.max }

// setCool remembers how a stream is best read.
func (x *index) setCool(s stream, cool bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if h, ok := x.streams[s]; ok && h.cool != cool {
		h.cool = cool
		x.streams[s] = h
	}
}

func (x *index) size() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.streams)
}

// age is how long ago the table's index was read.
func (x *index) age(now int64) int64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return now - x.fresh
}

func (x *index) refreshed(now int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fresh = now
}

// refresh reads the index of hot streams into memory.
func (s *Store) refresh(ctx context.Context, now int64) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	var bad error
	err := s.table.ReadRows(ctx, bigtable.PrefixRange(hotPrefix), func(r bigtable.Row) bool {
		st, ok := parseHotRow(r.Key())
		news, err := parseIndexRow(r)
		if !ok || err != nil {
			bad = errMeta // one row that cannot be read must not hide the others
			return true
		}
		s.index.learn(st, news)
		return true
	}, bigtable.RowFilter(bigtable.LatestNFilter(1)), bigtable.LimitRows(int64(s.cfg.tuning.maxHot)))
	if err != nil {
		return storeError("read index of hot streams", err)
	}
	s.index.refreshed(now)
	s.metrics.hot.Set(float64(s.index.size()))
	return storeError("read index of hot streams", bad)
}

// indexCell writes the index row of a stream and removes older versions, which would lie there until the next garbage
// collection.
func indexCell(h hotState, now int64) *bigtable.Mutation {
	m := bigtable.NewMutation()
	m.DeleteTimestampRange(familyHot, column, 0, stamp(now))
	m.Set(familyHot, column, stamp(now), indexValue(h))
	return m
}

// indexValue is since, the watermark as a hint for processes that start, and from when on buckets are fine.
func indexValue(h hotState) []byte { return fmt.Appendf(nil, "%d %d %d", h.since, h.sealed, h.fine) }

func parseIndexRow(r bigtable.Row) (hotState, error) {
	var h hotState
	items := r[familyHot]
	if len(items) == 0 {
		return h, errMeta
	}
	for i, field := range strings.SplitN(string(items[0].Value), " ", 3) {
		v, err := parseNumber([]byte(field))
		if err != nil {
			return h, err
		}
		*[...]*int64{&h.since, &h.sealed, &h.fine}[i] = v
	}
	h.listed = millis(items[0].Timestamp)
	return h, nil
}

// Columns of the meta family, each followed by the stream's family.
const (
	metaHot    = "hot."
	metaSealed = "sealed."
	metaFinal  = "final."
	metaFine   = "fine."
)

// parseMeta reads what an entity's row says of its hot streams, by family.
func parseMeta(r bigtable.Row) (map[string]hotState, error) {
	items := r[familyMeta]
	if len(items) == 0 {
		return nil, nil
	}
	marks := map[string]hotState{}
	for q, value := range columns(r, familyMeta) {
		name, family, _ := strings.Cut(q, ".")
		v, err := parseNumber(value)
		if err != nil {
			return nil, err
		}
		h := marks[family]
		switch name + "." {
		case metaHot:
			h.since = v
		case metaSealed:
			h.sealed = v
		case metaFinal:
			h.final = v
		case metaFine:
			h.fine = v
		}
		marks[family] = h
	}
	for family, h := range marks {
		if h.since == 0 {
			delete(marks, family)
		}
	}
	return marks, nil
}

// born is the watermark of a stream that was never sealed: before it no bucket row was written but by late events, and
// those say so.
func (s *Store) born(h hotState) hotState {
	_, lag := s.cfg.tuning.lags(h, h.since)
	start := floorTo(max(h.since-lag, 0), rawSpan)
	h.sealed, h.final = max(h.sealed, start), max(h.final, start)
	return h
}
