package store

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/feature"
)

// stream is one family of one entity. What a hot stream holds lies in rows of its own, named after it.
type stream struct{ entity, family string }

// letters name the rows of a stream by what they hold: raw events, and tiles by level.
const letters = "rtusmhdf"

// Rows of raw events are of ten seconds, those of a fast stream of a tenth: as long as the stream's finest tile.
const (
	rawSpan     = int64(10_000)
	fineRawSpan = int64(100)
	fineRaw     = feature.LevelDay + 1 // stands for the latter beside the levels
)

// rowLevels lists what rows hold.
func rowLevels() []feature.Level {
	return append([]feature.Level{feature.LevelRaw, fineRaw}, feature.Levels(feature.LevelTenth)...)
}

// rowSpan is the stretch of time that one row of a level holds, in milliseconds: a payment reads all of it but the tile
// that an edge of a window divides.
func rowSpan(l feature.Level) int64 {
	switch l {
	case feature.LevelRaw:
		return rawSpan
	case fineRaw:
		return fineRawSpan
	case feature.LevelDay:
		return 31 * feature.LevelDay.Span()
	default:
		return (l + 1).Span()
	}
}

// row names the row that holds t at a level. Numbers have a fixed width, so that rows sort by time.
func (s stream) row(l feature.Level, t int64) string {
	return s.prefix(l) + fmt.Sprintf("%010d", max(t, 0)/rowSpan(l))
}

func (s stream) prefix(l feature.Level) string {
	return s.entity + "#" + s.family + "#" + string(letters[l])
}

// rowsIn is the range of the rows of a level that hold [start, end).
func (s stream) rowsIn(l feature.Level, start, end int64) bigtable.RowRange {
	return bigtable.NewClosedRange(s.row(l, start), s.row(l, end-1))
}

// hotRow names the row of the stream in the index of hot streams.
func (s stream) hotRow() string {
	return fmt.Sprintf("%s%02x#%s#%s", hotPrefix, shardOf(s.entity), s.family, s.entity)
}

// parseHotRow reads such a name back.
func parseHotRow(row string) (stream, bool) {
	parts := strings.SplitN(row, "#", 4)
	if len(parts) != 4 || parts[3] == "" {
		return stream{}, false
	}
	return stream{entity: parts[3], family: parts[2]}, true
}

// floorTo rounds t down to a multiple of span.
func floorTo(t, span int64) int64 { return t - t%span }

// timeBytes is the length of the time in a qualifier: 48 bits of milliseconds last until the year 10889.
const timeBytes = 6

// timeName names a column by a moment; names sort as moments do.
func timeName(t int64) string {
	b := make([]byte, timeBytes)
	for i := range b {
		b[i] = byte(t >> (8 * (timeBytes - 1 - i)))
	}
	return string(b)
}

// timeOf reads the moment at the head of a qualifier.
func timeOf(q string) (int64, error) {
	if len(q) < timeBytes {
		return 0, errQualifier
	}
	t := int64(0)
	for i := range timeBytes {
		t = t<<8 | int64(q[i])
	}
	return t, nil
}

// eventName cuts a status's qualifier down to that of its event; an event's is returned as it is.
func eventName(q string) string {
	if len(q) > timeBytes {
		if cut := strings.IndexByte(q[timeBytes:], '#'); cut >= 0 {
			return q[:timeBytes+cut]
		}
	}
	return q
}

// isEvent reports whether a qualifier names an event, not a status.
func isEvent(q string) bool { return eventName(q) == q }

// qualifierOf is an item's column without its family.
func qualifierOf(item *bigtable.ReadItem) string {
	return item.Column[strings.IndexByte(item.Column, ':')+1:]
}

// stamp is a moment in milliseconds as the table counts.
func stamp(ms int64) bigtable.Timestamp { return bigtable.Timestamp(ms * 1000) }

// millis reads a cell's stamp back.
func millis(t bigtable.Timestamp) int64 { return int64(t) / 1000 }

// number and parseNumber are the values of marks in the meta family: plain decimal, for whoever reads with cbt.
func number(v int64) []byte { return strconv.AppendInt(nil, v, 10) }

func parseNumber(b []byte) (int64, error) {
	v, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || v < 0 {
		return 0, errMeta
	}
	return v, nil
}

// farFuture minus a moment is the stamp of a mark whose earliest version counts.
const farFuture = int64(math.MaxInt64 / 1_000_000)
