package store

import (
	"fmt"
	"hash/fnv"
	"iter"
	"strings"
	"time"

	"cloud.google.com/go/bigtable"

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
	column         = "d"    // the one column of a decision, a pending mark or an index row
	pendingPrefix  = "pend#"
	hotPrefix      = "hot#"
	pendingShards  = 16
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

// pendingRow names the row of a mark. It is derived from the id alone, so that removing a mark needs no search.
func pendingRow(id pix.EndToEndID) string {
	return fmt.Sprintf("%s%02x#%s", pendingPrefix, shardOf(string(id)), id)
}

// pendingID reads the id out of a mark's row key.
func pendingID(row string) pix.EndToEndID {
	return pix.EndToEndID(row[strings.LastIndexByte(row, '#')+1:])
}

// milli is a moment as Bigtable takes it: this table counts in milliseconds.
func milli(t time.Time) bigtable.Timestamp { return bigtable.Time(t).TruncateToMilliseconds() }

// decodeDecision reads the decision out of its row, nil when there is none.
func decodeDecision(row bigtable.Row) (*pix.Decision, error) {
	items := row[familyDecision]
	if len(items) == 0 {
		return nil, nil
	}
	d, err := event.ReadDecision(event.Envelope{Data: items[0].Value, Attributes: map[string]string{
		event.AttrSchema: event.SchemaDecision, event.AttrEncoding: event.EncodingProto,
	}})
	if err != nil {
		return nil, fmt.Errorf("decode decision: %w", err)
	}
	return &d, nil
}
