package lake

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"
)

// maxStatsText is how many characters of a text go into the log, as Spark does it.
const maxStatsText = 32

// stat is what is known of a column in one file. Only columns outside lists have one.
type stat struct {
	name     string
	kind     Type
	repeated bool
	children []*stat

	nulls        int64
	seen         bool
	low, high    int64 // of integers, truth values and timestamps
	min, max     string
	maxUnlimited bool // no text of maxStatsText characters is above the maximum
}

func newStats(fields []Field) []*stat {
	stats := make([]*stat, len(fields))
	for i, f := range fields {
		stats[i] = &stat{name: f.Name, kind: f.Type, repeated: f.repeated()}
		if f.Type == TypeRecord && !f.repeated() {
			stats[i].children = newStats(f.Fields)
		}
	}
	return stats
}

// number takes in a value of a column of integers, truth values or timestamps.
func (s *stat) number(n int64) {
	if !s.seen {
		s.seen, s.low, s.high = true, n, n
		return
	}
	s.low, s.high = min(s.low, n), max(s.high, n)
}

// words takes in a value of a column of texts. Comparing with what was cut gives what comparing whole texts would: a
// text between a maximum and its cut form is cut to the same form.
func (s *stat) words(v string) {
	if !s.seen || v < s.min {
		s.min = strings.Clone(cut(v))
	}
	if !s.maxUnlimited && (!s.seen || v > s.max) {
		upper, ok := cutAbove(v)
		s.max, s.maxUnlimited = strings.Clone(upper), !ok
	}
	s.seen = true
}

// cut returns the first maxStatsText characters of a valid text.
func cut(v string) string {
	if len(v) <= maxStatsText {
		return v
	}
	n := 0
	for i := range v {
		if n == maxStatsText {
			return v[:i]
		}
		n++
	}
	return v
}

// cutAbove returns a text of at most maxStatsText characters that is not below v, byte by byte: v itself, or its first
// characters with the last one raised. There is none when all of them are the last character of Unicode.
func cutAbove(v string) (string, bool) {
	head := cut(v)
	if head == v {
		return v, true
	}
	for len(head) > 0 {
		r, size := utf8.DecodeLastRuneInString(head)
		head = head[:len(head)-size]
		switch r {
		case utf8.MaxRune:
			continue // nothing is above it: raise the one before
		case 0xD7FF:
			r = 0xE000 // what lies between is no character
		default:
			r++
		}
		return head + string(r), true
	}
	return "", false
}

// fileStats is the log's form of what is known of a file.
type fileStats struct {
	NumRecords int64          `json:"numRecords"`
	MinValues  map[string]any `json:"minValues"`
	MaxValues  map[string]any `json:"maxValues"`
	NullCount  map[string]any `json:"nullCount"`
}

// encodeStats returns the stats of an add action.
func encodeStats(stats []*stat, rows int64) (string, error) {
	lows, highs, nulls := bounds(stats)
	out, err := json.Marshal(fileStats{NumRecords: rows, MinValues: lows, MaxValues: highs, NullCount: nulls})
	return string(out), err
}

func bounds(stats []*stat) (lows, highs, nulls map[string]any) {
	lows, highs, nulls = map[string]any{}, map[string]any{}, map[string]any{}
	for _, s := range stats {
		if s.children != nil {
			l, h, n := bounds(s.children)
			nulls[s.name] = n
			if len(l) > 0 {
				lows[s.name] = l
			}
			if len(h) > 0 {
				highs[s.name] = h
			}
			continue
		}
		nulls[s.name] = s.nulls
		low, high := s.bounds()
		if low != nil {
			lows[s.name] = low
		}
		if high != nil {
			highs[s.name] = high
		}
	}
	return lows, highs, nulls
}

// bounds returns a column's minimum and maximum as the log writes them, nil where there is none: readers then skip
// nothing. Floats have none, because NaN has no place among them for some readers.
func (s *stat) bounds() (low, high any) {
	if !s.seen || s.repeated {
		return nil, nil
	}
	switch s.kind {
	case TypeInteger:
		return s.low, s.high
	case TypeBoolean:
		return s.low != 0, s.high != 0
	case TypeTimestamp:
		return statTime(floorMillis(s.low)), upperTime(s.high)
	case TypeString:
		if s.maxUnlimited {
			return s.min, nil
		}
		return s.min, s.max
	default:
		return nil, nil
	}
}

// Timestamps are in milliseconds in the log. The minimum is rounded down and the maximum up, so both hold for readers
// that allow for a cut maximum and for those that do not.
func floorMillis(micros int64) int64 { return micros - ((micros%1000)+1000)%1000 }

func upperTime(micros int64) any {
	up := floorMillis(micros + 999)
	if up > maxMicros {
		return nil // year 10000 is no timestamp
	}
	return statTime(up)
}

func statTime(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.000Z")
}
