package store

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Families and columns beside those of events, which shared/feature names.
const (
	familyDecision = "dec"
	familyPending  = "pend"
	column         = "d" // the one column of a decision or a mark
	pendingPrefix  = "pend#"
	pendingShards  = 16
)

// timeBytes is the length of the time in an event's qualifier: 48 bits of milliseconds last until the year 10889.
const timeBytes = 6

// qualifier names an event's cell. at must fit timeBytes.
func qualifier(e *feature.Event) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(e.At))
	return string(b[8-timeBytes:]) + string(e.ID)
}

// parseQualifier reads a qualifier back.
func parseQualifier(q string) (at int64, id pix.EndToEndID, err error) {
	if len(q) <= timeBytes {
		return 0, "", errQualifier
	}
	for _, b := range []byte(q[:timeBytes]) {
		at = at<<8 | int64(b)
	}
	return at, pix.EndToEndID(q[timeBytes:]), nil
}

// events decodes one family of a row. Cells come in order of their qualifier, thus of time.
func events(row bigtable.Row, family string) ([]feature.Event, error) {
	items := row[family]
	if len(items) == 0 {
		return nil, nil
	}
	out := make([]feature.Event, 0, len(items))
	for i := range items {
		at, id, err := parseQualifier(items[i].Column[len(family)+1:])
		if err != nil {
			return nil, err
		}
		e, err := feature.DecodeEvent(id, at, items[i].Value)
		if err != nil {
			return nil, fmt.Errorf("decode event: %w", err)
		}
		out = append(out, e)
	}
	return out, nil
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
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return fmt.Sprintf("%s%02x#%s", pendingPrefix, h.Sum32()%pendingShards, id)
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
	d, err := event.DecodeDecision(event.Envelope{Data: items[0].Value, Attributes: map[string]string{
		event.AttrSchema: event.SchemaDecision, event.AttrEncoding: event.EncodingProto,
	}})
	if err != nil {
		return nil, fmt.Errorf("decode decision: %w", err)
	}
	return &d, nil
}
