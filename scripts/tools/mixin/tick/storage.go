// Package tick evaluates rules with Prometheus' own engine over series that a test writes down, a tick at a time, so that a
// test can say on which tick an alert fires. Alerts' states are those of Prometheus' rules package, which is not linked for
// what it links: every service discovery there is.
package tick

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// sample is a value at a moment in ms.
type sample struct {
	at int64
	v  float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

// series is one time series.
type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// Storage holds series in memory for the engine.
type Storage struct {
	byLabels map[string]*series
}

// NewStorage reads series in promtool's notation, one value each interval from the moment 0: `up{job="a"} 1x10 _ 0+5x3`.
func NewStorage(interval time.Duration, described ...string) (*Storage, error) {
	s := &Storage{byLabels: map[string]*series{}}
	for _, d := range described {
		l, values, err := parser.ParseSeriesDesc(strings.TrimSpace(d))
		if err != nil {
			return nil, fmt.Errorf("series %s: %w", d, err)
		}
		for i, v := range values {
			if !v.Omitted {
				s.add(l, sample{int64(i) * interval.Milliseconds(), v.Value})
			}
		}
	}
	return s, nil
}

func (s *Storage) add(l labels.Labels, v sample) {
	key := l.String()
	if s.byLabels[key] == nil {
		s.byLabels[key] = &series{labels: l}
	}
	s.byLabels[key].samples = append(s.byLabels[key].samples, v)
}

// stale ends a recorded series, as Prometheus does when a rule no longer gives it.
func (s *Storage) stale(key string, at int64) {
	if known := s.byLabels[key]; known != nil {
		known.samples = append(known.samples, sample{at, math.Float64frombits(value.StaleNaN)})
	}
}

// Querier implements storage.Queryable.
func (s *Storage) Querier(mint, maxt int64) (storage.Querier, error) {
	return querier{s, mint, maxt}, nil
}

type querier struct {
	*Storage
	mint, maxt int64
}

// Select implements storage.Querier.
func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	var found []storage.Series
	for _, known := range q.byLabels {
		if !matches(known.labels, matchers) {
			continue
		}
		from, _ := slices.BinarySearchFunc(known.samples, q.mint, func(s chunks.Sample, at int64) int { return int(s.T() - at) })
		to, _ := slices.BinarySearchFunc(known.samples, q.maxt+1, func(s chunks.Sample, at int64) int { return int(s.T() - at) })
		if from < to {
			found = append(found, storage.NewListSeries(known.labels, known.samples[from:to]))
		}
	}
	slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
	return &set{found: found}
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

// LabelValues implements storage.Querier; no expression asks.
func (querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// LabelNames implements storage.Querier; no expression asks.
func (querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

// Close implements storage.Querier.
func (querier) Close() error { return nil }

// set walks over series.
type set struct {
	found []storage.Series
	next  int
}

func (s *set) Next() bool                        { s.next++; return s.next <= len(s.found) }
func (s *set) At() storage.Series                { return s.found[s.next-1] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }
