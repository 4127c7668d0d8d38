package store

import (
	"context"
	"errors"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

const (
	// fastSpan is the time over which a stream's events are counted to tell a fast one.
	fastSpan = int64(10_000)
	// fastMissed is how old the watermark of a stream that is read beyond the bound may be for the stream, not its upkeep, to
	// be the cause.
	fastMissed = int64(180_000)
	// fastEvery is the least time between two rounds over fast streams.
	fastEvery = 500 * time.Millisecond
	// fastRest is how long such rounds rest after one that failed.
	fastRest = 5 * time.Second
	// fastLead is the least time from the mark of a fast stream to its first fine bucket: longer than the write of the mark
	// may take, so that no bucket is sealed as a coarse one after it.
	fastLead = int64(4_000)
	// fastOpening is how long after its first fine bucket a stream is sealed with the short lag: longer than a write takes
	// that was begun before.
	fastOpening = int64(3_000)
)

// A fast stream has buckets of a tenth of a second, late events after half a second, and rounds of upkeep of its own:
// at 1,667 events a second one raw row of ten seconds is as much as a payment may read, and a raw head of a minute more
// than twice the bound.

// finest is the finest tile over a moment.
func (h hotState) finest(at int64) feature.Level {
	if h.fine > 0 && at >= h.fine {
		return feature.LevelTenth
	}
	return feature.LevelTenSeconds
}

// raw stands for the kind of raw row that an event of a moment belongs in.
func (h hotState) raw(at int64) feature.Level {
	if h.finest(at) == feature.LevelTenth {
		return fineRaw
	}
	return feature.LevelRaw
}

// bucket is the start of the bucket that holds a moment.
func (h hotState) bucket(at int64) int64 { return floorTo(at, h.finest(at).Span()) }

// step is what the watermark moves in.
func (h hotState) step() int64 {
	if h.fine > 0 {
		return fineRawSpan
	}
	return rawSpan
}

// rawRows names the rows that may hold an event, first the one to write it into: who did not know that the stream is fast
// wrote into the other.
func (h hotState) rawRows(st stream, at int64) []string {
	if h.raw(at) == feature.LevelRaw {
		return []string{st.row(feature.LevelRaw, at)}
	}
	return []string{st.row(fineRaw, at), st.row(feature.LevelRaw, at)}
}

// spans is what a payment reads of a stream.
func (h hotState) spans(at int64) (spans []feature.Span) {
	if h.cool {
		start := max(at-feature.MaxWindow.Milliseconds()+1, 0)
		return h.lay(nil, feature.Span{Level: feature.LevelRaw, Start: h.bucket(start), End: h.bucket(at) + rawSpan})
	}
	for _, span := range feature.Plan(at, h.sealed, h.finest(at)) {
		spans = h.lay(spans, span)
	}
	return spans
}

// lay adds a span as the stream's rows have it: before the stream was fast there are no tiles finer than ten seconds, and
// since then its raw events may lie in rows of either kind.
func (h hotState) lay(spans []feature.Span, span feature.Span) []feature.Span {
	if h.fine == 0 || span.Level >= feature.LevelTenSeconds {
		return append(spans, span)
	}
	if span.Start < h.fine {
		spans = append(spans, feature.Span{Level: feature.LevelRaw, Start: span.Start, End: min(span.End, h.fine)})
		span.Start = h.fine
	}
	if span.Start >= span.End {
		return spans
	}
	if span.Level == feature.LevelRaw {
		spans = append(spans, span)
		span.Level = fineRaw
	}
	return append(spans, span)
}

// lags is the age from which an event of a stream may have missed its tile, and that from which a bucket is sealed, in
// milliseconds, at a moment.
func (t *tuning) lags(h hotState, now int64) (late, seal int64) {
	if h.fine > 0 && now >= h.fine {
		return t.fastLate.Milliseconds(), t.fastSeal.Milliseconds()
	}
	return t.lateAfter.Milliseconds(), t.sealLag.Milliseconds()
}

// fast reports whether a payment sees so many events of the last ten seconds that its stream is fast.
func (t *tuning) fast(events []feature.Event, at int64) bool {
	n := 0
	for i := len(events) - 1; i >= 0 && events[i].At > at-fastSpan; i-- {
		n++
	}
	return n >= t.fastEvents
}

// quicken marks a hot stream as fast from a moment on.
func (s *Store) quicken(ctx context.Context, st stream, h hotState) (hotState, error) {
	now := s.cfg.Clock().UnixMilli()
	h.fine, h.listed = floorTo(now+fastLead+rawSpan, rawSpan), now
	var b batch
	b.row(st.entity).Set(familyMeta, metaFine+st.family, stamp(farFuture-h.fine), number(h.fine))
	if err := s.bulk(ctx, "mark fast stream", &b); err != nil {
		return h, err
	}
	s.index.learn(st, h)
	return h, s.bulk(ctx, "list fast stream", &batch{[]string{st.hotRow()}, []*bigtable.Mutation{indexCell(h, now)}})
}

// strays adds the buckets of [start, end) of which something lies in coarse rows: who wrote it did not know yet that the
// stream is fast.
func (j *sealing) strays(ctx context.Context, into map[int64]bool, start, end int64) error {
	var bad error
	err := j.store.table.ReadRows(ctx, j.rowsIn(feature.LevelRaw, start, end), func(r bigtable.Row) bool {
		for _, item := range r[j.family] {
			at, err := timeOf(qualifierOf(&item))
			if bad = err; err != nil {
				return false
			}
			if at >= start && at < end {
				into[j.state.bucket(at)] = true
			}
		}
		return true
	}, bigtable.RowFilter(bigtable.ChainFilters(bigtable.FamilyFilter(j.family), bigtable.StripValueFilter())))
	return storeError("list stray events", errors.Join(err, bad))
}

// runFast looks after fast streams as soon as reads ask for it, until ctx ends.
func (s *Store) runFast(ctx context.Context) {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return
		case <-s.tasks.wake:
		}
		pause := fastEvery
		if err := errors.Join(s.tendAll(ctx, s.tasks.takeFast())...); err != nil && ctx.Err() == nil {
			s.cfg.Degraded(err)
			pause = fastRest
		}
		rest.Reset(pause)
	}
}
