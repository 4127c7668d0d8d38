package event_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestADecisionOfANewerReleaseIsKept: its payment has values that this release does not know. They reach the audit as
// missing or unknown, are written again, and never keep a decision away from it.
func TestADecisionOfANewerReleaseIsKept(t *testing.T) {
	t.Parallel()
	made, err := event.EncodeDecision(&pix.Decision{Transaction: exampleTransaction(t), Outcome: pix.Reject})
	if err != nil {
		t.Fatal(err)
	}
	var m pixv1.Decision
	if err := proto.Unmarshal(made.Data, &m); err != nil {
		t.Fatal(err)
	}
	m.Transaction.Direction, m.Transaction.Purpose, m.Transaction.Payee.KeyKind = 77, 77, 77
	if made.Data, err = proto.Marshal(&m); err != nil {
		t.Fatal(err)
	}
	d, err := event.DecodeDecision(made, now())
	if err != nil {
		t.Fatal(err)
	}
	if tx := d.Transaction; tx.Direction == "" || tx.Purpose != "" || tx.PayeeFacts.KeyKind != pix.UnknownKey {
		t.Errorf("direction %q, purpose %q, kind of key %q", tx.Direction, tx.Purpose, tx.PayeeFacts.KeyKind)
	}
	if _, err := event.EncodeDecision(&d); err != nil {
		t.Errorf("not written again: %v", err)
	}
}

// TestEveryWayOfReadingADecisionAgrees: the quick reader, the generated message behind it and JSON give the payment the
// same moment, by which its events are found, and refuse it for the same reason.
func TestEveryWayOfReadingADecisionAgrees(t *testing.T) {
	t.Parallel()
	made, err := event.EncodeDecision(&pix.Decision{Transaction: exampleTransaction(t), Outcome: pix.Reject})
	if err != nil {
		t.Fatal(err)
	}
	ways := func(change func(*pixv1.Transaction)) map[string]event.Envelope {
		var m pixv1.Decision
		if err := proto.Unmarshal(made.Data, &m); err != nil {
			t.Fatal(err)
		}
		change(m.Transaction)
		quick, err := proto.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		text, err := protojson.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		slow := append(quick[:len(quick):len(quick)], 0x0a, 0) // one more payment, of which everything is missing
		return map[string]event.Envelope{
			"quick": {Data: quick, Attributes: made.Attributes}, "generated": {Data: slow, Attributes: made.Attributes}, "JSON": {Data: text},
		}
	}
	at := time.Date(2026, 11, 23, 14, 30, 12, 123_987_654, time.UTC)
	for way, e := range ways(func(tx *pixv1.Transaction) { tx.EventTime = timestamppb.New(at) }) {
		if d, err := event.ReadDecision(e); err != nil || !d.Transaction.EventTime.Equal(at.Truncate(time.Millisecond)) {
			t.Errorf("%s: event time %v, %v", way, d.Transaction.EventTime, err)
		}
	}
	for way, e := range ways(func(tx *pixv1.Transaction) { tx.Session.Duration = durationpb.New(-time.Second) }) {
		_, err := event.ReadDecision(e)
		if p := problems(t, err); len(p) != 1 || p[0].Field != "transaction.session.duration" {
			t.Errorf("%s: %v", way, err)
		}
	}
}

// TestAnUnknownCodeIsNamed: what cannot be written names its field.
func TestAnUnknownCodeIsNamed(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	tx.PayeeFacts.Person = "ROBOT"
	_, err := event.EncodeTransaction(&tx)
	if p := problems(t, err); len(p) != 1 || p[0].Field != "payee.person" {
		t.Errorf("%v", err)
	}
}
