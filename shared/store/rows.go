package store

import (
	"fmt"
	"hash/fnv"
	"iter"
	"strings"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Families and columns beside those of entities, which shared/feature names.
const (
	familyDecision = "dec"
	familyPending  = "pend"
	familyTile     = "tile" // of a hot stream's rows
	familyLate     = "late" // events and statuses that came after their tile was made
	familyMeta     = "meta" // marks of hot streams in the entity's row
	familyHot      = "hot"  // of the index
	column         = "d"    // the one column of a mark, an open minute, an index row or a value, and that of a decision
	// columnPublished is a decision's second column, whose stamp says when the decision was known to be published.
	columnPublished = "published"
	pendingPrefix   = "pend#"
	minutePrefix    = "minute#"
	registerPrefix  = "register#"
	hotPrefix       = "hot#"
	pendingShards   = 16
)

// hotRefresh is how old an index row gets before it is written again, so that it outlives its stream's events only.
const hotRefresh = 24 * time.Hour

// shardOf spreads keys that are read as a whole.
func shardOf(key string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return h.Sum32() % pendingShards
}

// columns lists the newest version of each column of a family, in order of their qualifiers.
func columns(row bigtable.Row, family string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		items := row[family]
		for i := range items {
			if i > 0 && items[i].Column == items[i-1].Column {
				continue
			}
			if !yield(items[i].Column[len(family)+1:], items[i].Value) {
				return
			}
		}
	}
}

// decisionTail is how many characters of the end of an EndToEndId are free of institution and time.
const decisionTail = 11

// decisionRow names the row of a decision.
func decisionRow(id pix.EndToEndID) string {
	cut := max(len(id)-decisionTail, 0)
	return string(id[cut:]) + "#" + string(id[:cut])
}

// minuteOf numbers the minute of a moment.
func minuteOf(t time.Time) int64 { return t.UnixMilli() / time.Minute.Milliseconds() }

// minuteStart is the first moment of a minute.
func minuteStart(minute int64) time.Time {
	return time.UnixMilli(minute * time.Minute.Milliseconds()).UTC()
}

// minuteRow names the row that says that a minute of event time may hold marks.
func minuteRow(minute int64) string { return fmt.Sprintf("%s%010d", minutePrefix, minute) }

// pendingRows is the prefix of the rows of a minute's marks in a shard. Numbers have a fixed width, so that rows sort by
// time.
func pendingRows(shard uint32, minute int64) string {
	return fmt.Sprintf("%s%02x#%010d#", pendingPrefix, shard, minute)
}

// pendingRow names the row of a mark. It is derived from the payment alone, so that removing a mark needs no search.
func pendingRow(id pix.EndToEndID, minute int64) string {
	return pendingRows(shardOf(string(id)), minute) + string(id)
}

// parsePendingRow reads such a name back.
func parsePendingRow(row string) (engine.Mark, bool) {
	parts := strings.SplitN(row, "#", 4)
	if len(parts) != 4 || parts[3] == "" {
		return engine.Mark{}, false
	}
	minute, err := parseNumber([]byte(parts[2]))
	return engine.Mark{ID: pix.EndToEndID(parts[3]), Minute: minuteStart(minute)}, err == nil
}

// registerRow names the row of a value that processes agree by.
func registerRow(name string) string { return registerPrefix + name }

// milli is a moment as Bigtable takes it: this table counts in milliseconds.
func milli(t time.Time) bigtable.Timestamp { return bigtable.Time(t).TruncateToMilliseconds() }

// decodeDecision reads the decision out of its row, nil when there is none. That it is published counts when it was said
// after the decision: what a row holds beyond its decision may outlive it.
func decodeDecision(row bigtable.Row) (*pix.Decision, error) {
	items := row[familyDecision]
	if len(items) == 0 || items[0].Column != familyDecision+":"+column {
		return nil, nil
	}
	d, err := event.ReadDecision(event.Envelope{Data: items[0].Value, Attributes: map[string]string{
		event.AttrSchema: event.SchemaDecision, event.AttrEncoding: event.EncodingProto,
	}})
	if err != nil {
		return nil, fmt.Errorf("decode decision: %w", err)
	}
	for i := range items[1:] {
		if said := &items[1+i]; qualifierOf(said) == columnPublished && said.Timestamp >= items[0].Timestamp {
			d.Published = true
		}
	}
	return &d, nil
}
