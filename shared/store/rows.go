package store

import (
	"fmt"
	"hash/fnv"
	"iter"
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

// history decodes the row of one entity.
func history(row bigtable.Row) (feature.History, error) {
	var h feature.History
	for family, into := range map[string]*feature.Stream{
		feature.FamilyOut: &h.Out, feature.FamilyIn: &h.In, feature.FamilyUse: &h.Use,
	} {
		events, err := feature.DecodeStream(len(row[family]), columns(row, family))
		if err != nil {
			return h, err
		}
		into.Events = events
	}
	for q, value := range columns(row, feature.FamilyFirst) {
		first, err := feature.DecodeFirst(value)
		if err != nil {
			return h, err
		}
		if into := h.First.Of(q); into != nil {
			*into = first
		}
	}
	var err error
	h.Marks, err = feature.DecodeMarks(columns(row, feature.FamilyMark))
	return h, err
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
