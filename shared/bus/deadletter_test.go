package bus_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/bus"
	"github.com/sentinela-pix/sentinela/shared/event"
)

const (
	id     = "E12345678202611231504abcdefghijk"
	parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

func TestDeadLetter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		letter     bus.Letter
		attributes map[string]string
		data       string
	}{
		"complete": {
			letter: bus.Letter{
				Reason: "invalid", Detail: "amount: must be positive", Source: "kafka",
				Origin: map[string]string{event.AttrDeadLetterTopic: "t", event.AttrDeadLetterOffset: "7", event.AttrDeadLetterMessageID: "2070443601311540"},
				Envelope: event.Envelope{Data: []byte("tokens"), Attributes: map[string]string{
					event.AttrSchema: "pix.v1.Transaction", event.AttrEncoding: "proto", event.AttrEventID: id, event.AttrTraceparent: parent,
				}},
			},
			attributes: map[string]string{
				"dlq_reason": "invalid", "dlq_detail": "amount: must be positive", "dlq_source": "kafka", "dlq_topic": "t", "dlq_offset": "7",
				"dlq_message_id": "2070443601311540",
				"schema":         "pix.v1.Transaction", "encoding": "proto", "end_to_end_id": id, "traceparent": parent,
			},
			data: "tokens",
		},
		"a producer's attributes may hold anything": {
			letter: bus.Letter{
				Reason: "invalid", Source: "kafka",
				Envelope: event.Envelope{Attributes: map[string]string{
					"cpf": "52998224725", event.AttrEventID: "52998224725", event.AttrSchema: "52998224725",
					event.AttrTraceparent: "Maria da Silva", event.AttrEncoding: "maria", event.AttrOutcome: "MARIA",
					"tracestate": "a=52998224725", event.AttrDeadLetterDetail: "52998224725",
				}},
				Origin: map[string]string{event.AttrDeadLetterMessageID: "52998224725", event.AttrDeadLetterTopic: "Maria da Silva", "cpf": "52998224725"},
			},
			attributes: map[string]string{"dlq_reason": "invalid", "dlq_detail": "", "dlq_source": "kafka"},
		},
		"too large a payload is left out": {
			letter:     bus.Letter{Reason: "too_large", Source: "kafka", Envelope: event.Envelope{Data: make([]byte, bus.MaxMessageBytes)}},
			attributes: map[string]string{"dlq_reason": "too_large", "dlq_detail": "", "dlq_source": "kafka"},
		},
		"a long detail is cut": {
			letter: bus.Letter{Reason: "invalid", Source: "kafka", Detail: strings.Repeat("é", 1000)},
			attributes: map[string]string{
				"dlq_reason": "invalid", "dlq_source": "kafka", "dlq_detail": strings.Repeat("é", bus.MaxAttributeValueBytes/2),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, server, _ := open(t, bus.Config{})
			if err := b.DeadLetter(t.Context(), topic, tc.letter); err != nil {
				t.Fatal(err)
			}
			if err := b.DeadLetterAsync(t.Context(), topic, tc.letter).Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := len(server.Messages()); n != 2 {
				t.Fatalf("%d letters, want 2", n)
			}
			for _, got := range server.Messages() {
				if diff := cmp.Diff(tc.attributes, got.Attributes); diff != "" {
					t.Error(diff)
				}
				if string(got.Data) != tc.data {
					t.Errorf("payload of %d bytes, want %d", len(got.Data), len(tc.data))
				}
			}
		})
	}
}

func TestWellFormed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yes, no []string }{
		event.AttrTraceparent: {[]string{parent}, []string{
			"", "x", parent + "0", "01" + parent[2:], strings.ToUpper(parent), strings.Replace(parent, "-", "a", 1),
			strings.Replace(parent, "0af", "joa", 1), strings.Replace(parent, "0af", "0a/", 1), strings.Replace(parent, "0af", "0a:", 1),
			"00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		}},
		event.AttrEventID:             {[]string{id}, []string{"", "52998224725", id + "a", "e" + id[1:], strings.Replace(id, "1231", "1331", 1)}},
		event.AttrSchema:              {[]string{"pix.v1.Transaction", "pix.v1.Status", "pix.v1.Label"}, []string{"", "pix.52998224725", "pix.v1.MariaDaSilva", "pix.v1.transaction"}},
		event.AttrEncoding:            {[]string{"json", "proto"}, []string{"", "maria", "JSON"}},
		event.AttrOutcome:             {[]string{"APPROVE", "REJECT"}, []string{"", "MARIA", "approve"}},
		event.AttrDeadLetterMessageID: {[]string{"1", "136969346945", "2070443601311540"}, []string{"", "-1", "1a", "52998224725", "11222333000181", strings.Repeat("1", 21)}},
		event.AttrDeadLetterTopic:     {[]string{"pix.transactions", "a_b-C"}, []string{"", "a b", "maria@exemplo.com", strings.Repeat("a", 250)}},
		event.AttrDeadLetterOffset:    {[]string{"0", "9223372036854775807"}, []string{"", "-1", "1.5"}},
		event.AttrArrivedAt:           {[]string{"2026-11-23T14:30:12.345Z"}, []string{"", "2026-11-23", "52998224725", "2026-11-23T14:30:12,345Z"}},
		event.AttrReplay:              {[]string{"true"}, []string{"", "false", "TRUE", "52998224725"}},
		event.AttrDeadLetterReason:    {[]string{"invalid", "too_large"}, []string{"", "Maria", "a b"}},
		event.AttrDeadLetterDetail:    {nil, []string{"anything"}},
		"tracestate":                  {nil, []string{"a=1"}},
		"cpf":                         {nil, []string{"52998224725"}},
	} {
		for _, v := range c.yes {
			if !bus.WellFormed(name, v) {
				t.Errorf("%s: %q is refused", name, v)
			}
		}
		for _, v := range c.no {
			if bus.WellFormed(name, v) {
				t.Errorf("%s: %q passes", name, v)
			}
		}
	}
}

func FuzzTruncate(f *testing.F) {
	f.Add("")
	f.Add(strings.Repeat("a", 1023) + "é")
	f.Add(strings.Repeat("\xff", 1024))
	f.Fuzz(func(t *testing.T, s string) {
		got := bus.Truncate(s)
		if len(got) > bus.MaxAttributeValueBytes || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %v", len(got), utf8.ValidString(got))
		}
		if valid := strings.ToValidUTF8(s, "\uFFFD"); !strings.HasPrefix(valid, got) || len(valid)-len(got) > 3 && len(got) < bus.MaxAttributeValueBytes-3 {
			t.Error("cut more than needed")
		}
	})
}
