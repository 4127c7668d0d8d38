package event_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// timed is a message type with a valid example and its decoder.
type timed struct {
	example proto.Message
	decode  func(event.Envelope) error
}

func timedMessages(t *testing.T) map[string]timed {
	t.Helper()
	tx := exampleTransaction(t)
	read := func(m proto.Message, data []byte) proto.Message {
		if err := protojson.Unmarshal(data, m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	unpack := func(m proto.Message, e event.Envelope, err error) proto.Message {
		if err == nil {
			err = proto.Unmarshal(e.Data, m)
		}
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	tokenised, err := event.EncodeTransaction(&tx)
	carried := unpack(&pixv1.Transaction{}, tokenised, err)
	status, err := event.EncodeStatus(&pix.Status{ID: tx.ID, EventTime: tx.EventTime, State: pix.Settled, OccurredAt: now()})
	settled := unpack(&pixv1.Status{}, status, err)
	label, err := event.EncodeLabel(&pix.Label{ID: tx.ID, EventTime: tx.EventTime, ArrivedAt: now(), Source: "MED"})
	labelled := unpack(&pixv1.Label{}, label, err)
	alert, err := event.EncodeAlert(&pix.Alert{ID: tx.ID, EventTime: tx.EventTime, RaisedAt: now(), Outcome: pix.Block, HoldUntil: now().Add(time.Hour)})
	raised := unpack(&pixv1.Alert{}, alert, err)
	decision, err := event.EncodeDecision(&pix.Decision{Transaction: tx, Outcome: pix.Block, DecidedAt: now(), HoldUntil: now().Add(72 * time.Hour)})
	decided := unpack(&pixv1.Decision{}, decision, err)
	return map[string]timed{
		"raw payment": {read(&pixv1.Transaction{}, example(t)), func(e event.Envelope) error { _, err := event.DecodeTransaction(e, tokenizer(t), now()); return err }},
		"payment":     {carried, func(e event.Envelope) error { _, err := event.DecodeTransaction(e, nil, now()); return err }},
		"status":      {settled, func(e event.Envelope) error { _, err := event.DecodeStatus(e, now()); return err }},
		"label":       {labelled, func(e event.Envelope) error { _, err := event.DecodeLabel(e, now()); return err }},
		"alert":       {raised, func(e event.Envelope) error { _, err := event.DecodeAlert(e, now()); return err }},
		"decision":    {decided, func(e event.Envelope) error { _, err := event.DecodeDecision(e, now()); return err }},
	}
}

// timestamps lists the paths of the times in a message type. Of the payment in a decision those that its decision
// judged are left out: see DecodeDecision.
func timestamps(md protoreflect.MessageDescriptor, path []protoreflect.FieldDescriptor) [][]protoreflect.FieldDescriptor {
	var found [][]protoreflect.FieldDescriptor
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		at := append(path[:len(path):len(path)], fd)
		switch {
		case fd.Message() == nil || fd.IsList():
		case fd.Message().FullName() == "google.protobuf.Timestamp":
			found = append(found, at)
		case len(path) == 0 || path[0].Name() != "transaction":
			found = append(found, timestamps(fd.Message(), at)...)
		}
	}
	return found
}

// with returns m with one time set.
func with(m proto.Message, path []protoreflect.FieldDescriptor, at time.Time) proto.Message {
	m = proto.Clone(m)
	into := m.ProtoReflect()
	for _, fd := range path[:len(path)-1] {
		into = into.Mutable(fd).Message()
	}
	into.Set(path[len(path)-1], protoreflect.ValueOfMessage(timestamppb.New(at).ProtoReflect()))
	return m
}

// TestEveryTimeIsBounded puts a time of another century into every timestamp of every message, in both encodings: none is
// taken, and the refusal says which field it was.
func TestEveryTimeIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range timedMessages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			paths := timestamps(c.example.ProtoReflect().Descriptor(), nil)
			if len(paths) < 2 {
				t.Fatalf("only %d times found", len(paths))
			}
			holdTo(t, c, c.example, "")
			for _, path := range paths {
				field := path[len(path)-1].JSONName()
				holdTo(t, c, with(c.example, path, time.Date(2062, 1, 1, 0, 0, 0, 0, time.UTC)), field+": more than")
				holdTo(t, c, with(c.example, path, time.Date(1899, 12, 31, 0, 0, 0, 0, time.UTC)), field+": before")
			}
		})
	}
}

// holdTo decodes a message in both encodings and compares the refusal; an empty one means that it is taken.
func holdTo(t *testing.T, c timed, m proto.Message, refusal string) {
	t.Helper()
	wire, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []event.Envelope{envelope(wire, true), envelope(text, false)} {
		err := c.decode(e)
		if refusal == "" && err == nil {
			continue
		}
		if refusal == "" || err == nil || pix.KindOf(err) != pix.Invalid || !strings.Contains(err.Error(), refusal) {
			t.Errorf("%s, want %q: %v", e.Attributes[event.AttrEncoding], refusal, err)
		}
	}
}

// TestBoundsOfTimes holds the edges: what a producer says has five minutes, what one of our own parts let through a day.
func TestBoundsOfTimes(t *testing.T) {
	t.Parallel()
	all := timedMessages(t)
	for _, c := range []struct {
		message, field string
		ahead          time.Duration // of now
		refusal        string
	}{
		{"label", "arrived_at", 5 * time.Minute, ""},
		{"label", "arrived_at", 5*time.Minute + time.Millisecond, "arrivedAt: more than 5 minutes in the future"},
		{"label", "arrived_at", -10 * time.Minute, "arrivedAt: more than 5 minutes before eventTime"},
		{"status", "occurred_at", 5 * time.Minute, ""},
		{"status", "occurred_at", 5*time.Minute + time.Millisecond, "occurredAt: more than 5 minutes in the future"},
		{"alert", "raised_at", 24 * time.Hour, ""},
		{"alert", "raised_at", 24*time.Hour + time.Millisecond, "raisedAt: more than a day in the future"},
		{"decision", "decided_at", 24 * time.Hour, ""},
		{"decision", "decided_at", 24*time.Hour + time.Millisecond, "decidedAt: more than a day in the future"},
		{"decision", "hold_until", 366 * 24 * time.Hour, ""},
		{"decision", "hold_until", 367 * 24 * time.Hour, "holdUntil: more than a year in the future"},
	} {
		m := all[c.message]
		fd := m.example.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(c.field))
		holdTo(t, m, with(m.example, []protoreflect.FieldDescriptor{fd}, now().Add(c.ahead)), c.refusal)
	}
}

// TestAStoredDecisionStands: what a clock would refuse today is still the decision on its payment.
func TestAStoredDecisionStands(t *testing.T) {
	t.Parallel()
	d := pix.Decision{Transaction: exampleTransaction(t), Outcome: pix.Reject}
	e, err := event.EncodeDecision(&d)
	if err != nil {
		t.Fatal(err)
	}
	before := d.Transaction.EventTime.AddDate(-1, 0, 0)
	if _, err := event.DecodeDecision(e, before); pix.KindOf(err) != pix.Invalid {
		t.Errorf("read by a clock that is a year behind: %v", err)
	}
	if got, err := event.ReadDecision(e); err != nil || got.ID() != d.ID() {
		t.Errorf("out of the store: %v", err)
	}
}
