package dlq

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/sentinela-pix/sentinela/kafka-bridge/bridge"
	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
)

// letter is a dead letter, as programs read it. Attributes that are not well formed are not ours and not shown.
type letter struct {
	ID         string    `json:"id"` // Pub/Sub's
	At         time.Time `json:"at"`
	Reason     string    `json:"reason"`
	Detail     string    `json:"detail"`
	Source     string    `json:"source"`
	EndToEndID string    `json:"end_to_end_id,omitempty"`
	Schema     string    `json:"schema,omitempty"`
	HasPayload bool      `json:"has_payload"`
	Bytes      int       `json:"payload_bytes"`
	MessageID  string    `json:"message_id,omitempty"` // of the message that died
	Topic      string    `json:"topic,omitempty"`      // Kafka's, like the rest
	Partition  string    `json:"partition,omitempty"`
	Offset     string    `json:"offset,omitempty"`
	LastOffset string    `json:"last_offset,omitempty"`
	Records    int       `json:"records"`

	message bus.Received
}

func read(m bus.Received) *letter {
	text := func(name string) string {
		if v := m.Attributes[name]; bus.WellFormed(name, v) {
			return v
		}
		return ""
	}
	return &letter{
		ID: m.ID, At: m.Published.UTC(), Reason: text(event.AttrDeadLetterReason), Source: text(event.AttrDeadLetterSource),
		Detail: printable(m.Attributes[event.AttrDeadLetterDetail]), EndToEndID: text(event.AttrEventID),
		Schema: text(event.AttrSchema), HasPayload: len(m.Data) > 0, Bytes: len(m.Data),
		MessageID: text(event.AttrDeadLetterMessageID), Topic: text(event.AttrDeadLetterTopic),
		Partition: text(event.AttrDeadLetterPartition), Offset: text(event.AttrDeadLetterOffset),
		LastOffset: text(event.AttrDeadLetterLastOffset), Records: m.Records(), message: m,
	}
}

// printable keeps a terminal from obeying what is printed on it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

// where says where the message lies or lay.
func (l *letter) where() string {
	switch {
	case l.Topic == "" && l.MessageID == "":
		return ""
	case l.Topic == "":
		return "message " + l.MessageID
	case l.LastOffset != "" && l.LastOffset != l.Offset:
		return fmt.Sprintf("%s/%s/%s-%s", l.Topic, l.Partition, l.Offset, l.LastOffset)
	default:
		return fmt.Sprintf("%s/%s/%s", l.Topic, l.Partition, l.Offset)
	}
}

// place is the range of Kafka that the letter names; false where it names none.
func (l *letter) place() (bridge.Range, bool) {
	last := l.LastOffset
	if last == "" {
		last = l.Offset
	}
	r, err := parseRange(fmt.Sprintf("%s/%s/%s-%s", l.Topic, l.Partition, l.Offset, last))
	return r, err == nil
}

// parseRange reads TOPIC/PARTITION/OFFSET or TOPIC/PARTITION/FIRST-LAST.
func parseRange(s string) (bridge.Range, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 || parts[0] == "" {
		return bridge.Range{}, fmt.Errorf("want TOPIC/PARTITION/FIRST-LAST, for example pix.transactions/3/17-20")
	}
	first, last, several := strings.Cut(parts[2], "-")
	if !several {
		last = first
	}
	partition, err1 := strconv.ParseInt(parts[1], 10, 32)
	from, err2 := strconv.ParseInt(first, 10, 64)
	to, err3 := strconv.ParseInt(last, 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || partition < 0 || from < 0 || to < from {
		return bridge.Range{}, fmt.Errorf("want TOPIC/PARTITION/FIRST-LAST with numbers in order, for example pix.transactions/3/17-20")
	}
	return bridge.Range{Topic: parts[0], Partition: int32(partition), First: from, Last: to}, nil
}

// filter says which letters are meant.
type filter struct{ id, reason string }

// takes tells whether a letter is meant: the id is the letter's own or its payment's.
func (f filter) takes(l *letter) bool {
	return (f.reason == "" || f.reason == l.Reason) && (f.id == "" || f.id == l.ID || f.id == l.EndToEndID)
}
